import Foundation
import LucencyFormats
import LucencyFoundation
import LucencyImaging
import Support
import Testing

@Suite struct PNGReadingTests {
    let png = PNGFormat()

    /// Compares one file with its entry of `expected.json`.
    func check(_ path: String, _ name: String, _ entry: JSONValue) {
        switch entry["status"]?.stringValue {
        case "ok":
            let failure = diagnostic {
                if let stored = entry["stored"] { expectEqual(try png.facts(path), try png.page(path), stored, name) }
                if let expanded = entry["expanded"] {
                    #expect(viewersHash(try png.readImage(path)) == expanded["sha256"]?.stringValue, "\(name)")
                }
            }
            #expect(failure == nil, "\(name): \(failure?.description ?? "")")
        case "error":
            let failure = diagnostic { _ = try png.readImage(path) }
            #expect(failure?.place?.file == path, "\(name)")
            #expect(failure?.message.isEmpty == false, "\(name)")
            #expect(diagnostic { _ = try png.facts(path) }?.place?.file == path, "\(name)")
        default:
            // Either is right; a crash is not, nor pixels that differ from those that good readers find.
            if let facts = try? png.facts(path), let stored = entry["stored"] {
                #expect(facts.sha256 == stored["sha256"]?.stringValue, "\(name)")
            }
        }
    }

    @Test func `PngSuite fixtures decode to the reference's numbers or are refused`() throws {
        let folder = TestFiles.fixture("LucencyFormatsTests", "png")
        let expected = try #require(try TestFiles.json(folder.appending(path: "expected.json")).objectValue)
        #expect(expected.count >= 25)
        for (name, entry) in expected { check(folder.appending(path: name).path, name, entry) }
    }

    @Test(.enabled(if: TestFiles.shared != nil, "the shared conformance files are not here"))
    func `every PNG conformance file decodes to the reference's numbers or is refused`() throws {
        let data = try #require(TestFiles.shared).appending(path: "data")
        let files = try #require(try TestFiles.json(data.appending(path: "expected.json"))["files"]?.objectValue)
        let chosen = files.filter { $0.key.hasPrefix("png-conformance/") }
        #expect(chosen.count == 150)
        for (name, entry) in chosen { check(data.appending(path: name).path, name, entry) }
    }

