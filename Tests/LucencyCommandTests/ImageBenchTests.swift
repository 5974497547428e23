import Foundation
import LucencyFoundation
import Support
import Testing

@Suite struct ImageBenchTests {
    private let bench = Program(product: "lucency-bench")

    private func rows(_ arguments: [String]) throws -> [JSONValue] {
        // An interpreter that answers nothing: there is no peer, and none is made up.
        let run = try bench.run(arguments + ["--json", "--runs", "1", "--python", "true"], in: TestFiles.root)
        try #require(run.status == 0, "\(run.errors)")
        let rows = try #require(try JSONValue(parsing: run.output)["rows"]?.arrayValue)
        for row in rows { #expect(row["peer"] == nil && row["peer_ms"] == nil && row["ratio"] == nil) }
        return rows
    }

    @Test func `io times reading and writing of every format`() throws {
        let rows = try rows(["io", "--quick", "--only", "gray"])
        #expect(rows.count == 2 * (2 + 4))
        for row in rows {
            #expect(try #require(row["ours_ms"]?.doubleValue) > 0)
            // A value of a micrograph, or the size of a file of 256 × 256 pixels.
            let check = try #require(row["check"]?.doubleValue)
            #expect(row["name"]?.stringValue?.hasPrefix("write") == true ? check > 10_000 : check > 1)
        }
    }

    @Test func `fourier times transforms and filters of planes and volumes`() throws {
        let rows = try rows(["fourier", "--quick", "--threads", "1,2"])
        #expect(rows.count == 2 * 3 * 3)
        for row in rows { #expect(try #require(row["ours_ms"]?.doubleValue) > 0) }
        // The inverse gives the image back, whose values are whole numbers.
        for row in rows where row["name"]?.stringValue?.hasPrefix("inverse") == true {
            let value = try #require(row["check"]?.doubleValue)
            #expect(abs(value - value.rounded()) < 0.01 && value > 1)
        }
    }

    @Test func `morphology times operations whose results order as they must`() throws {
        let rows = try rows(["morphology", "--quick"])
        func pixels(_ name: String) throws -> Double {
            try #require(rows.first { $0["name"]?.stringValue?.hasPrefix(name) == true }?["check"]?.doubleValue)
        }
        let (eroded, opened, dilated) = (try pixels("erode"), try pixels("open"), try pixels("dilate"))
        #expect(eroded > 0 && eroded < dilated && opened < dilated)
        #expect(try pixels("fill holes") >= pixels("remove objects"))
        #expect(try pixels("components") >= 1)
        #expect(try bench.run(["morphology", "--threads", "0"]).status == 64)
    }

    @Test func `batch times a folder of images as whole processes`() throws {
        let run = try bench.run(
            [
                "batch", "--count", "2", "--size", "64", "--threads", "1,2", "--runs", "1", "--python", "false",
                "--json",
            ],
            in: TestFiles.root)
        try #require(run.status == 0, "\(run.errors)")
        let rows = try #require(try JSONValue(parsing: run.output)["rows"]?.arrayValue)
        #expect(rows.map { $0["threads"]?.intValue } == [1, 2])
        for row in rows {
            #expect(try #require(row["ours"]?["images_per_second"]?.doubleValue) > 0)
            #expect(row["peer"] == nil && row["speed"] == nil)
        }
    }
}
