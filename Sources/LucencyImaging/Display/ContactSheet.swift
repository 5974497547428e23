import LucencyFoundation

/// Small versions of many images side by side, for looking at: RGB with whole values 0...255.
///
/// Each image is windowed by itself and shrunk into a square cell, its proportions kept; smaller images are not enlarged.
/// Of a volume the middle slice is shown. Cells are filled row by row.
public struct ContactSheet: Sendable {
    public var window: DisplayWindow
    /// Side of a cell in pixels, 16...1024.
    public var cell: Int
    /// Cells in a row, 1...64.
    public var columns: Int
    /// Pixels between cells and around them, 0...64.
    public var gap: Int

    /// Of a whole sheet, which takes 24 bytes per pixel in the making.
    private static let maximumPixels = 100_000_000

    public init(
        window: DisplayWindow = .percentile(lower: 0.5, upper: 99.5), cell: Int = 160, columns: Int = 6, gap: Int = 4
    ) {
        self.window = window
        self.cell = cell
        self.columns = columns
        self.gap = gap
    }

    /// An image that was windowed and shrunk, ready to be put on a sheet.
    public struct Thumbnail: Sendable {
        let width: Int
        let height: Int
        /// Red, green, blue planes of 0...255.
        let values: [UInt8]
    }

    /// A cell's content.
    /// - Throws: `Diagnostic` when the window is not possible or the cell is out of range.
    public func thumbnail(of image: Image, pool: ThreadPool = .serial) throws -> Thumbnail {
        try check()
        var slice = image
        if image.size.z > 1 {
            slice = try image.cropped(
                to: Region(x: 0, y: 0, z: image.size.z / 2, size: GridSize(image.size.x, image.size.y, 1)))
        }
        let longest = max(slice.size.x, slice.size.y)
        let (low, high) = try window.limits(of: slice)
        if longest > cell {
            let size = [slice.size.x, slice.size.y].map {
                max(1, Int((Double($0) * Double(cell) / Double(longest)).rounded()))
            }
            slice = try Resample(size: size, interpolation: .linear)(slice, pool: pool)
        }
        let sources = slice.colorModel == .rgb || slice.colorModel == .rgba ? [0, 1, 2] : [0, 0, 0]
        var values: [UInt8] = []
        values.reserveCapacity(3 * slice.size.count)
        for source in sources {
            slice.withChannel(source) { channel in
                for value in channel { values.append(UInt8(DisplayWindow.level(value, low, high).rounded())) }
            }
        }
        return Thumbnail(width: slice.size.x, height: slice.size.y, values: values)
    }

    /// The sheet: white, with the thumbnails in the middle of their cells.
    /// - Throws: `Diagnostic` when there is nothing to show, or the sheet would be too large.
    public func callAsFunction(_ thumbnails: [Thumbnail]) throws -> Image {
        try check()
        guard !thumbnails.isEmpty else { throw Diagnostic(.badArgument, "a contact sheet needs an image") }
        let across = min(columns, thumbnails.count), down = (thumbnails.count + across - 1) / across
        let width = across * (cell + gap) + gap, height = down * (cell + gap) + gap
        guard height <= 32_768 else {
            throw Diagnostic(
                .tooLarge, "a contact sheet of \(thumbnails.count) images would be \(height) pixels high",
                remedy: "show fewer images, smaller cells or more columns")
        }
        guard width * height <= Self.maximumPixels else {
            throw Diagnostic(
                .tooLarge,
                "a contact sheet of \(thumbnails.count) images would have \(width) × \(height) pixels; at most "
                    + "\(Self.maximumPixels / 1_000_000) million are made",
                remedy: "show fewer images or smaller cells")
        }
        var pixels = [Float](repeating: 255, count: 3 * width * height)
        for (index, thumbnail) in thumbnails.enumerated() {
            let left = gap + index % across * (cell + gap) + (cell - min(cell, thumbnail.width)) / 2
            let top = gap + index / across * (cell + gap) + (cell - min(cell, thumbnail.height)) / 2
            for channel in 0..<3 {
                for y in 0..<min(cell, thumbnail.height) {
                    let from = (channel * thumbnail.height + y) * thumbnail.width
                    let to = (channel * height + top + y) * width + left
                    for x in 0..<min(cell, thumbnail.width) { pixels[to + x] = Float(thumbnail.values[from + x]) }
                }
            }
        }
        return try Image(
            geometry: Geometry(size: GridSize(width, height)), colorModel: .rgb, pixels: AlignedBuffer(pixels),
            origin: Origin(stored: .uint8))
    }

    private func check() throws(Diagnostic) {
        guard 16...1024 ~= cell, 1...64 ~= columns, 0...64 ~= gap else {
            throw Diagnostic(
                .badArgument,
                "a contact sheet takes cells of 16...1024 pixels, 1...64 columns and gaps of 0...64 pixels")
        }
    }
}
