import ArgumentParser

/// `lucency-bench huge OUT.tif`: a large tiled TIFF, written a tile at a time.
struct HugeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "huge", abstract: "Writes a large tiled 16-bit TIFF in little memory.",
        discussion: "The pixel in column x and row y (from 0) holds (7x + 13y + (x xor y)) mod 65536.")

    @Argument(help: "The file to write.")
    var out: String

    @Option(help: "Pixels along each side, 1 to 46000 (the file stays below 4 GiB).")
    var size = 20_000

    @Option(help: "Pixels along each side of a tile, a multiple of 16 up to 4096.")
    var tile = 256

    func validate() throws {
        guard 1...46_000 ~= size else { throw ValidationError("--size \(size) is outside 1...46000") }
        guard 16...4096 ~= tile, tile % 16 == 0 else {
            throw ValidationError("--tile \(tile) is no multiple of 16 up to 4096")
        }
        guard TiledTIFF(side: size, tile: tile).byteCount < 1 << 32 else {
            throw ValidationError("\(size) pixels in tiles of \(tile) need more than the 4 GiB of a classic TIFF")
        }
    }

    func run() throws {
        try TiledTIFF(side: size, tile: tile).write(to: out)
        print("\(size) × \(size) pixels of 16 bits in \(out)")
    }
}
