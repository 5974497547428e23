import Foundation
import LucencyFormats
import LucencyFoundation
import LucencyImaging
import Support
import Testing

@Suite struct TIFFReadingTests {
    let tiff = TIFFFormat()

    @Test func `files are recognized by their first bytes`() {
        #expect(tiff.recognizes([0x49, 0x49, 42, 0, 8]) && tiff.recognizes([0x4D, 0x4D, 0, 43]))
        #expect(!tiff.recognizes([0x49, 0x49, 0, 42]) && !tiff.recognizes([0x49]) && !tiff.recognizes([]))
    }

    @Test func `resolution tags state the spacing unless they are a screen's or a placeholder`() throws {
        func geometry(_ name: String) throws -> Geometry {
            try tiff.readImage(fixture("tiff/made-resolution-\(name).tif")).geometry
        }
        let inch = try geometry("inch-254"), centimetre = try geometry("cm-100")
        #expect(
            inch.spacingSource == .stated(.mm) && abs(inch.spacing.x - 0.1) < 1e-12 && abs(inch.spacing.y - 0.2) < 1e-12
        )
        #expect(centimetre.spacingSource == .stated(.cm) && centimetre.spacing.x == 0.1 && centimetre.spacing.y == 0.2)
        for name in ["none", "72dpi", "28px-cm", "one"] {
            let image = try tiff.readImage(fixture("tiff/made-resolution-\(name).tif"))
            #expect(image.geometry.spacingSource == .assumed, "\(name)")
            #expect(image.origin?.metadata["resolution"] != nil, "\(name)")
        }
        #expect(
            try tiff.page(fixture("tiff/made-resolution-72dpi.tif")).metadata["resolution"] == "72.0 × 72.0 per inch")
    }

    @Test func `an ImageJ stack is a volume with ImageJ's spacing`() throws {
        let path = fixture("tiff/made-imagej-z.tif")
        let image = try tiff.readImage(path)
        #expect(image.size == GridSize(7, 5, 3) && image.colorModel == .gray)
        #expect(image.geometry.spacingSource == .stated(.um))
        #expect(image.geometry.spacing == [0.25e-3, 0.5e-3, 1.5e-3])
        #expect(image.pixels.array == (0..<105).map(Float.init))
        let header = try tiff.header(of: path, pages: .automatic, limits: .standard)
        #expect(header.geometry == image.geometry && header.pages.count == 3)
        #expect(header.pages[2].spacing == [0.25e-3, 0.5e-3] && header.pages[2].spacingUnit == .um)
    }

    @Test func `an OME stack is a volume with OME's spacing`() throws {
        let image = try tiff.readImage(fixture("tiff/made-ome-z.ome.tif"))
        #expect(image.size == GridSize(7, 5, 3))
        #expect(image.geometry.spacingSource == .stated(.nm))
        let expected: SIMD3<Double> = [4e-6, 5e-6, 5e-5]
        for axis in 0..<3 { #expect(abs(image.geometry.spacing[axis] / expected[axis] - 1) < 1e-12) }
    }

    @Test func `pages that are channels become channels`() throws {
        for name in ["made-imagej-c.tif", "made-ome-c.ome.tif"] {
            let image = try tiff.readImage(fixture("tiff/\(name)"))
            #expect(image.size == GridSize(7, 5) && image.colorModel == .channels(3), "\(name)")
            #expect(image.pixels.array == (0..<105).map(Float.init), "\(name)")
        }
    }

    @Test func `a hyperstack is refused with the remedy, and its pages can be read`() throws {
        let path = fixture("tiff/made-imagej-tz.tif")
        let failure = diagnostic { _ = try tiff.readImage(path) }
        #expect(failure?.code == .unsupportedFeature && failure?.place?.file == path)
        #expect(failure?.message.contains("3 slice(s) × 2 frame(s)") == true)
        #expect(failure?.remedy?.contains("page: 1") == true)
        #expect(
            diagnostic { _ = try tiff.header(of: path, pages: .automatic, limits: .standard) }?.code
                == .unsupportedFeature)
        #expect(try tiff.pageHeaders(of: path).count == 6)
        let page = try tiff.readImage(path, pages: .page(3), region: nil, limits: .standard)
        #expect(page.size == GridSize(7, 5) && page.pixels[0] == 35)
    }

    @Test func `pages without a description are a volume of assumed spacing`() throws {
        let image = try tiff.readImage(fixture("tiff/seq-1c-8b-multipage-adeefdcc.tiff"))
        #expect(image.size == GridSize(16, 16, 3) && image.geometry.spacingSource == .assumed)
    }

    @Test func `unequal pages are refused with the difference, and can be read one by one`() throws {
        let path = fixture("tiff/multipage.tiff")
        let failure = diagnostic { _ = try tiff.readImage(path) }
        #expect(
            failure?.code == .sizeMismatch && failure?.message.contains("page 3 is 20 × 20") == true,
            "\(failure?.message ?? "")")
        #expect(failure?.remedy?.contains("page: 1") == true)
        #expect(try tiff.readImage(path, pages: .page(3), region: nil, limits: .standard).size == GridSize(20, 20))
        for page in [0, 4, -1, .max] {
            let missing = diagnostic {
                _ = try tiff.readImage(path, pages: .page(page), region: nil, limits: .standard)
            }
            #expect(missing?.code == .noSuchPage && missing?.place?.file == path)
            #expect(
                diagnostic { _ = try tiff.storedFacts(of: path, page: page, limits: .standard) }?.code == .noSuchPage)
        }
    }

    @Test func `a loop of directories ends the pages`() throws {
        let path = fixture("tiff/multipage_multiple_frame_loop.tiff")
        #expect(try tiff.pageHeaders(of: path).count == 2)
    }

    @Test func `min-is-white is turned round once, in images only`() throws {
        let path = fixture("tiff/miniswhite-1c-3b.tiff")
        let facts = try tiff.facts(path), image = try tiff.readImage(path), labels = try tiff.readLabels(path)
        #expect(image.origin?.storedInverted == true)
        #expect(zip(image.pixels.array, labels.labels.array).allSatisfy { $0 == 7 - Float($1) })
        #expect(Float(facts.max) == 7 - (image.pixels.array.min() ?? -1))
    }

    @Test func `a palette becomes colours, or labels with colours`() throws {
        let path = fixture("tiff/seq-1c-8b-palette-89b39bc3.tiff")
        let image = try tiff.readImage(path), labels = try tiff.readLabels(path)
        #expect(image.colorModel == .rgb && labels.table.count == 256)
        for index in stride(from: 0, to: 256, by: 17) {
            let color = try #require(labels.table[labels.labels[index]]?.color)
            #expect((0..<3).allSatisfy { Float(color[$0]) == image.pixels[$0 * 256 + index] })
        }
        #expect(image.origin?.stored == .uint8)
    }

    @Test func `colour models follow the extra samples`() throws {
        func model(_ name: String) throws -> ColorModel { try tiff.readImage(fixture("tiff/\(name)")).colorModel }
        #expect(try model("seq-4c-8b-rgba-unassoc-50969cda.tiff") == .rgba)
        #expect(try model("minisblack-2c-8b-alpha.tiff") == .grayAlpha)
        #expect(try model("extra_bits_gray_8b.tiff") == .channels(2))
        #expect(try model("seq-4c-16b-cmyk-c6e52592.tiff") == .channels(4))
        #expect(try model("child_ifd.tiff") == .rgb)
    }

    @Test func `labels refuse colours, channels and fractions`() throws {
        for (name, code) in [
            ("seq-3c-12b-contig-e6f40b4a.tiff", DiagnosticCode.channelMismatch),
            ("seq-4c-16b-cmyk-c6e52592.tiff", .channelMismatch),
            ("made-imagej-c.tif", .channelMismatch), ("random-fp16-pred2.tiff", .badLabel),
            ("made-41b-signed.tif", .badLabel),
        ] {
            let failure = diagnostic { _ = try tiff.readLabels(fixture("tiff/\(name)")) }
            #expect(
                failure?.code == code && failure?.place?.file.hasSuffix(name) == true,
                "\(name): \(failure?.description ?? "")")
        }
        #expect(try tiff.readLabels(fixture("tiff/made-imagej-z.tif")).labels.array == (0..<105).map(Int32.init))
    }

    @Test func `a region is the same pixels as a crop of the whole`() throws {
        for name in [
            "seq-1c-8b-tiled-lzw-20f3db0c.tiff", "seq-1c-16b-multistrip-68f373a0.tiff",
            "seq-3c-10b-planar-c82e8ab6.tiff",
            "seq-1c-8b-palette-89b39bc3.tiff", "seq-1c-1b-fax3-71f6a21a.tiff", "seq-1c-4b-miniswhite-fb92dcae.tiff",
        ] {
            let path = fixture("tiff/\(name)"), whole = try tiff.readImage(path)
            for region in [Region(x: 3, y: 5, size: GridSize(9, 7)), Region(x: 15, y: 15, size: GridSize(1, 1))] {
                #expect(try tiff.readImage(path, region: region) == whole.cropped(to: region), "\(name)")
            }
        }
        let slab = Region(x: 2, y: 1, z: 1, size: GridSize(4, 3, 2)), path = fixture("tiff/made-imagej-z.tif")
        #expect(try tiff.readImage(path, region: slab) == tiff.readImage(path).cropped(to: slab))
        for outside in [
            Region(x: 4, y: 0, size: GridSize(4, 1)), Region(x: 0, y: 0, z: 3, size: GridSize(1, 1)),
            Region(x: -1, y: 0, size: GridSize(1, 1)),
        ] {
            let failure = diagnostic { _ = try tiff.readImage(path, region: outside) }
            #expect(failure?.code == .regionOutside && failure?.place?.file == path)
        }
    }

    @Test func `a large strip read row by row gives the same pixels`() throws {
        var byRows = tiff
        byRows.largeStrip = 0
        for name in [
            "made-one-strip.tif", "made-planar-strips.tif", "made-zstd.tif", "made-lzma.tif",
            "seq-1c-1b-fax3-71f6a21a.tiff", "seq-1c-16b-bigendian-68f373a0.tiff",
        ] {
            let path = fixture("tiff/\(name)"), whole = try tiff.readImage(path)
            #expect(try byRows.facts(path) == tiff.facts(path), "\(name)")
            #expect(try byRows.readImage(path) == whole, "\(name)")
            let region = Region(x: 3, y: 9, size: GridSize(8, 6))
            #expect(try byRows.readImage(path, region: region) == whole.cropped(to: region), "\(name)")
        }
    }

    @Test func `what this libtiff lacks is refused by name, after its header was read`() throws {
        for (name, word) in [("made-jpeg2000.tif", "jpeg2000"), ("made-complex.tif", "complex")] {
            let path = fixture("tiff/\(name)")
            let failure = diagnostic { _ = try tiff.facts(path) }
            #expect(
                failure?.code == .unsupportedFeature && failure?.message.contains(word) == true,
                "\(failure?.description ?? "")")
            #expect(failure?.place?.part == "page 1")
            #expect(try tiff.pageHeaders(of: path).count == 1)
        }
    }

    @Test func `limits refuse before anything is allocated`() throws {
        let path = fixture("tiff/seq-1c-16b-multistrip-68f373a0.tiff")
        let tight = ReadLimits(bytes: 511, pages: 2)
        for failure in [
            diagnostic { _ = try tiff.readImage(path, pages: .automatic, region: nil, limits: tight) },
            diagnostic { _ = try tiff.readLabels(path, pages: .automatic, limits: tight) },
            diagnostic { _ = try tiff.storedFacts(of: path, page: 1, limits: tight) },
        ] {
            #expect(failure?.code == .tooLarge && failure?.place?.file == path)
            #expect(failure?.message.contains("512") == true && failure?.remedy?.contains("--max-image-size") == true)
        }
        let pages = fixture("tiff/seq-1c-8b-multipage-adeefdcc.tiff")
        #expect(diagnostic { _ = try tiff.header(of: pages, pages: .automatic, limits: tight) }?.code == .tooLarge)
        let bomb = diagnostic { _ = try tiff.facts(fixture("tiff/libtiff_segfault.tif")) }
        #expect(bomb?.code == .tooLarge || bomb?.code == .damagedFile)
    }

    @Test func `missing, empty and foreign files are refused with the reason`() throws {
        try withTemporaryFolder { folder in
            func refusal(_ name: String, _ data: Data?) -> Diagnostic? {
                let path = folder.appending(path: name).path
                if let data { try? data.write(to: URL(filePath: path)) }
                let failure = diagnostic { _ = try tiff.readImage(path) }
                #expect(failure?.place?.file == path)
                return failure
            }
            #expect(refusal("none.tif", nil)?.code == .missingFile)
            #expect(refusal("empty.tif", Data())?.code == .damagedFile)
            #expect(refusal("text.tif", Data("hello, world".utf8))?.code == .damagedFile)
            #expect(refusal("head.tif", Data([0x49, 0x49, 42, 0, 8, 0, 0, 0]))?.code == .damagedFile)
            #expect(diagnostic { _ = try tiff.readImage(folder.path) }?.code == .unreadableFile)
        }
        let beyond = diagnostic { _ = try tiff.readImage(fixture("tiff/made-second-page-beyond.tif")) }
        #expect(beyond?.message.contains("the directory of page 2 lies beyond the end") == true)
    }
}
