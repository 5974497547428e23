import LucencyFoundation
import LucencyImaging

/// A picture in two resolutions, with what it shows.
public struct HistologyCase: Sendable {
    public let name: String
    /// The sharp picture, and the same with wider pixels.
    let sharp: Sample
    let coarse: Sample
    /// Number of the class.
    public let label: Int
    /// Who it is of; nil where that is not known.
    public let patient: String?

    /// - Parameters:
    ///   - coarse: the picture as the coarse camera sees it; nil makes it of the sharp one by an antialiased bicubic
    ///     reduction (Keys, a = −0.5).
    ///   - factor: pixels of `sharp` along a pixel of `coarse`.
    /// - Throws: `Diagnostic` when the sizes do not fit, a picture is not flat, or channels differ.
    public init(
        name: String, sharp: Image, coarse: Image? = nil, factor: Int, label: Int, patient: String? = nil,
        pool: ThreadPool = .serial
    ) throws {
        guard sharp.size.isPlanar else {
            throw Diagnostic(.sizeMismatch, "'\(name)' is a volume; super-resolution takes flat pictures")
        }
        // Rows and columns that fill no coarse pixel are left out.
        let width = sharp.size.x / factor, height = sharp.size.y / factor
        guard width > 0, height > 0 else {
            throw Diagnostic(.sizeMismatch, "'\(name)' with \(sharp.size) pixels is smaller than one coarse pixel")
        }
        let fine = try Self.sample(name, sharp, GridSize(width * factor, height * factor))
        let low = try coarse ?? Resample(size: [width, height], interpolation: .cubic)(Self.image(fine), pool: pool)
        guard low.size.isPlanar, low.size.x == width, low.size.y == height else {
            throw Diagnostic(
                .sizeMismatch,
                "'\(name)': a picture of \(sharp.size) pixels has a coarse one of \(low.size), and should have "
                    + "\(width) × \(height) for the factor \(factor)",
                remedy: "give the coarse picture of that factor, or leave it out: it is then made of the sharp one")
        }
        guard low.channels == sharp.channels else {
            throw Diagnostic(
                .channelMismatch, "'\(name)' has \(sharp.channels) channels, its coarse picture \(low.channels)")
        }
        self.name = name
        self.sharp = fine
        self.coarse = try Self.sample(name, low, low.size)
        self.label = label
        self.patient = patient
    }

    /// Of each picture: 3 of colours.
    public var channels: Int { sharp.channels }
    /// Width and height of the sharp picture.
    var extents: (x: Int, y: Int) { (sharp.size.x, sharp.size.y) }

    /// The upper left part of an image.
    private static func sample(_ name: String, _ image: Image, _ size: GridSize) throws -> Sample {
        let form = SampleForm(size: image.size, channels: image.channels)
        let labels = AlignedBuffer<Int32>(repeating: 0, count: image.size.count)
        let whole = try Sample(name: name, form: form, image: image.pixels, labels: labels)
        return try PatchCut(start: .zero, size: size, padding: .mirror, transform: nil)(whole)
    }

    private static func image(_ sample: Sample) throws -> Image {
        try Image(
            geometry: Geometry(size: sample.size), colorModel: sample.channels == 3 ? .rgb : .channels(sample.channels),
            pixels: sample.image)
    }

    /// A square part of both resolutions, which show the same.
    /// - Parameters:
    ///   - x, y: its first pixel in the coarse picture.
    ///   - side: of the sharp part, a multiple of `factor`.
    func patch(x: Int, y: Int, side: Int, factor: Int) throws(Diagnostic) -> (sharp: Sample, coarse: Sample) {
        func cut(_ sample: Sample, _ x: Int, _ y: Int, _ side: Int) throws(Diagnostic) -> Sample {
            try PatchCut(start: [x, y, 0], size: GridSize(side, side), padding: .mirror, transform: nil)(sample)
        }
        return (try cut(sharp, x * factor, y * factor, side), try cut(coarse, x, y, side / factor))
    }

    /// Refuses patients of whom there are pictures to learn from and to judge by: what is learnt of a patient would be
    /// taken for knowledge of the disease.
    public static func checkPatients(
        training: [HistologyCase], validation: [HistologyCase]
    ) throws(Diagnostic) {
        let learnt = Dictionary(
            training.compactMap { item in item.patient.map { ($0, item.name) } }, uniquingKeysWith: { a, _ in a })
        for item in validation {
            guard let patient = item.patient, let other = learnt[patient] else { continue }
            throw Diagnostic(
                .mixedSources,
                "the patient '\(patient)' is in training ('\(other)') and in validation ('\(item.name)')",
                remedy: "divide by patients: `split: {…, group: {file: list.csv, column: patient}}` on the source")
        }
    }

    /// Divides cases so that all of a patient are on one side; cases of unknown patients stand for themselves. Patients are
    /// taken for validation in an order that the seed draws from their names, until they have that part of the cases. One
    /// patient at least stays on each side.
    public static func divided(
        _ cases: [HistologyCase], validation fraction: Double, seed: UInt64
    ) -> (training: [HistologyCase], validation: [HistologyCase]) {
        func unit(_ item: HistologyCase) -> String { item.patient.map { "patient \($0)" } ?? "case \(item.name)" }
        let counts = Dictionary(cases.map { (unit($0), 1) }, uniquingKeysWith: +)
        guard fraction > 0, counts.count > 1 else { return (cases, []) }
        let ranked = counts.keys.map { name -> (UInt64, String) in
            var random = PhiloxStream(seed: seed, stream: "validation \(name)")
            return (random.next(), name)
        }.sorted { $0 < $1 }
        let wanted = fraction * Double(cases.count)
        var chosen: Set<String> = [], count = 0
        for (_, name) in ranked.dropLast() where Double(count) < wanted {
            chosen.insert(name)
            count += counts[name] ?? 0
        }
        return (cases.filter { !chosen.contains(unit($0)) }, cases.filter { chosen.contains(unit($0)) })
    }
}
