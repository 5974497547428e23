import Foundation
import Lucency
import Support
import Testing

@Suite struct InspectTests {
    /// Keys that the reference readers' entries have.
    static let keys = ["shape", "axes", "dtype", "min", "max", "mean", "sha256"]

    /// Listed as sound, but its CCITT data are damaged; the format tests say more.
    static let damagedThoughListed = "tiff-conformance/pillow/crash-74d2a78403a5a59db1fb0a2b8735ac068a75f6e3.tif"

    func expectEqual(_ found: JSONValue, _ expected: JSONValue, _ name: String) {
        for key in Self.keys {
            if key == "mean" {
                let (a, b) = (found["mean"]?.doubleValue ?? .nan, expected["mean"]?.doubleValue ?? .nan)
                #expect(abs(a - b) <= 1e-9 * max(1, abs(b)) || a.isNaN && b.isNaN, "\(name): mean \(a), not \(b)")
            } else {
                #expect(found[key] == expected[key], "\(name): \(key)")
            }
        }
    }

    @Test func `JSON facts of PNG files are the reference's numbers`() throws {
        let expected = try TestFiles.json(TestFiles.fixture("LucencyFormatsTests", "png/expected.json"))
        let names = [
            "basi0g01", "basn0g01", "basn0g02", "basn0g16", "basn2c16", "basn3p04", "basn4a16", "basn6a08", "tbwn3p08",
        ]
        let result = try runLucency(["inspect", "--json"] + names.map(png))
        #expect(result.status == 0)
        let all = try #require(try JSONValue(parsing: String(decoding: result.out, as: UTF8.self)).arrayValue)
        #expect(all.count == names.count)
        for (name, found) in zip(names, all) {
            expectEqual(found, try #require(expected["\(name).png"]?["stored"]), name)
            #expect(found["format"] == "png")
            #expect(found["pages"] == nil)
            #expect(
                found["channels"]?.intValue == (found["axes"] == "yx" ? 1 : found["shape"]?.arrayValue?.last?.intValue))
        }
    }

