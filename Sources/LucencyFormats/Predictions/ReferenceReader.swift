import LucencyFoundation
import LucencyImaging

/// One class: the value that it has in label files, and its name.
public struct ReferenceClass: Hashable, Sendable {
    public var label: Int32
    public var name: String

    public init(label: Int32, name: String) {
        self.label = label
        self.name = name
    }

    /// Reads a list of classes, background first: on each line a label value and a name (`255 vessel`), or a name alone, whose
    /// value is then the number of its line from 0. Empty lines and those that begin with # do not count.
    /// - Throws: `Diagnostic` with the line when a name or value stands twice, or there are fewer than two.
    public static func list(_ path: String) throws(Diagnostic) -> [ReferenceClass] {
        var classes: [ReferenceClass] = []
        let lines = try FileSystem.text(path, limit: 1 << 20)
            .split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        for (number, line) in lines.enumerated() {
            let words = line.split(whereSeparator: { $0.isWhitespace || $0 == "," || $0 == ":" })
            guard let first = words.first, !first.hasPrefix("#") else { continue }
            let place = Diagnostic.Place(file: path, line: number + 1, column: 1, sourceLine: String(line))
            let label = words.count > 1 ? Int32(first) : nil
            let name = words.dropFirst(label == nil ? 0 : 1).joined(separator: " ")
            let one = ReferenceClass(label: label ?? Int32(classes.count), name: name)
            guard !classes.contains(where: { $0.name == one.name || $0.label == one.label }) else {
                throw Diagnostic(
                    .duplicateName, "the class '\(name)' of label \(one.label) has the name or label of another",
                    at: place, remedy: "write `LABEL NAME` on each line, each once")
            }
            classes.append(one)
        }
        guard classes.count >= 2 else {
            throw Diagnostic(
                .missingKey, "\(classes.count) class(es) are listed; there must be two or more", at: .init(file: path),
                remedy: "write a line for each class, background first")
        }
        return classes
    }
}

/// Reads label maps of any tool as places among classes.
public struct ReferenceReader: Sendable {
    /// Empty: the values are 0, 1, 2, … themselves.
    public var classes: [ReferenceClass] = []
    /// Stored values that mean "do not judge here".
    public var ignored: Set<Int32> = []
    /// Millimetres, for files that state none.
    public var spacing: SIMD3<Double>?
    public var limits = ReadLimits.standard

    public init() {}

    /// The labels as they are stored.
    public func stored(_ path: String) throws -> LabelMap {
        let labels: LabelMap
        if NumPyFile.fileExtensions.contains(ImageFormats.fileExtension(of: path)) {
            labels = try numPy(path)
        } else {
            labels = try ImageFormats.reader(for: path).readLabels(path, pages: .automatic, limits: limits)
        }
        guard let spacing, labels.geometry.spacingSource == .assumed else { return labels }
        return try labels.with(geometry: labels.geometry.withSpacing(spacing, source: .stated(.mm)))
    }

    private func numPy(_ path: String) throws(Diagnostic) -> LabelMap {
        do {
            let file = try NumPyFile(path, limits: limits)
            let names = file.names.filter {
                ["label", "labels", "mask", "seg", "segmentation"].contains($0.lowercased())
            }
            guard let name = file.names.count == 1 ? file.names.first : names.count == 1 ? names.first : nil else {
                throw Diagnostic(
                    .badArgument, "the archive has \(file.names.count) arrays, and none is plainly the labels",
                    remedy: "store the labels alone, or call them `labels`")
            }
            let array = try file.array(name)
            let axes = array.shape.filter { $0 != 1 }
            guard axes.count <= 3, !axes.contains(0) else {
                throw Diagnostic(
                    .shapeMismatch,
                    "labels of \(array.shape.map(String.init).joined(separator: " × ")) are no plane or volume")
            }
            let sides = [1, 1, 1].prefix(3 - axes.count) + axes
            return try LabelMap(
                geometry: Geometry(size: GridSize(sides[2], sides[1], sides[0])), labels: try array.labels())
        } catch { throw Diagnostic.wrapping(error, as: .damagedFile).located(in: path) }
    }

    /// The labels as places among `count` classes; ignored values become `LabelMap.ignoreLabel`.
    ///
    /// Where no classes are named and there are two, 0 and 255 are taken as 0 and 1.
    /// - Throws: `Diagnostic` naming the first value that belongs to no class.
    public func places(_ labels: LabelMap, among count: Int) throws(Diagnostic) -> LabelMap {
        var places: [Int32: Int32] = [:]
        if classes.isEmpty {
            for place in 0..<Int32(count) { places[place] = place }
            let present = labels.presentLabels().filter { !ignored.contains($0) }
            if count == 2, !present.isEmpty, Set(present).isSubset(of: [0, 255]) { places[255] = 1 }
        } else {
            for (place, one) in classes.enumerated() { places[one.label] = Int32(place) }
        }
        for label in ignored { places[label] = LabelMap.ignoreLabel }
        var unknown: Int?
        let mapped = labels.labels.withUnsafeBufferPointer { values in
            AlignedBuffer<Int32>(count: values.count) { out in
                var last: Int32?, place: Int32 = 0
                for index in 0..<values.count {
                    if values[index] != last {
                        last = values[index]
                        if places[values[index]] == nil, unknown == nil { unknown = index }
                        place = places[values[index]] ?? 0
                    }
                    out[index] = place
                }
            }
        }
        if let unknown {
            let value = labels.labels[unknown]
            let known = places.filter { $0.value >= 0 }.keys.sorted().prefix(12).map(String.init).joined(
                separator: ", ")
            throw Diagnostic(
                .badLabel, "the label \(value) belongs to no class; labels of classes are \(known)",
                remedy: "list the classes with `--classes FILE`, or leave such pixels out: `--ignore \(value)`")
        }
        return try LabelMap(geometry: labels.geometry, labels: mapped)
    }
}