    @Test func `a region is the same pixels as a crop of the whole`() throws {
        for name in ["basn2c16", "basi0g01", "tbrn2c08", "basi3p04"] {
            let path = fixture("png/\(name).png")
            let region = Region(x: 5, y: 9, size: GridSize(20, 7))
            #expect(try png.readImage(path, region: region) == png.readImage(path).cropped(to: region), "\(name)")
        }
        let outside = Region(x: 20, y: 0, size: GridSize(20, 7))
        #expect(
            diagnostic { _ = try png.readImage(fixture("png/basn2c16.png"), region: outside) }?.code == .regionOutside)
    }

    @Test func `labels are palette indices with their colours, or gray values`() throws {
        let palette = try png.readLabels(fixture("png/basn3p04.png"))
        let image = try png.readImage(fixture("png/basn3p04.png"))
        #expect(image.colorModel == .rgb)
        for index in [0, 100, 1023] {
            let color = try #require(palette.table[palette.labels[index]]?.color)
            #expect(Float(color.x) == image.pixels[index] && Float(color.z) == image.pixels[2048 + index])
        }
        #expect(try png.readLabels(fixture("png/basn0g01.png")).presentLabels() == [0, 1])
        #expect(try png.readLabels(fixture("png/basn0g16.png")).presentLabels().count > 256)
        #expect(diagnostic { _ = try png.readLabels(fixture("png/basn2c16.png")) }?.code == .channelMismatch)
        #expect(diagnostic { _ = try png.readLabels(fixture("png/basn4a16.png")) }?.code == .channelMismatch)
    }

    @Test func `a physical size is stated unless it is a screen's`() throws {
        let stated = try png.readImage(fixture("png/made-phys-5000.png")).geometry
        #expect(stated.spacingSource == .stated(.mm) && stated.spacing.x == 0.2 && stated.spacing.y == 0.4)
        for name in ["made-phys-72dpi", "made-phys-no-unit"] {
            let image = try png.readImage(fixture("png/\(name).png"))
            #expect(image.geometry.spacingSource == .assumed)
            #expect(image.origin?.metadata["pHYs"] != nil)
        }
        let scaled = try png.readImage(fixture("png/made-scal.png")).geometry
        #expect(scaled.spacing.x == 0.7 && scaled.spacing.y == 0.7 && scaled.spacingSource == .stated(.mm))
    }

    @Test func `values keep their stored scale and origin`() throws {
        let image = try png.readImage(fixture("png/basn0g01.png"))
        #expect(image.pixels.array.max() == 1)
        #expect(image.origin?.stored == SampleType(.unsigned, bits: 1))
        #expect(image.origin?.fileName == "basn0g01.png")
        #expect(try png.readImage(fixture("png/tbbn2c16.png")).colorModel == .rgba)
        #expect(try png.readImage(fixture("png/tp1n3p08.png")).colorModel == .rgba)
        #expect(try png.readImage(fixture("png/basn4a16.png")).colorModel == .grayAlpha)
        #expect(
            diagnostic {
                _ = try png.readImage(fixture("png/basn0g01.png"), pages: .page(2), region: nil, limits: .standard)
            }?
            .code == .noSuchPage)
    }

    @Test func `texts are metadata, in Latin-1 or UTF-8`() throws {
        let metadata = try png.page(fixture("png/made-texts.png")).metadata
        #expect(metadata["Comment"] == "4 µm" && metadata["Title"] == "Größe 水")
    }

    @Test func `damage that libpng only warns about is refused`() throws {
        for (name, word) in [
            ("made-wrong-adler", "incorrect data check"), ("made-short-pixels", "Not enough image data"),
        ] {
            let failure = diagnostic { _ = try png.readImage(fixture("png/\(name).png")) }
            #expect(failure?.code == .damagedFile)
            #expect(failure?.message.contains(word) == true, "\(failure?.description ?? name)")
        }
        let palette = diagnostic { _ = try png.readImage(fixture("png/made-palette-outside.png")) }
        #expect(palette?.message == "pixel (3, 0) has palette index 3, and the palette has 3 colours")
    }

    @Test func `sizes beyond the limits are refused before memory is taken`() throws {
        let bomb = diagnostic { _ = try png.readImage(fixture("png/made-bomb.png")) }
        #expect(bomb?.code == .tooLarge && bomb?.remedy?.contains("--max-image-size") == true)
        #expect(diagnostic { _ = try png.facts(fixture("png/made-bomb.png")) }?.code == .tooLarge)
        #expect(diagnostic { _ = try png.readLabels(fixture("png/made-bomb.png")) }?.code == .tooLarge)
        let small = diagnostic {
            _ = try png.readImage(
                fixture("png/basn0g16.png"), pages: .automatic, region: nil, limits: ReadLimits(bytes: 2047))
        }
        #expect(small?.code == .tooLarge && small?.message.contains("2048") == true)
        // A text that unpacks to much more than the image is dropped or refused, not unpacked.
        _ = diagnostic {
            let pixels = try png.readImage(fixture("png/made-text-bomb.png")).pixels
            #expect(pixels[5] == 9)
        }
    }

    @Test(arguments: ["basn0g01", "basi3p04", "tbwn3p08"])
    func `a file cut off anywhere is refused`(name: String) throws {
        let bytes = try Data(contentsOf: URL(filePath: fixture("png/\(name).png")))
        try withTemporaryFolder { folder in
            let path = folder.appending(path: "cut.png")
            for count in 0..<bytes.count {
                try bytes.prefix(count).write(to: path)
                #expect(diagnostic { _ = try png.readImage(path.path) } != nil, "the first \(count) bytes")
            }
        }
    }

    @Test(arguments: ["basn3p04", "basi2c16", "tbrn2c08", "made-scal"])
    func `changed bytes never crash, with checksums wrong or right`(name: String) throws {
        let original = [UInt8](try Data(contentsOf: URL(filePath: fixture("png/\(name).png"))))
        var random = Mutations(state: 7)
        try withTemporaryFolder { folder in
            let url = folder.appending(path: "mutant.png")
            for round in 0..<120 {
                var bytes = original
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    bytes[Int.random(in: 8..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
                }
                if round % 4 != 0 { repairChecksums(&bytes) }
                try Data(bytes).write(to: url)
                let limits = ReadLimits(bytes: 1 << 24)
                let failure = diagnostic {
                    let image = try png.readImage(url.path, pages: .automatic, region: nil, limits: limits)
                    let page = try png.page(url.path)
                    #expect(image.size == GridSize(page.width, page.height))
                }
                #expect(failure == nil || failure?.place?.file == url.path)
                _ = try? png.readLabels(url.path, pages: .automatic, limits: limits)
                _ = try? png.storedFacts(of: url.path, page: 1, limits: limits)
            }
        }
    }

    /// Makes the checksums of all chunks right, so that a change reaches the code behind them.
    private func repairChecksums(_ bytes: inout [UInt8]) {
        var at = 8
        while at + 12 <= bytes.count {
            let length = bytes[at..<at + 4].reduce(0) { $0 << 8 | Int($1) }
            guard at + 12 + length <= bytes.count else { return }
            var crc: UInt32 = 0xffff_ffff
            for byte in bytes[at + 4..<at + 8 + length] {
                crc ^= UInt32(byte)
                for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xedb8_8320 : crc >> 1 }
            }
            crc = ~crc
            for k in 0..<4 { bytes[at + 8 + length + k] = UInt8(truncatingIfNeeded: crc >> (24 - 8 * UInt32(k))) }
            at += 12 + length
        }
    }

    @Test func `a text that claims to be longer than the limit is refused before memory is taken for it`() throws {
        let data = try Data(contentsOf: URL(filePath: fixture("png/basn0g08.png")))
        // Behind the header, a chunk of 256 MB begins.
        let claim = Data([0x10, 0, 0, 0] + Array("tEXt".utf8))
        try withTemporaryFolder { folder in
            let path = folder.appending(path: "claim.png").path
            try (data.prefix(33) + claim + data.dropFirst(33)).write(to: URL(filePath: path))
            let failure = diagnostic { _ = try PNGFormat().readImage(path) }
            #expect(
                failure?.code == .damagedFile && failure?.message.contains("too large") == true, "\(failure as Any)")
        }
    }
}
