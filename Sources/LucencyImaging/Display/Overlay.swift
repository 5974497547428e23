import LucencyFoundation

/// Draws labels over an image for looking at: RGB with whole values 0...255.
///
/// Gray images (and the first of channels that are not colours) are shown gray; of RGB all three channels share one
/// window. Labels 0 and `LabelMap.ignoreLabel` are not drawn. With a reference, its outline is drawn on top in its own colour: fill beyond the outline
/// is a false positive, outline without fill a false negative. Volumes are drawn slice by slice.
public struct Overlay: Sendable {
    public typealias Window = DisplayWindow

    public var window: Window
    /// Share of the label's colour inside it, 0...1; 0 draws no fill.
    public var opacity: Double
    /// Width of outlines in pixels, drawn inside the label, 0...32; 0 draws none.
    public var outline: Int
    /// Colour of the reference's outlines: magenta, which is not among the labels' own.
    public var referenceColor: SIMD3<UInt8>
    /// Width of the reference's outlines in pixels, 1...32.
    public var referenceOutline: Int

    public init(
        window: Window = .percentile(lower: 0.5, upper: 99.5), opacity: Double = 0.35, outline: Int = 1,
        referenceColor: SIMD3<UInt8> = [255, 0, 255], referenceOutline: Int = 1
    ) {
        self.window = window
        self.opacity = opacity
        self.outline = outline
        self.referenceColor = referenceColor
        self.referenceOutline = referenceOutline
    }

    /// - Throws: `Diagnostic` when the grids differ, or a setting is out of its range.
    public func callAsFunction(
        _ image: Image, _ labels: LabelMap, reference: LabelMap? = nil, pool: ThreadPool = .serial
    ) throws -> Image {
        try image.geometry.requireMatch(labels.geometry, "image and labels")
        if let reference { try image.geometry.requireMatch(reference.geometry, "image and reference") }
        guard (0...1).contains(opacity) else {
            throw Diagnostic(.badArgument, "an opacity of \(opacity) is outside 0...1")
        }
        guard (0...32).contains(outline), (1...32).contains(referenceOutline) else {
            throw Diagnostic(.badArgument, "an outline is at most 32 pixels wide, a reference's at least 1")
        }
        let (low, high) = try window.limits(of: image)
        let table = labels.table

        let size = image.size, count = size.count
        let sources = image.colorModel == .rgb || image.colorModel == .rgba ? [0, 1, 2] : [0, 0, 0]
        let pixels = image.pixels.withUnsafeBufferPointer { values in
            labels.labels.withUnsafeBufferPointer { labels in
                (reference?.labels ?? AlignedBuffer([])).withUnsafeBufferPointer { reference in
                    AlignedBuffer<Float>(count: 3 * count) { target in
                        nonisolated(unsafe) let values = values
                        nonisolated(unsafe) let target = target
                        let edge = Outline(labels: labels, size: size, width: outline)
                        let referenceEdge =
                            reference.isEmpty ? nil : Outline(labels: reference, size: size, width: referenceOutline)
                        pool.forEach(size.y * size.z) { row in
                            var lastLabel: Int32 = 0
                            var lastColor = SIMD3<Double>.zero
                            for x in 0..<size.x {
                                let i = row &* size.x &+ x
                                var color = SIMD3<Double>(
                                    DisplayWindow.level(values[sources[0] &* count &+ i], low, high),
                                    DisplayWindow.level(values[sources[1] &* count &+ i], low, high),
                                    DisplayWindow.level(values[sources[2] &* count &+ i], low, high))
                                let label = edge.labels[i]
                                if Outline.isDrawn(label) {
                                    if label != lastLabel {
                                        lastLabel = label
                                        lastColor = SIMD3<Double>(Palette.color(of: label, in: table))
                                    }
                                    let share = edge.contains(x, row) ? 1 : opacity
                                    color = color * (1 - share) + lastColor * share
                                }
                                if let referenceEdge, referenceEdge.contains(x, row) {
                                    color = SIMD3<Double>(referenceColor)
                                }
                                for channel in 0..<3 {
                                    target[channel &* count &+ i] = Float(color[channel].rounded())
                                }
                            }
                        }
                    }
                }
            }
        }
        return try Image(
            geometry: image.geometry, colorModel: .rgb, pixels: pixels,
            origin: Origin(fileName: image.origin?.fileName ?? "", stored: .uint8))
    }
}

/// The pixels of a label within a given distance of another label, slice by slice. The image's border is no outline.
private struct Outline: @unchecked Sendable {
    // Sendable by hand: only reads.
    let labels: UnsafeBufferPointer<Int32>
    let size: GridSize
    /// Neighbours to look at.
    private let offsets: [(x: Int, y: Int)]

    init(labels: UnsafeBufferPointer<Int32>, size: GridSize, width: Int) {
        self.labels = labels
        self.size = size
        var offsets: [(x: Int, y: Int)] = []
        for y in -width...width {
            for x in -width...width where x * x + y * y <= width * width && (x, y) != (0, 0) { offsets.append((x, y)) }
        }
        // Near neighbours first: they decide most pixels.
        self.offsets = offsets.sorted { $0.x * $0.x + $0.y * $0.y < $1.x * $1.x + $1.y * $1.y }
    }

    static func isDrawn(_ label: Int32) -> Bool { label != 0 && label != LabelMap.ignoreLabel }

    /// - Parameter row: counted over all slices.
    func contains(_ x: Int, _ row: Int) -> Bool {
        let label = labels[row &* size.x &+ x]
        guard Self.isDrawn(label) else { return false }
        let y = row % size.y
        for offset in offsets {
            let nx = x &+ offset.x, ny = y &+ offset.y
            guard nx >= 0, nx < size.x, ny >= 0, ny < size.y else { continue }
            if labels[(row &+ offset.y) &* size.x &+ nx] != label { return true }
        }
        return false
    }
}
