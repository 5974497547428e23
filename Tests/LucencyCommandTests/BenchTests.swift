import Foundation
import Lucency
import Support
import Testing

@Suite struct BenchTests {
    private let bench = Program(product: "lucency-bench")

    @Test func `images writes pictures and masks of equal names that a seed repeats`() throws {
        try withTemporaryFolder { folder in
            let size = ["--count", "2", "--width", "64", "--height", "48", "--seed", "5"]
            let a = folder.appending(path: "a").path, b = folder.appending(path: "b").path
            let masks = folder.appending(path: "masks").path
            let first = try bench.run(["images", a, "--masks", masks] + size)
            try #require(first.status == 0, "\(first.errors)")
            #expect(try bench.run(["images", b] + size).status == 0)
            #expect(try FileManager.default.contentsOfDirectory(atPath: a).sorted() == ["00.png", "01.png"])
            #expect(try FileManager.default.contentsOfDirectory(atPath: masks).sorted() == ["00.png", "01.png"])
            for name in ["00.png", "01.png"] {
                #expect(FileManager.default.contentsEqual(atPath: "\(a)/\(name)", andPath: "\(b)/\(name)"))
            }
            let truth = try Membranes(width: 64, height: 48)(seed: 5, index: 1).values
            let image = try PNGFormat().readImage("\(a)/01.png", pages: .automatic, region: nil, limits: .standard)
            #expect(image.pixels == truth["image"]?.image?.pixels)
            #expect(abs(image.geometry.spacing.x - 4e-6) < 1e-12)
            let mask = try PNGFormat().readLabels("\(masks)/01.png", pages: .automatic, limits: .standard)
            #expect(mask.labels.array == truth["label"]?.labels?.labels.array.map { $0 * 255 })
        }
    }

    @Test func `images refuses counts and sizes it cannot render`() throws {
        try withTemporaryFolder { folder in
            let out = folder.appending(path: "out").path
            #expect(try bench.run(["images", out, "--count", "0"]).status != 0)
            let small = try bench.run(["images", out, "--width", "8"])
            #expect(small.status == 1)
            #expect(small.errors.contains("a phantom of 8 × 512 pixels is outside 32...8192 [LC0408]"))
        }
    }

    @Test func `huge writes a tiled TIFF in far less memory than it holds`() throws {
        try withTemporaryFolder { folder in
            let path = folder.appending(path: "huge.tif").path
            let run = try bench.run(["memory", "--", bench.executable.path, "huge", path, "--size", "6000"])
            #expect(run.status == 0, "\(run.errors)")
            let report = try JSONValue(parsing: String(run.output.split(separator: "\n").last ?? ""))
            #expect(report["exitCode"]?.intValue == 0)
            let peak = try #require(report["peakBytes"]?.intValue)
            #expect(peak > 1 << 20 && peak < 60 << 20)
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
}
