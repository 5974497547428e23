import CTIFF
import LucencyFoundation
import LucencyImaging

/// How a page is cut into tiles or strips.
struct TIFFLayout {
    var tiled: Bool
    var blockWidth: Int
    var blockHeight: Int
    /// Blocks along x and y, in one plane.
    var across: Int
    var down: Int
    /// Decoded bytes of one row of a block, as libtiff delivers them (packed bits, file planes).
    var rowBytes: Int
    /// Whether libtiff swaps the file's bytes.
    var swapped: Bool
    private var blockBytes: Int
    private var blocks: Int
    private var planes: Int

    init(_ raw: ctiff_page, planar: Bool) {
        tiled = raw.tiled != 0
        swapped = raw.swapped != 0
        blockWidth = Int(raw.block_width)
        blockHeight = Int(raw.block_height)
        across = blockWidth > 0 ? (Int(raw.width) + blockWidth - 1) / blockWidth : 0
        down = blockHeight > 0 ? (Int(raw.height) + blockHeight - 1) / blockHeight : 0
        planes = planar ? Int(raw.samples) : 1
        // 2³² × 2¹⁶ × 2¹⁶ bits do not fit 64; saturate, the limit refuses it.
        let perPixel = (planar ? 1 : Int(raw.samples)) * Int(raw.bits)
        let bits = blockWidth.multipliedReportingOverflow(by: perPixel)
        rowBytes = bits.overflow ? .max : bits.partialValue / 8 + (bits.partialValue % 8 == 0 ? 0 : 1)
        blockBytes = Int(clamping: raw.block_bytes)
        blocks = Int(raw.blocks)
    }

    /// Number of the tile or strip.
    func number(column: Int, row: Int, plane: Int) -> Int { (plane * down + row) * across + column }

    /// Decoded bytes of a block's first `rows` rows.
    func bytes(rows: Int, yCbCr: TIFFYCbCr?) -> Int {
        if let yCbCr { return yCbCr.packedBytes(width: blockWidth, height: rows) }
        let bytes = rowBytes.multipliedReportingOverflow(by: rows)
        return bytes.overflow ? .max : bytes.partialValue
    }

    /// Why the layout cannot be trusted, or nil.
    func obstacle(for page: TIFFPage, rawBits: Int) -> Diagnostic? {
        guard blockWidth >= 1, blockHeight >= 1 else {
            return Diagnostic(.damagedFile, "the page has blocks of \(blockWidth) × \(blockHeight) pixels")
        }
        guard rowBytes < .max, bytes(rows: blockHeight, yCbCr: page.yCbCr) == blockBytes else {
            return Diagnostic(
                .damagedFile,
                "blocks of \(blockWidth) × \(blockHeight) pixels with \(page.samples) samples of \(rawBits) bits should take "
                    + "\(bytes(rows: blockHeight, yCbCr: page.yCbCr)) bytes, and libtiff expects \(blockBytes)")
        }
        let needed = (across.multipliedReportingOverflow(by: down), planes)
        guard !needed.0.overflow, !needed.0.partialValue.multipliedReportingOverflow(by: planes).overflow,
            needed.0.partialValue * planes <= blocks
        else { return Diagnostic(.damagedFile, "the page has \(blocks) blocks, fewer than its size needs") }
        return nil
    }
}
