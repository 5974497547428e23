import Foundation
import Support
import Testing

@Suite struct EmbeddingTests {
    @Test(
        .enabled(if: Program(onPath: "swift") != nil, "the swift command is needed to build a package"),
        .timeLimit(.minutes(15)))
    func `a package that depends on Lucency by path thresholds an image without a pipeline`() throws {
        let swift = try #require(Program(onPath: "swift"))
        // The running `swift test` holds the lock of .build itself, so the example builds in a folder of its own there.
        let place = [
            "--package-path", TestFiles.root.appending(path: "Tests/EmbeddingExample").path,
            "--scratch-path", TestFiles.root.appending(path: ".build/embedding").path,
        ]
        let build = try swift.run(["build", "--disable-index-store", "--product", "EmbeddingExample"] + place)
        try #require(build.status == 0, "\(build.output)\n\(build.errors)")
        let run = try swift.run(["run", "--skip-build"] + place + ["EmbeddingExample"])
        #expect(run.status == 0, "\(run.errors)")
        // The integer points inside a circle of radius 20 (Gauss' circle problem: 1257, of which 12 lie on it).
        #expect(run.output == "1245\n")
    }
}
