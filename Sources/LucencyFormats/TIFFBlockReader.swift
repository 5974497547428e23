import LucencyFoundation
import LucencyImaging

/// Decodes a page block by block (tile or strip), with one block in memory.
///
/// A strip that is large as a whole is cut into bands of rows where the codec can deliver rows.
struct TIFFBlockReader {
    let page: TIFFPage
    private let file: TIFFFile
    /// Pixels of a block, and blocks along x and y.
    let blockWidth, blockHeight, across, down: Int
    private let byRows: Bool
    /// The next row that the row decoder would deliver, per current plane.
    private var cursor = (plane: -1, row: 0)
    private var packed: AlignedBuffer<UInt8>
    private var block: StoredSamples

    /// - Parameter largeStrip: bytes beyond which a strip is read row by row.
    /// - Throws: `Diagnostic` naming file and page: an unsupported feature, or a block beyond the limit.
    init(_ file: TIFFFile, _ page: TIFFPage, limits: ReadLimits, largeStrip: Int) throws {
        try page.requireReadable(in: file.path)
        self.file = file
        self.page = page
        let layout = page.layout
        let whole = layout.bytes(rows: layout.blockHeight, yCbCr: page.yCbCr)
        byRows =
            !layout.tiled && whole > largeStrip && page.yCbCr == nil && layout.rowBytes <= limits.bytes
            && TIFFNames.streamsRows(page.compression)
        blockWidth = layout.blockWidth
        across = layout.across
        let perBlock = page.planar ? 1 : page.samples
        if byRows {
            blockHeight = max(1, min(page.height, (1 << 20) / max(1, layout.rowBytes)))
            down = (page.height + blockHeight - 1) / blockHeight
        } else {
            blockHeight = layout.blockHeight
            down = layout.down
        }
        do {
            let pixels = GridSize(blockWidth, blockHeight, perBlock).count
            let unpacked = pixels.multipliedReportingOverflow(by: page.type.unpackedBytes)
            let packedBytes = byRows ? blockHeight * layout.rowBytes : whole
            let what = "one \(layout.tiled ? "tile" : "strip") of \(blockWidth) × \(blockHeight) pixels"
            try limits.require(unpacked.overflow ? .max : unpacked.partialValue, for: what)
            try limits.require(packedBytes, for: what)
            let direct = !TIFFUnpacking.isNeeded(page.type) && page.yCbCr == nil
            packed = AlignedBuffer(repeating: 0, count: direct ? 0 : packedBytes)
            block = try StoredSamples(
                width: blockWidth, height: blockHeight, samplesPerPixel: perBlock, type: page.type,
                planar: page.planar, bytes: AlignedBuffer(repeating: 0, count: unpacked.partialValue))
        } catch {
            throw Diagnostic.wrapping(error, as: .tooLarge).located(in: file.path, part: "page \(page.index + 1)")
        }
        try file.select(page.index)
    }

    /// Bytes of one row of the unpacked block.
    var blockRowBytes: Int { blockWidth * block.samplesPerPixel * page.type.unpackedBytes }

    /// Decodes a block and passes it on. It has the full block's extent; rows and columns beyond the page are padding.
    mutating func withBlock<R>(
        column: Int, row: Int, plane: Int, _ body: (StoredSamples) throws -> R
    ) throws -> R {
        let top = row * blockHeight, rows = min(blockHeight, page.height - top)
        block.x = column * blockWidth
        block.y = top
        block.channel = plane
        do {
            if byRows {
                try readRows(top, rows, plane)
            } else {
                let number = page.layout.number(column: column, row: row, plane: plane)
                // Tiles are always whole; the last strip is not.
                let bytes = page.layout.bytes(rows: page.layout.tiled ? blockHeight : rows, yCbCr: page.yCbCr)
                let file = self.file
                try withPacked { try file.readBlock(number, into: $0, bytes: bytes) }
            }
            unpack(rows: page.layout.tiled ? blockHeight : rows)
            return try body(block)
        } catch {
            throw Diagnostic.wrapping(error, as: .damagedFile).located(in: file.path, part: "page \(page.index + 1)")
        }
    }

    private mutating func withPacked(_ body: (UnsafeMutableRawBufferPointer) throws -> Void) rethrows {
        if packed.count > 0 {
            try packed.withUnsafeMutableBufferPointer { try body(UnsafeMutableRawBufferPointer($0)) }
        } else {
            try block.bytes.withUnsafeMutableBufferPointer { try body(UnsafeMutableRawBufferPointer($0)) }
        }
    }

