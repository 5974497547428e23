import LucencyFoundation
import LucencyImaging

/// The file or files of one case's prediction.
public enum PredictionFiles: Hashable, Sendable {
    /// One file that holds all classes, or the probability of the foreground alone.
    case single(String)
    /// One file for each class, by its place among the classes. The background's may be missing.
    case perClass([Int: String])

    /// All files, in the order of the classes.
    public var paths: [String] {
        switch self {
        case .single(let path): [path]
        case .perClass(let paths): paths.sorted { $0.key < $1.key }.map(\.value)
        }
    }

    /// A file to name in messages.
    public var path: String { paths.first ?? "" }
}

/// The probabilities of a case, and how exactly they were stored.
public struct Prediction: Sendable {
    public let map: ProbabilityMap
    /// The stored type, such as `uint8`.
    public let type: String
    /// How far a stored probability may be off; 0 for float32.
    public let halfStep: Float
}

/// Reads predictions of any tool: PNG, TIFF, NPY and NPZ; classes as channels, pages, a first or last axis, or files.
///
/// What cannot be probabilities is refused with the likely reason. Sums that are off by rounding are divided out.
public struct PredictionReader: Sendable {
    /// Where an array counts its classes.
    public enum ClassAxis: String, CaseIterable, Sendable { case first, last }

    /// Names; empty takes as many as the file has, called by their numbers.
    public var classes: [String] = []
    /// nil finds the axis by the reference's size.
    public var axis: ClassAxis?
    /// The name of the array in NPZ files.
    public var array: String?
    /// Whether the numbers are logits, which become probabilities by softmax (by a sigmoid where there is one plane).
    public var isLogits = false
    public var limits = ReadLimits.standard

    public init() {}

    /// - Parameter geometry: of the reference, whose size the prediction must have.
    public func callAsFunction(_ files: PredictionFiles, geometry: Geometry) throws -> Prediction {
        do {
            switch files {
            case .single(let path):
                let stored = try StoredPlanes.read(path, array: array, limits: limits)
                let (count, axis) = try layout(of: stored.shape, for: geometry.size)
                let values =
                    axis == .last && count > 1 ? Self.classesFirst(stored.values, classes: count) : stored.values
                return try prediction(values, planes: count, stored.type, stored.halfStep, geometry)
            case .perClass(let paths): return try joined(paths, geometry)
            }
        } catch { throw Diagnostic.wrapping(error, as: .damagedFile).located(in: files.path) }
    }

    // MARK: Axes

    /// How many classes a shape holds, and along which axis.
    private func layout(of shape: [Int], for size: GridSize) throws(Diagnostic) -> (Int, ClassAxis) {
        // Axes of one pixel, such as a batch of one, mean nothing.
        let found = shape.filter { $0 != 1 }, wanted = [size.z, size.y, size.x].filter { $0 != 1 }
        if found == wanted { return (1, .first) }
        let fits = ClassAxis.allCases.filter { axis in
            guard found.count == wanted.count + 1, self.axis == nil || self.axis == axis else { return false }
            return Array(axis == .first ? found.dropFirst() : found.dropLast()) == wanted
        }
        let text = shape.map(String.init).joined(separator: " × ")
        let reference = wanted.isEmpty ? "1" : wanted.map(String.init).joined(separator: " × ")
        switch fits.count {
        case 1: return (fits[0] == .first ? found[0] : found[found.count - 1], fits[0])
        case 0:
            var remedy = "predictions must be on the grid of the labels; resample them before"
            if found.count >= 2, wanted.count == 2, Array(found.suffix(2)) == [wanted[1], wanted[0]] {
                remedy = "rows and columns seem to be swapped"
            }
            throw Diagnostic(
                .shapeMismatch, "the prediction is \(text), which does not hold classes of a label of \(reference)",
                remedy: remedy)
        default:
            throw Diagnostic(
                .shapeMismatch, "of \(text) either the first or the last axis may count classes",
                remedy: "say which: `--class-axis first` or `--class-axis last`")
        }
    }

