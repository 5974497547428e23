import Foundation
import LucencyFormats
import LucencyFoundation
import LucencyImaging
import Support
import Testing

@Suite struct FormatChoiceTests {
    @Test func `a reader is chosen by the first bytes, not by the name`() throws {
        #expect(try ImageFormats.reader(for: fixture("png/basn0g01.png")).name == "png")
        #expect(try ImageFormats.reader(for: fixture("jpeg/gray.jpg")).name == "jpeg")
        try withTemporaryFolder { folder in
            let path = folder.appending(path: "misnamed.tif")
            try FileManager.default.copyItem(atPath: fixture("png/basn0g01.png"), toPath: path.path)
            #expect(try ImageFormats.reader(for: path.path).name == "png")
        }
    }

    @Test func `files that cannot be images are refused with the reason`() throws {
        try withTemporaryFolder { folder in
            func refusal(_ name: String, _ text: String?) -> Diagnostic? {
                let path = folder.appending(path: name)
                if let text { _ = try? Data(text.utf8).write(to: path) }
                let failure = diagnostic { _ = try ImageFormats.reader(for: path.path) }
                #expect(failure?.place?.file == path.path)
                return failure
            }
            #expect(refusal("none.png", nil)?.code == .missingFile)
            #expect(refusal("empty.png", "")?.message == "the file is empty")
            #expect(refusal("notes.txt", "hello")?.remedy?.contains("PNG") == true)
            #expect(refusal("wrong.png", "hello")?.message.contains("not a PNG, although its name says so") == true)
            #expect(
                diagnostic { _ = try ImageFormats.reader(for: "/dev/null") }?.message.contains("regular file") == true)
            let inside = diagnostic { _ = try ImageFormats.reader(for: folder.path) }
            #expect(inside?.code == .unreadableFile && inside?.message.contains("folder") == true)
        }
    }

    @Test func `a writer is chosen by the extension`() throws {
        #expect(try ImageFormats.writer(forExtension: "png").name == "png")
        #expect(try ImageFormats.writer(forExtension: ".PNG").name == "png")
        #expect(
            diagnostic { _ = try ImageFormats.writer(forExtension: "jpg") }?.message
                == "`.jpg` can be read but is not written")
        #expect(diagnostic { _ = try ImageFormats.writer(forExtension: "bmp") }?.remedy?.contains(".png") == true)
        #expect(diagnostic { _ = try ImageFormats.writer(forExtension: "") }?.code == .unknownFormat)
        #expect(ImageFormats.fileExtension(of: "/a.b/C.TIF") == "tif")
        #expect(ImageFormats.fileExtension(of: "/a.b/.png") == "")
        #expect(ImageFormats.fileExtension(of: "/a.b/scan.NII.gz") == "nii.gz")
        let compressed = diagnostic { _ = try ImageFormats.writer(forExtension: "nii.gz") }
        #expect(compressed?.message == "`.nii.gz` is not an image format that can be written")
    }

    @Test func `reading a folder or a missing file directly is refused too`() throws {
        for reader in ImageFormats.readers {
            for path in ["/", "/nonexistent/a"] {
                #expect(diagnostic { _ = try reader.readImage(path) }?.place?.file == path, "\(reader.name) \(path)")
            }
        }
    }
}

@Suite struct UnitTests {
    @Test(arguments: [(8, "png", 1.0 / 510), (16, "png", 1.0 / 131_070), (16, "tif", 1.0 / 131_070)])
    func `numbers of 0...1 are stored over the full range with the error that is stated`(
        bits: Int, suffix: String, error: Double
    ) throws {
        let values = (0..<256).map { Float($0) / 300 }
        let image = try Image(geometry: Geometry(size: GridSize(16, 16)), pixels: AlignedBuffer(values))
        try withTemporaryFolder { folder in
            let path = folder.appending(path: "unit.\(suffix)").path
            let writer = try ImageFormats.writer(forExtension: suffix)
            try writer.write(image, to: path, options: WriteOptions(bits: bits, unit: true))
            let read = try ImageFormats.reader(for: path).readImage(
                path, pages: .automatic, region: nil, limits: .standard)
            let full = Double((1 << bits) - 1)
            for (index, value) in values.enumerated() {
                #expect(abs(Double(read.pixels[index]) / full - Double(value)) <= error * 1.0001)
            }
            let beyond = try Image(geometry: Geometry(size: GridSize(1, 1)), pixels: AlignedBuffer([1.5]))
            #expect {
                try writer.write(beyond, to: path, options: WriteOptions(bits: bits, unit: true))
            } throws: { "\($0)".contains("`unit` stores values of 0...1") }
        }
    }

    @Test(arguments: ["png", "tif"])
    func `fractions are rounded to the stored depth where that is asked`(suffix: String) throws {
        let values: [Float] = [0.5, 1.5, 2.5, 254.6, -0.4, 7]
        let writer = try ImageFormats.writer(forExtension: suffix)
        let geometry = try Geometry(size: GridSize(3, 2))
        try withTemporaryFolder { folder in
            let path = folder.appending(path: "round.\(suffix)").path
            for (stored, bits) in [(SampleType.uint8, 8), (.uint16, 16), (.float32, 8)] {
                let image = try Image(
                    geometry: geometry, pixels: AlignedBuffer(values), origin: Origin(stored: stored))
                if stored != .float32 || suffix == "png" {
                    #expect(diagnostic { try writer.write(image, to: path, options: .init()) }?.code == .wouldLoseData)
                }
                try writer.write(image, to: path, options: WriteOptions(round: true))
                let read = try ImageFormats.reader(for: path).readImage(
                    path, pages: .automatic, region: nil, limits: .standard)
                #expect(read.pixels.array == [0, 2, 2, 255, 0, 7])
                #expect(read.origin?.stored.bits == bits && read.origin?.stored.kind == .unsigned)
            }
        }
    }

    @Test(arguments: ["png", "tif"])
    func `labels and probabilities, which have a scale of their own, refuse another one`(suffix: String) throws {
        let geometry = try Geometry(size: GridSize(2, 1)), writer = try ImageFormats.writer(forExtension: suffix)
        let labels = try LabelMap(geometry: geometry, labels: AlignedBuffer([0, 1]))
        let map = try ProbabilityMap(geometry: geometry, classes: ["a", "b"], values: AlignedBuffer([1, 0, 0, 1]))
        try withTemporaryFolder { folder in
            let path = folder.appending(path: "scale.\(suffix)").path
            for options in [WriteOptions(unit: true), WriteOptions(rescale: true), WriteOptions(round: true)] {
                #expect { try writer.write(labels, to: path, options: options) } throws: {
                    "\($0)".contains("do not apply")
                }
                #expect { try writer.write(map, to: path, options: options) } throws: {
                    "\($0)".contains("do not apply")
                }
            }
        }
    }
}