    private mutating func readRows(_ top: Int, _ rows: Int, _ plane: Int) throws {
        let rowBytes = page.layout.rowBytes, strip = page.layout.blockHeight
        let file = self.file
        // Rows cannot be skipped within a strip, but whole strips can.
        let stripStart = top - top % strip
        var row = cursor.plane == plane && cursor.row <= top ? max(cursor.row, stripStart) : stripStart
        try withPacked { buffer in
            guard let base = buffer.baseAddress else { return }
            while row < top + rows {
                try file.readRow(row, plane: plane, into: base + max(0, row - top) * rowBytes)
                row += 1
            }
        }
        cursor = (plane, row)
    }

    private mutating func unpack(rows: Int) {
        guard packed.count > 0 else { return }
        let page = self.page, width = blockWidth, perRow = blockWidth * block.samplesPerPixel
        packed.withUnsafeBufferPointer { source in
            block.bytes.withUnsafeMutableBufferPointer { target in
                guard let from = source.baseAddress, let to = target.baseAddress else { return }
                if let yCbCr = page.yCbCr {
                    yCbCr.convert(from, width: width, height: rows, into: to)
                } else {
                    TIFFUnpacking.unpack(
                        from, rowBytes: page.layout.rowBytes, rows: rows, perRow: perRow, type: page.type,
                        swapped: page.layout.swapped, into: UnsafeMutableRawPointer(to))
                }
            }
        }
    }
}

extension TIFFBlockReader {
    /// Decodes the blocks that touch a window of the page, row by row of blocks.
    ///
    /// - Parameter body: gets the block and the part of it that lies within the window and the page.
    mutating func forEachBlock(
        touching window: StoredSamples.Window, _ body: (StoredSamples, StoredSamples.Window) throws -> Void
    ) throws {
        let right = min(page.width, window.x + window.width), bottom = min(page.height, window.y + window.height)
        guard window.x >= 0, window.y >= 0, window.x < right, window.y < bottom else { return }
        for plane in 0..<(page.planar ? page.samples : 1) {
            for row in window.y / blockHeight...(bottom - 1) / blockHeight {
                for column in window.x / blockWidth...(right - 1) / blockWidth {
                    let left = max(window.x, column * blockWidth), top = max(window.y, row * blockHeight)
                    let part = StoredSamples.Window(
                        x: left - column * blockWidth, y: top - row * blockHeight,
                        width: min(right, (column + 1) * blockWidth) - left,
                        height: min(bottom, (row + 1) * blockHeight) - top)
                    try withBlock(column: column, row: row, plane: plane) { try body($0, part) }
                }
            }
        }
    }

    /// Decodes the whole page in the order of the stored array (`yxc`, or `cyx` plane by plane), a row of blocks at a
    /// time: the memory needed is that of one row of blocks.
    mutating func forEachBand(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        let sampleBytes = page.type.unpackedBytes * (page.planar ? 1 : page.samples)
        let pageRowBytes = page.width * sampleBytes, blockRowBytes = self.blockRowBytes
        let isWhole = across == 1 && blockWidth == page.width
        var band = AlignedBuffer<UInt8>(repeating: 0, count: isWhole ? 0 : pageRowBytes * blockHeight)
        for plane in 0..<(page.planar ? page.samples : 1) {
            for row in 0..<down {
                let rows = min(blockHeight, page.height - row * blockHeight)
                if isWhole {
                    try withBlock(column: 0, row: row, plane: plane) { block in
                        try block.bytes.withUnsafeBufferPointer {
                            try body(
                                UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer($0)[..<(rows * pageRowBytes)]))
                        }
                    }
                    continue
                }
                for column in 0..<across {
                    let start = column * blockWidth * sampleBytes
                    let bytes = min(blockRowBytes, pageRowBytes - start)
                    try withBlock(column: column, row: row, plane: plane) { block in
                        block.bytes.withUnsafeBufferPointer { source in
                            band.withUnsafeMutableBufferPointer { target in
                                guard let from = source.baseAddress, let to = target.baseAddress else { return }
                                for y in 0..<rows {
                                    let row = to + (y &* pageRowBytes &+ start)
                                    row.update(from: from + y &* blockRowBytes, count: bytes)
                                }
                            }
                        }
                    }
                }
                try band.withUnsafeBufferPointer {
                    try body(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer($0)[..<(rows * pageRowBytes)]))
                }
            }
        }
    }
}