    @Test(.enabled(if: TestFiles.shared != nil, "the shared conformance files are not here"))
    func `JSON facts of TIFF files are the reference's numbers, page by page`() throws {
        let data = try #require(TestFiles.shared).appending(path: "data")
        let files = try #require(try TestFiles.json(data.appending(path: "expected.json"))["files"]?.objectValue)
        let chosen = files.filter { name, entry in
            name.hasPrefix("tiff-conformance/") && name != Self.damagedThoughListed && entry["status"] == "ok"
                && entry["lossy"] != true
                && (entry["bytes"]?.intValue ?? 0) < 400_000
                && (entry["pages"]?.arrayValue ?? []).allSatisfy { $0["stored"] != nil && $0["lossy"] != true }
        }.sorted { $0.key < $1.key }
        #expect(chosen.count > 50)
        let result = try runLucency(["inspect", "--json"] + chosen.map { data.appending(path: $0.key).path })
        #expect(result.status == 0, "\(result.errors)")
        let all = try #require(try JSONValue(parsing: String(decoding: result.out, as: UTF8.self)).arrayValue)
        #expect(all.count == chosen.count)
        let byFile = Dictionary(all.map { ($0["file"]?.stringValue ?? "", $0) }, uniquingKeysWith: { $1 })
        for entry in chosen {
            let found = try #require(byFile[data.appending(path: entry.key).path])
            let pages = try #require(found["pages"]?.arrayValue), expected = entry.value["pages"]?.arrayValue ?? []
            #expect(pages.count == expected.count, "\(entry.key)")
            for (page, wanted) in zip(pages, expected) { expectEqual(page, wanted["stored"] ?? .null, entry.key) }
            for key in Self.keys { #expect(found[key] == pages.first?[key], "\(entry.key): \(key)") }
        }
    }

    @Test func `minimum and maximum are integers, and the mean is not rounded`() throws {
        let out = try lucency("inspect", png("basn2c16"), "--json").out
        #expect(out.contains("\"max\": 65535,"))
        #expect(out.contains("\"mean\": 25599.596354166668,"))
    }

    @Test func `the header is printed without reading pixels`() throws {
        try withTemporaryFolder { folder in
            let path = folder.appending(path: "cut.png").path
            let whole = try Data(contentsOf: URL(filePath: png("basn2c16")))
            var damaged = whole
            // Well behind the header, within the compressed pixels.
            for index in whole.count / 2..<whole.count / 2 + 20 { damaged[index] ^= 0xFF }
            try damaged.write(to: URL(filePath: path))
            let header = try lucency("inspect", path, "--json", "--header")
            #expect(header.status == 0, "\(header.errors)")
            let known = try header.json
            #expect(known["shape"] == [32, 32, 3] && known["dtype"] == "uint16" && known["channels"] == 3)
            #expect(["min", "max", "mean", "sha256"].allSatisfy { known[$0] == nil })
            #expect(try lucency("inspect", path).status == 0)
            let full = try lucency("inspect", path, "--json")
            #expect(full.status == 1 && full.data.isEmpty)
            #expect(full.errors.contains(path) && full.errors.contains("damaged"))
        }
    }

    @Test func `spacing is in millimetres, with its source`() throws {
        let stated = try facts(png("made-scal")), assumed = try facts(png("basn0g08"))
        #expect(stated["spacing"] == [0.7, 0.7] || stated["spacing"]?.arrayValue?.first?.doubleValue == 0.7)
        #expect(stated["spacingSource"] == "stated")
        #expect(assumed["spacing"] == [1, 1] && assumed["spacingSource"] == "assumed")
        #expect(try lucency("inspect", png("made-scal")).out.contains("0.7 × 0.7 mm (stated)"))
        #expect(try lucency("inspect", png("basn0g08")).out.contains("not stated"))
    }

    @Test func `a volume states its spacing along z, and each page its own facts`() throws {
        try withTemporaryFolder { folder in
            let path = folder.appending(path: "volume.tif").path
            try writeImage((0..<24).map { Float($0) }, size: GridSize(4, 3, 2), to: path, spacing: [0.5, 0.25, 2])
            let found = try facts(path)
            #expect(
                found["spacing"] == .array([.number(0.5), .number(0.25), .integer(2)])
                    || found["spacing"]?.arrayValue?.count == 3)
            #expect(found["spacing"]?.arrayValue?.map { $0.doubleValue } == [0.5, 0.25, 2])
            #expect(found["pages"]?.arrayValue?.map { $0["min"]?.intValue } == [0, 12])
            #expect(found["shape"] == [3, 4] && found["max"] == 11)
        }
    }

    @Test func `one bad file does not hide the others`() throws {
        let result = try lucency("inspect", "--json", png("basn0g08"), "/nowhere/x.png", png("basn2c16"))
        #expect(result.status == 1)
        #expect(try result.json.arrayValue?.count == 2)
        #expect(result.errors.contains("/nowhere/x.png") && result.errors.contains("LC0102"))
    }

    @Test func `a model file is inspected, and other files are refused by name`() throws {
        try withTemporaryFolder { folder in
            let header = #"{"__metadata__":{"name":"cells"},"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#
            var bytes = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) }
            bytes += Data(header.utf8) + Data(count: 4)
            for name in ["m.lucency", "m.bin"] {
                let path = folder.appending(path: name).path
                try bytes.write(to: URL(filePath: path))
                let found = try lucency("inspect", path, "--json").json
                #expect(found["tensors"] == [["name": "w", "dtype": "float32", "shape": [1]]])
                #expect(found["metadata"]?["name"] == "cells" && found["parameters"] == 1)
                #expect(try lucency("inspect", path).out.contains("cells"))
            }
            let text = folder.appending(path: "note.txt").path
            try Data("hello, this is text".utf8).write(to: URL(filePath: text))
            let refused = try lucency("inspect", text)
            #expect(refused.status == 1 && refused.errors.contains("LC0301") && refused.errors.contains("PNG"))
        }
    }

    @Test func `the size limit is the user's`() throws {
        let result = try lucency("inspect", png("basn2c16"), "--json", "--max-image-size", "1kB")
        #expect(result.status == 1 && result.errors.contains("--max-image-size"))
    }
}
