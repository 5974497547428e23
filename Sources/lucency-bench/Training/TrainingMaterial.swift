import Lucency

/// What the networks of the bench learn from and are tried on, as the trainer takes it.
struct TrainingMaterial {
    let training: [TrainingCase]
    let test: [TrainingCase]

    private static let preprocessing = Preprocessing(channels: [.init(name: "gray", normalization: .zScore)])

    /// Rendered micrographs; those of the test are other pictures. The seed is always the same, so that trainings of several
    /// seeds differ in nothing else.
    init(size: Int, count: Int, pool: ThreadPool) throws {
        let path = "phantoms/membranes.yaml"
        guard FileSystem.isFile(path) else {
            throw Diagnostic(.missingFile, "\(path) is not there: run it from the checkout, or give --data")
        }
        let settings = try ["width=\(size)", "height=\(size)"].map { try Setting(parsing: $0) }
        let phantom = try PhantomFile(path: path, settings: settings).world.phantom
        func cases(_ indices: Range<Int>) throws -> [TrainingCase] {
            try indices.map { index in
                let values = try phantom(seed: 1, index: index, ["image", "label"], pool: pool).values
                guard case .image(let image)? = values["image"], case .labels(let labels)? = values["label"] else {
                    throw Diagnostic(.stageFailed, "\(path) renders no image with a label map")
                }
                return try Self.trainingCase("\(index)", image, labels, pool)
            }
        }
        training = try cases(0..<count)
        test = try cases(2000..<2000 + max(1, count / 3))
    }

    /// The images of a folder: `images` and `masks` with equal stems, and the stems in `train.txt` and `test.txt`.
    /// - Parameter classes: the masks' stored value of each class.
    /// - Throws: `Diagnostic` naming the file that is missing or holds another value.
    init(folder: String, classes: [Int32], pool: ThreadPool) throws {
        func files(_ name: String) throws -> [String: String] {
            let path = FileSystem.join(folder, name)
            let names = try FileSystem.names(in: path)
            return Dictionary(
                names.map { (FileSystem.stem(of: $0), FileSystem.join(path, $0)) },
                uniquingKeysWith: { first, _ in first })
        }
        let images = try files("images"), masks = try files("masks")
        func cases(_ list: String) throws -> [TrainingCase] {
            let text = try FileSystem.text(FileSystem.join(folder, list), limit: 1 << 20)
            return try text.split(whereSeparator: \.isWhitespace).map(String.init).map { stem in
                guard let image = images[stem], let mask = masks[stem] else {
                    throw Diagnostic(
                        .missingFile, "\(list) of \(folder) names '\(stem)', which has no image or no mask")
                }
                let pixels = try ImageFormats.reader(for: image).readImage(
                    image, pages: .automatic, region: nil, limits: .standard)
                let stored = try ImageFormats.reader(for: mask).readLabels(mask, pages: .automatic, limits: .standard)
                return try Self.trainingCase(stem, pixels, try Self.classified(stored, classes, mask), pool)
            }
        }
        training = try cases("train.txt")
        test = try cases("test.txt")
    }

    private static func classified(_ stored: LabelMap, _ classes: [Int32], _ path: String) throws -> LabelMap {
        let numbers = try stored.labels.array.map { value -> Int32 in
            guard let number = classes.firstIndex(of: value) else {
                throw Diagnostic(.badLabel, "\(path) holds \(value), which --classes does not name")
            }
            return Int32(number)
        }
        return try LabelMap(geometry: stored.geometry, labels: AlignedBuffer(numbers))
    }

    private static func trainingCase(
        _ name: String, _ image: Image, _ labels: LabelMap, _ pool: ThreadPool
    ) throws -> TrainingCase {
        let normalized = try preprocessing(image, pool: pool)
        return try TrainingCase(name: name, image: normalized, labels: labels.with(geometry: normalized.geometry))
    }
}
