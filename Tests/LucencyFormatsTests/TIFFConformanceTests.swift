import Foundation
import LucencyFormats
import LucencyFoundation
import LucencyImaging
import Support
import Testing

/// Files against numbers that tifffile and imagecodecs computed.
@Suite struct TIFFConformanceTests {
    let tiff = TIFFFormat()

    /// Compares all pages of one file with its entry of `expected.json`.
    func check(_ path: String, _ name: String, _ entry: JSONValue) {
        switch entry["status"]?.stringValue {
        case "ok":
            let failure = diagnostic {
                let headers = try tiff.header(of: path, pages: .page(1), limits: .standard).pages
                #expect(headers.count == entry["pageCount"]?.intValue, "\(name)")
                for (index, page) in (entry["pages"]?.arrayValue ?? []).enumerated() {
                    let label = "\(name), page \(index + 1)"
                    guard headers.indices.contains(index), let stored = page["stored"] else {
                        Issue.record("\(label) is missing")
                        continue
                    }
                    let facts = try tiff.storedFacts(of: path, page: index + 1, limits: .standard)
                    if page["lossy"]?.boolValue == true {
                        expectNear(facts, headers[index], stored, label)
                    } else {
                        expectEqual(facts, headers[index], stored, label)
                    }
                    if headers[index].width * headers[index].height < 1 << 20 {
                        try checkImage(path, index + 1, headers[index], facts, label)
                    }
                }
            }
            #expect(failure == nil, "\(name): \(failure?.description ?? "")")
        case "error":
            for failure in [
                diagnostic { _ = try tiff.storedFacts(of: path, page: 1, limits: .standard) },
                diagnostic { _ = try tiff.readImage(path, pages: .page(1), region: nil, limits: .standard) },
            ] {
                #expect(failure?.place?.file == path, "\(name)")
                #expect(failure?.message.isEmpty == false, "\(name)")
            }
        default:
            // Decoded or refused by name; never a crash. What is decoded agrees with itself.
            let failure = diagnostic {
                let facts = try tiff.storedFacts(of: path, page: 1, limits: .standard)
                #expect(facts.min < facts.max, "\(name)")
            }
            if let failure { #expect(failure.place?.file == path, "\(name)") }
        }
    }

    func expectNear(_ facts: StoredFacts, _ page: PageHeader, _ stored: JSONValue, _ name: String) {
        for (key, value) in [("min", facts.min), ("max", facts.max), ("mean", facts.mean)] {
            let expected = stored[key]?.doubleValue ?? .nan
            #expect(abs(value - expected) <= 2, "\(name): \(key) \(value), expected \(expected)")
        }
        #expect(page.shape == stored["shape"]?.arrayValue?.compactMap(\.intValue), "\(name)")
        #expect(page.axes == stored["axes"]?.stringValue && page.dtype == stored["dtype"]?.stringValue, "\(name)")
    }

    /// The float image has the mean of the stored samples, min-is-white turned round; what float32 cannot hold is refused.
    func checkImage(_ path: String, _ page: Int, _ header: PageHeader, _ facts: StoredFacts, _ name: String) throws {
        let image: Image
        do {
            image = try tiff.readImage(path, pages: .page(page), region: nil, limits: .standard)
        } catch let failure as Diagnostic {
            #expect([.inexactValue, .notFinite].contains(failure.code), "\(name): \(failure)")
            #expect(header.sampleType.bits > 24, "\(name): \(failure)")
            return
        }
        #expect(image.size == GridSize(header.width, header.height), "\(name)")
        guard !header.colorType.hasPrefix("palette") else {
            #expect(image.channels == header.samplesPerPixel + 2, "\(name)")
            return
        }
        #expect(image.channels == header.samplesPerPixel, "\(name)")
        let sum = image.pixels.withUnsafeBufferPointer { $0.reduce(0.0) { $0 + Double($1) } }
        let mean = sum / Double(image.pixels.count)
        let inverted = image.origin?.storedInverted == true && header.samplesPerPixel == 1
        let top = header.sampleType.integerRange?.upperBound ?? 0
        let expected = inverted ? top - facts.mean : facts.mean
        #expect(abs(mean - expected) <= 1e-9 * max(1, abs(expected)), "\(name): \(mean) and \(expected)")
    }

    /// One byte of this file's CCITT data is wrong, and what comes after it depends on the decoder: the reference's
    /// decoder guesses other pixels than libtiff's, which reports the damage. Refusing it is right, and what we do.
    static let damagedThoughListed = "tiff-conformance/pillow/crash-74d2a78403a5a59db1fb0a2b8735ac068a75f6e3.tif"

    @Test func `TIFF fixtures decode to the reference's numbers or are refused`() throws {
        let folder = TestFiles.fixture("LucencyFormatsTests", "tiff")
        let expected = try #require(try TestFiles.json(folder.appending(path: "expected.json")).objectValue)
        #expect(expected.count >= 60)
        for (name, entry) in expected { check(folder.appending(path: name).path, name, entry) }
    }

    @Test(.enabled(if: TestFiles.shared != nil, "the shared conformance files are not here"))
    func `every TIFF conformance file decodes to the reference's numbers or is refused`() throws {
        let data = try #require(TestFiles.shared).appending(path: "data")
        let files = try #require(try TestFiles.json(data.appending(path: "expected.json"))["files"]?.objectValue)
        let chosen = files.filter { $0.key.hasPrefix("tiff-conformance/") || $0.key.hasPrefix("stardist/") }
        #expect(chosen.count == 231)
        for (name, entry) in chosen.sorted(by: { $0.key < $1.key }) {
            let path = data.appending(path: name).path
            guard name != Self.damagedThoughListed else {
                let failure = diagnostic { _ = try tiff.storedFacts(of: path, page: 1, limits: .standard) }
                #expect(failure?.code == .damagedFile && failure?.message.contains("Bad code word") == true)
                continue
            }
            check(path, name, entry)
        }
    }
}