    /// Pixels × classes turned to classes × pixels.
    private static func classesFirst(_ values: AlignedBuffer<Float>, classes: Int) -> AlignedBuffer<Float> {
        let count = values.count / classes
        return values.withUnsafeBufferPointer { values in
            AlignedBuffer(count: values.count) { out in
                for plane in 0..<classes {
                    for index in 0..<count { out[plane &* count &+ index] = values[index &* classes &+ plane] }
                }
            }
        }
    }

    /// Planes of several files, the background made where it is missing.
    private func joined(_ paths: [Int: String], _ geometry: Geometry) throws -> Prediction {
        let count = max(classes.count, (paths.keys.max() ?? 0) + 1), pixels = geometry.size.count
        var planes: [Int: AlignedBuffer<Float>] = [:]
        var type = "", halfStep: Float = 0
        for (place, path) in paths.sorted(by: { $0.key < $1.key }) {
            do {
                let stored = try StoredPlanes.read(path, array: array, limits: limits)
                let (found, _) = try layout(of: stored.shape, for: geometry.size)
                guard found == 1 else {
                    throw Diagnostic(
                        .shapeMismatch, "this should be the file of one class, and holds \(found)",
                        remedy: "give one file a class, or one file with all classes, not both")
                }
                planes[place] = stored.values
                type = stored.type
                halfStep = max(halfStep, stored.halfStep)
            } catch { throw Diagnostic.wrapping(error, as: .damagedFile).located(in: path) }
        }
        let missing = (0..<count).filter { planes[$0] == nil }
        guard missing.isEmpty || missing == [0] && !isLogits else {
            let names = missing.map { classes.indices.contains($0) ? "'\(classes[$0])'" : "\($0)" }
            throw Diagnostic(
                .missingFile, "there is no file for class \(names.joined(separator: ", "))",
                remedy: "write a file for every class; only the background's may be missing")
        }
        var values = AlignedBuffer<Float>(repeating: 0, count: count * pixels)
        values.withUnsafeMutableBufferPointer { out in
            if missing == [0] { for index in 0..<pixels { out[index] = 1 } }
            for (place, plane) in planes.sorted(by: { $0.key < $1.key }) {
                plane.withUnsafeBufferPointer { plane in
                    for index in 0..<pixels {
                        out[place &* pixels &+ index] = plane[index]
                        if missing == [0] { out[index] -= plane[index] }
                    }
                }
            }
            // What rounding alone takes below 0 is 0.
            let slack = Float(count) * halfStep + 1e-4
            if missing == [0] { for index in 0..<pixels where out[index] < 0 && out[index] > -slack { out[index] = 0 } }
        }
        if missing == [0], values.withUnsafeBufferPointer({ $0[..<pixels].contains { $0 < 0 } }) {
            throw Diagnostic(
                .notFinite, "the probabilities of the classes but background sum to more than 1",
                remedy: "classes must exclude each other; of overlapping ones, report each by itself")
        }
        return try prediction(values, planes: count, type, halfStep, geometry)
    }

    // MARK: Numbers

    private func prediction(
        _ stored: AlignedBuffer<Float>, planes: Int, _ type: String, _ halfStep: Float, _ geometry: Geometry
    ) throws(Diagnostic) -> Prediction {
        let count = planes == 1 ? 2 : planes
        guard classes.isEmpty || classes.count == count else {
            throw Diagnostic(
                .channelMismatch, "the prediction has \(planes) plane(s) for \(classes.count) classes",
                remedy: "name as many classes as there are, background first")
        }
        var values = stored
        if isLogits {
            values = ProbabilityRepair.softmax(stored, planes: planes, pixels: geometry.size.count)
        }
        let repair = ProbabilityRepair(planes: planes, size: geometry.size, halfStep: halfStep)
        let names = classes.isEmpty ? (0..<count).map(String.init) : classes
        return Prediction(
            map: try ProbabilityMap(geometry: geometry, classes: names, values: try repair(values)), type: type,
            halfStep: isLogits ? 0 : halfStep)
    }
}
