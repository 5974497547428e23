import Foundation
import LucencyFormats
import LucencyFoundation
import LucencyImaging
import Support
import Testing

@Suite struct JPEGTests {
    let jpeg = JPEGFormat()

    @Test(arguments: ["gray", "gray-progressive", "rgb-444", "rgb-420", "rgb-progressive"])
    func `JPEG fixtures decode close to the reference`(name: String) throws {
        let path = fixture("jpeg/\(name).jpg")
        let all = try TestFiles.json(TestFiles.fixture("LucencyFormatsTests", "jpeg/expected.json"))
        let expected = try #require(all["\(name).jpg"])
        let facts = try jpeg.facts(path), page = try jpeg.page(path)
        #expect(page.shape == expected["shape"]?.arrayValue?.compactMap(\.intValue))
        #expect(abs(facts.mean - (expected["mean"]?.doubleValue ?? .nan)) < 0.5)
        #expect(abs(facts.min - (expected["min"]?.doubleValue ?? .nan)) <= 4)
        #expect(abs(facts.max - (expected["max"]?.doubleValue ?? .nan)) <= 4)
        let image = try jpeg.readImage(path)
        #expect(viewersHash(image) == facts.sha256)
        #expect(image.colorModel == (name.hasPrefix("gray") ? .gray : .rgb))
        let region = Region(x: 11, y: 3, size: GridSize(30, 20))
        #expect(try jpeg.readImage(path, region: region) == image.cropped(to: region))
    }

    @Test func `a density is stated unless it is a screen's`() throws {
        let stated = try jpeg.readImage(fixture("jpeg/rgb-444.jpg")).geometry
        #expect(stated.spacingSource == .stated(.mm) && abs(stated.spacing.x - 25.4 / 300) < 1e-12)
        #expect(try jpeg.readImage(fixture("jpeg/rgb-420.jpg")).geometry.spacingSource == .assumed)
        #expect(try jpeg.page(fixture("jpeg/rgb-420.jpg")).metadata["JFIF"] == "72 × 72 pixels per inch")
        #expect(try jpeg.readImage(fixture("jpeg/gray.jpg")).geometry.spacingSource == .assumed)
    }

    @Test func `an orientation by EXIF is kept in the metadata and not applied`() throws {
        let page = try jpeg.page(fixture("jpeg/gray-turned.jpg"))
        #expect(page.metadata["orientation"] == "6" && page.shape == [40, 52])
        #expect(try jpeg.page(fixture("jpeg/gray.jpg")).metadata["orientation"] == nil)
    }

    @Test func `CMYK and labels are refused by name`() throws {
        let cmyk = diagnostic { _ = try jpeg.readImage(fixture("jpeg/cmyk.jpg")) }
        #expect(cmyk?.code == .unsupportedFeature && cmyk?.message.contains("cmyk") == true)
        let labels = diagnostic { _ = try jpeg.readLabels(fixture("jpeg/gray.jpg")) }
        #expect(labels?.code == .unsupportedFeature && labels?.remedy?.contains("threshold") == true)
        let page = diagnostic {
            _ = try jpeg.readImage(fixture("jpeg/gray.jpg"), pages: .page(2), region: nil, limits: .standard)
        }
        #expect(page?.code == .noSuchPage)
        let limit = diagnostic {
            _ = try jpeg.storedFacts(of: fixture("jpeg/gray.jpg"), page: 1, limits: ReadLimits(bytes: 99))
        }
        #expect(limit?.code == .tooLarge)
    }

    @Test(arguments: ["gray", "rgb-progressive"]) func `a file cut off anywhere is refused`(name: String) throws {
        let bytes = try Data(contentsOf: URL(filePath: fixture("jpeg/\(name).jpg")))
        try withTemporaryFolder { folder in
            let path = folder.appending(path: "cut.jpg")
            for count in 0..<bytes.count {
                try bytes.prefix(count).write(to: path)
                let failure = diagnostic { _ = try jpeg.readImage(path.path) }
                #expect(failure?.place?.file == path.path, "the first \(count) of \(bytes.count) bytes")
            }
        }
    }

    @Test(arguments: ["gray", "rgb-420", "rgb-progressive"]) func `changed bytes never crash`(name: String) throws {
        let original = [UInt8](try Data(contentsOf: URL(filePath: fixture("jpeg/\(name).jpg"))))
        var random = Mutations(state: 11)
        try withTemporaryFolder { folder in
            let url = folder.appending(path: "mutant.jpg")
            for _ in 0..<150 {
                var bytes = original
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    bytes[Int.random(in: 2..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
                }
                try Data(bytes).write(to: url)
                let failure = diagnostic {
                    _ = try jpeg.readImage(url.path, pages: .automatic, region: nil, limits: ReadLimits(bytes: 1 << 24))
                }
                #expect(failure == nil || failure?.place?.file == url.path)
            }
        }
    }

    @Test(.enabled(if: TestFiles.shared != nil, "the shared images are not here"))
    func `real photographs decode`() throws {
        let data = try #require(TestFiles.shared).appending(path: "data")
        for name in [
            "chest-xray/original/X-ray_of_cyst_in_pneumocystis_pneumonia_1.jpg",
            "polyp-kvasir/original/cju0qkwl35piu0993l0dewei2.jpg",
        ] {
            let path = data.appending(path: name).path
            let facts = try jpeg.facts(path), page = try jpeg.page(path)
            #expect(page.width > 100 && page.height > 100 && facts.max > facts.min)
            #expect(try ImageFormats.reader(for: path).name == "jpeg")
        }
    }
}
