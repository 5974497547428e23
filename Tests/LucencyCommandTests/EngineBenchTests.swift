import Foundation
import LucencyFoundation
import Support
import Testing

@Suite struct EngineBenchTests {
    private let bench = Program(product: "lucency-bench")

    @Test func `engine times layers and networks, with or without peers`() throws {
        let layer = "3x3 64-64 @128 forward"
        let result = try bench.run([
            "engine", "--quick", "--json", "--only", layer, "--threads", "1,2", "--runs", "1", "--python", "true",
        ])
        try #require(result.status == 0, "\(result.errors)")
        let json = try JSONValue(parsing: result.output)
        let rows = try #require(json["rows"]?.arrayValue)
        // The name is that of the pass forward, and the beginning of that of both passes.
        #expect(rows.count == 4)
        for row in rows {
            #expect(row["name"]?.stringValue?.hasPrefix(layer) == true)
            #expect((row["ours_ms"]?.doubleValue ?? 0) > 0)
            #expect((row["gflops"]?.doubleValue ?? 0) > 0)
            #expect(row["peer"]?.stringValue == (row["name"]?.stringValue == layer ? "onnxruntime" : "torch"))
            // Without a peer there is nothing to compare, and nothing is made up.
            #expect(row["peer_ms"] == nil && row["ratio"] == nil)
        }
        #expect(json["notes"]?.arrayValue?.first?.stringValue?.hasPrefix("peers: none") == true)
    }

    @Test func `objectives are timed beside cross-entropy`() throws {
        let result = try bench.run(["objectives", "--rounds", "1", "--side", "16", "--batch", "1", "--json"])
        try #require(result.status == 0, "\(result.errors)")
        let rows = try #require(try JSONValue(parsing: result.output)["rows"]?.arrayValue)
        #expect(rows.first?["name"]?.stringValue == "cross-entropy" && rows.first?["ratio"]?.doubleValue == 1)
        #expect(rows.contains { $0["name"]?.stringValue == "svls" })
        #expect(rows.allSatisfy { ($0["step_ms"]?.doubleValue ?? 0) > 0 })
    }

    @Test func `engine says where a training step's time goes, and what its plan takes`() throws {
        let result = try bench.run([
            "engine", "--quick", "--json", "--only", "unet training", "--threads", "2", "--runs", "1", "--profile",
            "--kernels", "portable", "--python", "true",
        ])
        try #require(result.status == 0, "\(result.errors)")
        let row = try #require(try JSONValue(parsing: result.output)["rows"]?.arrayValue?.first)
        #expect((row["plan_mb"]?.doubleValue ?? 0) > 10)
        #expect(row["profile"]?["convolution backward"] != nil)
    }

    @Test func `latent diffusion is timed in its parts, with or without a peer`() throws {
        let result = try bench.run([
            "diffusion", "--small", "--side", "64", "--steps", "1", "--threads", "1,2", "--python", "true", "--json",
            "--profile",
        ])
        try #require(result.status == 0, "\(result.errors)")
        let json = try JSONValue(parsing: result.output), rows = try #require(json["rows"]?.arrayValue)
        #expect(
            rows.compactMap { $0["part"]?.stringValue } == ["encode", "decode", "step", "encode", "decode", "step"])
        for row in rows {
            #expect((row["ours_s"]?.doubleValue ?? 0) > 0 && (row["ours_peak_mb"]?.doubleValue ?? 0) > 1)
            #expect(row["peer_s"] == nil && row["ratio"] == nil)
            #expect((row["profile"]?["convolution forward"] != nil) == (row["part"]?.stringValue == "step"))
        }
        let training = try bench.run([
            "diffusion", "--small", "--side", "64", "--steps", "1", "--threads", "1", "--json", "--training",
        ])
        let steps = try #require(try JSONValue(parsing: training.output)["rows"]?.arrayValue)
        #expect(
            steps.map { $0["recompute"]?.stringValue } == ["none", "cheap", "segments", "none", "cheap", "segments"])
        let megabytes = steps.compactMap { $0["plan_mb"]?.doubleValue }
        #expect(megabytes.count == 6 && megabytes[2] < megabytes[0] && megabytes[5] < megabytes[3])
        #expect(steps.allSatisfy { ($0["step_s"]?.doubleValue ?? 0) > 0 })
        #expect(try bench.run(["diffusion", "--side", "1000"]).status == 64)
        #expect(try bench.run(["diffusion", "--steps", "0"]).status == 64)
    }

    @Test func `engine refuses families and lists of threads it cannot run`() throws {
        #expect(try bench.run(["engine", "--kernels", "neon512"]).status == 64)
        #expect(try bench.run(["engine", "--threads", "0,x"]).status == 64)
        #expect(try bench.run(["engine", "--runs", "0"]).status == 64)
    }
}
