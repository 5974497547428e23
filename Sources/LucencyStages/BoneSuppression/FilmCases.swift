import LucencyFoundation
import LucencyFormats
import LucencyImaging
import LucencyLearning
import LucencyNetworks
import LucencyPipeline
import LucencyTensor

/// A film and its soft tissue, to learn from.
struct FilmCase: Sendable {
    let name: String
    let film: Image
    let softTissue: Image?

    init(_ name: String, _ film: Image, _ softTissue: Image?) throws {
        if let softTissue {
            try film.geometry.requireMatch(softTissue.geometry, "film and soft tissue of '\(name)'")
        }
        self.name = name
        self.film = film
        self.softTissue = softTissue
    }

    /// Film and soft tissue, as far as they are there.
    var images: [Image] {
        guard let softTissue else { return [film] }
        return [film, softTissue]
    }
}

/// What trainers of bone suppression share.
enum FilmTraining {
    /// The window that is stated, or from the lowest to the highest intensity of all images.
    static func window(_ stated: [Double]?, _ cases: [FilmCase]) throws -> FilmWindow {
        if let window = try self.stated(stated) { return window }
        var low = Float.infinity, high = -Float.infinity
        for image in cases.flatMap(\.images) {
            image.pixels.withUnsafeBufferPointer { values in
                for value in values { (low, high) = (min(low, value), max(high, value)) }
            }
        }
        guard low < high else { throw Diagnostic(.noItems, "there are no images to train with, or they are blank") }
        return try FilmWindow(low: Double(low), high: Double(high))
    }

    /// The window that is stated, if one is.
    /// - Throws: `Diagnostic` where it is not two intensities, the lower one first.
    static func stated(_ window: [Double]?) throws(Diagnostic) -> FilmWindow? {
        guard let window else { return nil }
        guard window.count == 2 else {
            throw Diagnostic(.badValue, "`window` is two intensities, such as [0, 65535]")
        }
        return try FilmWindow(low: window[0], high: window[1])
    }

    /// Pictures in -1...1 side by side, as an 8-bit image.
    static func strip(_ pictures: [Tensor]) throws -> Image {
        guard let first = pictures.first, first.shape.rank == 2 else {
            throw Diagnostic(.noItems, "there is no picture to show")
        }
        let (height, width) = (first.shape[0], first.shape[1])
        let columns = pictures.map(\.array), size = GridSize(width * pictures.count, height)
        let pixels = AlignedBuffer<Float>(count: size.count) { target in
            for row in 0..<height {
                for (number, values) in columns.enumerated() {
                    for column in 0..<width {
                        let value = ((values[row * width + column] + 1) * 127.5).rounded()
                        target.initializeElement(
                            at: (row * columns.count + number) * width + column, to: min(max(value, 0), 255))
                    }
                }
            }
        }
        return try Image(geometry: Geometry(size: size), pixels: pixels)
    }

    /// Keeps a strip where a training keeps its checkpoints, to be looked at while it goes on.
    static func show(_ pictures: [Tensor], _ context: StageContext) throws {
        guard let folder = context.work.folder else { return }
        try FileSystem.makeFolder(folder)
        try PNGFormat().write(
            strip(pictures), to: FileSystem.join(folder, "preview.png"), options: WriteOptions(bits: 8))
    }

    static func progress(_ record: StepRecord, of steps: Int, secondsLeft: Double) -> WorkProgress {
        var figures: [(name: String, value: Double)] = []
        for (name, value) in record.figures.sorted(by: { $0.key < $1.key }) { figures.append((name, value)) }
        figures.append(("s left", secondsLeft.rounded()))
        let fraction = Double(record.step) / Double(max(1, steps))
        return WorkProgress(fraction: fraction, message: "step \(record.step) of \(steps)", figures: figures)
    }

    static func key(_ parts: JSONValue...) -> String { SHA256.hex(of: parts.map(\.text).joined()) }

    static func records(_ records: [StepRecord]) -> RecordValue { RecordValue(.array(records.map(\.json))) }
}
