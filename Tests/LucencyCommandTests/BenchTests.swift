import Foundation
import Lucency
import Support
import Testing

@Suite struct BenchTests {
    private let bench = Program(product: "lucency-bench")

    @Test func `huge writes a tiled TIFF in far less memory than it holds`() throws {
        try withTemporaryFolder { folder in
            let path = folder.appending(path: "huge.tif").path
            let run = try bench.run(["memory", "--", bench.executable.path, "huge", path, "--size", "6000"])
            #expect(run.status == 0, "\(run.errors)")
            let report = try JSONValue(parsing: String(run.output.split(separator: "\n").last ?? ""))
            #expect(report["exitCode"]?.intValue == 0)
            let peak = try #require(report["peakBytes"]?.intValue)
            #expect(peak > 1 << 20)
            #expect(Sanitizer.isOn || peak < 60 << 20)
            #expect(try #require(report["wallSeconds"]?.doubleValue) > 0)

            let bytes = try Data(contentsOf: URL(filePath: path), options: .alwaysMapped)
            func number(_ at: Int, _ length: Int) -> Int {
                (0..<length).reduce(0) { $0 | Int(bytes[at + $1]) << (8 * $1) }
            }
            #expect(number(0, 4) == 0x002A_4949)
            var entries: [Int: (count: Int, value: Int)] = [:]
            for index in 0..<number(8, 2) {
                let start = 10 + 12 * index
                entries[number(start, 2)] = (number(start + 4, 4), number(start + 8, 4))
            }
            #expect(entries[256]?.value == 6000)
            #expect(entries[258]?.value == 16)
            let offsets = try #require(entries[324])
            #expect(offsets.count == 24 * 24)
            // Column 5000, row 3001: tile (19, 11), column 136 and row 185 within it.
            let tile = number(offsets.value + 4 * (11 * 24 + 19), 4)
            #expect(number(tile + 2 * (185 * 256 + 136), 2) == (7 * 5000 + 13 * 3001 + (5000 ^ 3001)) & 0xFFFF)
            #expect(bytes.count == number(offsets.value + 4 * (24 * 24 - 1), 4) + 2 * 256 * 256)
        }
    }

    @Test func `a tiled TIFF of 200 MB is inspected and cropped in a fraction of its size`() throws {
        try withTemporaryFolder { folder in
            let path = folder.appending(path: "huge.tif").path, crop = folder.appending(path: "crop.png").path
            #expect(try bench.run(["huge", path, "--size", "10000"]).status == 0)
            for arguments in [
                ["inspect", "--header", "--json", path], ["inspect", "--json", path],
                ["convert", path, crop, "--region", "5000,5000,300,200"],
            ] {
                let run = try bench.run(["memory", "--", lucencyBinary.path] + arguments)
                let report = try JSONValue(parsing: String(run.output.split(separator: "\n").last ?? ""))
                #expect(report["exitCode"]?.intValue == 0, "\(run.errors)")
                #expect(try #require(report["peakBytes"]?.intValue) < 100 << 20, "\(arguments)")
            }
            let image = try PNGFormat().readImage(crop, pages: .automatic, region: nil, limits: .standard)
            #expect(image.size == GridSize(300, 200))
            // The last pixel of the crop: column 5299, row 5199.
            let x = 5299, y = 5199
            let expected: Int = (7 * x + 13 * y + (x ^ y)) & 0xFFFF
            #expect(image.pixels[199 * 300 + 299] == Float(expected))
        }
    }

    @Test func `huge refuses what a classic TIFF cannot hold`() throws {
        #expect(try bench.run(["huge", "/nowhere/x.tif", "--size", "46001"]).status != 0)
        #expect(try bench.run(["huge", "/nowhere/x.tif", "--tile", "100"]).status != 0)
        let unwritable = try bench.run(["huge", "/nowhere/x.tif", "--size", "16"])
        #expect(unwritable.status == 1)
        #expect(unwritable.errors.contains("/nowhere/x.tif: error: cannot write: No such file or directory [LC0104]"))
    }

    @Test func `memory ends as the command did, and says so when there is no such command`() throws {
        let failing = try bench.run(["memory", "--", "/bin/sh", "-c", "echo hello; exit 3"])
        #expect(failing.status == 3)
        #expect(failing.output.hasPrefix("hello\n{"))
        #expect(failing.output.contains("\"exitCode\":3"))
        let killed = try bench.run(["memory", "--", "/bin/sh", "-c", "kill -9 $$"])
        #expect(killed.status == 137)
        let missing = try bench.run(["memory", "--", "/nowhere/command"])
        #expect(missing.status == 1)
        #expect(missing.errors.contains("cannot run /nowhere/command: No such file or directory [LC0102]"))
    }

    @Test func `calibration measures cases one after the other, and makes up no peer`() throws {
        let run = try bench.run(
            [
                "calibration", "--cases", "5", "--size", "32", "--files", "2", "--blocks", "2", "--threads", "1,2",
                "--python", "false", "--json",
            ], in: TestFiles.root)
        try #require(run.status == 0, "\(run.errors)")
        let report = try JSONValue(parsing: run.output)
        let rows = try #require(report["rows"]?.arrayValue)
        #expect(rows.map { $0["threads"]?.intValue } == [1, 2])
        for row in rows {
            #expect(try #require(row["ours_ms"]?.doubleValue) > 0)
            #expect(row["cases"]?.intValue == 5 && row["ratio"] == nil && row["peer_ms"] == nil)
            #expect((0.0...0.3).contains(try #require(row["values"]?["ece"]?.doubleValue)))
            #expect(try #require(row["values"]?["accuracy"]?.doubleValue) > 0.8)
        }
        #expect(rows[0]["values"] == rows[1]["values"])
        #expect(try bench.run(["calibration", "--cases", "3", "--blocks", "4"]).status != 0)
    }

    @Test func `segment times a folder of images as whole processes, and makes up no peer`() throws {
        let run = try bench.run(
            [
                "segment", "--count", "2", "--size", "64", "--threads", "1,2", "--runs", "1", "--python", "false",
                "--json",
            ], in: TestFiles.root)
        try #require(run.status == 0, "\(run.errors)")
        let rows = try #require(try JSONValue(parsing: run.output)["rows"]?.arrayValue)
        #expect(rows.map { $0["threads"]?.intValue } == [1, 2])
        for row in rows {
            #expect(try #require(row["ours"]?["images_per_second"]?.doubleValue) > 0)
            #expect(try #require(row["ours"]?["peak_mb"]?.doubleValue) > 1)
            #expect(row["peer"] == nil && row["speed"] == nil)
        }
        #expect(try bench.run(["segment", "--threads", "none"]).status != 0)
    }
}
