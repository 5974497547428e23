import Foundation
import LucencyFormats
import LucencyFoundation
import LucencyImaging
import Support
import Testing

/// Damage is refused or decoded; it never crashes and never reads beyond a buffer (the sanitizers' business).
@Suite struct TIFFHostileTests {
    let tiff = TIFFFormat()
    static let victims = [
        "seq-1c-8b-tiled-lzw-20f3db0c.tiff", "made-imagej-z.tif", "made-ome-z.ome.tif",
        "seq-3c-10b-planar-c82e8ab6.tiff",
        "made-ycbcr-2x2.tif", "child_ifd.tiff", "made-webp.tif", "made-lerc.tif", "made-zstd.tif",
        "imagemagick_group4.tiff",
        "seq-1c-64f-deflate-fpredict-afa8560e.tiff", "seq-1c-8b-palette-89b39bc3.tiff", "made-41b-signed.tif",
    ]

    /// Calls every reader; returns whether any refused.
    @discardableResult
    func readEverything(_ path: String) -> Bool {
        let limits = ReadLimits(bytes: 1 << 24, pages: 64)
        var refused = false
        func attempt(_ body: () throws -> Void) {
            do { try body() } catch {
                refused = true
                #expect((error as? Diagnostic)?.place?.file == path, "\(error)")
            }
        }
        attempt { _ = try tiff.pageHeaders(of: path, limits: limits) }
        attempt { _ = try tiff.storedFacts(of: path, page: 1, limits: limits) }
        attempt { _ = try tiff.readImage(path, pages: .automatic, region: nil, limits: limits) }
        attempt { _ = try tiff.readLabels(path, pages: .page(1), limits: limits) }
        return refused
    }

    @Test(arguments: victims) func `truncated files are refused`(_ name: String) throws {
        let data = try Data(contentsOf: URL(filePath: fixture("tiff/\(name)")))
        try withTemporaryFolder { folder in
            let path = folder.appending(path: name).path
            for length in Set((0..<40).map { $0 * data.count / 40 } + Array(0..<20)) where length < data.count {
                try data.prefix(length).write(to: URL(filePath: path))
                let refused = readEverything(path)
                // A file may end with padding, with texts or with a directory of which nothing is missing.
                if length < data.count / 2 { #expect(refused, "\(length) bytes of \(name)") }
            }
        }
    }

    @Test(arguments: victims) func `changed bytes never crash`(_ name: String) throws {
        let data = try Data(contentsOf: URL(filePath: fixture("tiff/\(name)")))
        var random = Mutations(state: UInt64(name.utf8.count))
        try withTemporaryFolder { folder in
            let path = folder.appending(path: name).path
            for _ in 0..<40 {
                var mutant = data
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    mutant[Int.random(in: 0..<mutant.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
                }
                try mutant.write(to: URL(filePath: path))
                readEverything(path)
            }
        }
    }

    @Test func `fewer offsets than strips are damage, not blocks left out`() throws {
        var data = try Data(contentsOf: URL(filePath: fixture("tiff/made-resolution-none.tif")))
        // ImageLength, the second entry of the only directory, becomes 40; RowsPerStrip stays 4, with one offset.
        let directory = (0..<4).reduce(0) { $0 | Int(data[4 + $1]) << (8 * $1) }
        data[directory + 2 + 12 + 8] = 40
        try withTemporaryFolder { folder in
            let path = folder.appending(path: "short.tif").path
            try data.write(to: URL(filePath: path))
            let failure = diagnostic { _ = try tiff.readImage(path) }
            #expect(failure?.code == .damagedFile && failure?.message.contains("Incorrect count for") == true)
        }
        // Blocks whose offset and byte count are zero are left out on purpose: they are zeros, and the header says so.
        let header = try tiff.page(fixture("tiff/separate_planar_extra_samples.tiff"))
        #expect(header.metadata["absentBlocks"] == "1 of 2 (all zeros)")
    }
}
