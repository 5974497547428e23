import Foundation
import Lucency
import Support
import Testing

@Suite struct ReportTests {
    /// Labels of three classes and probabilities that know nothing of them but their place, for `count` cases.
    private func render(_ count: Int, into folder: URL, names: [String] = []) throws {
        let side = 32, pixels = side * side
        for kind in ["labels", "predictions"] {
            try FileManager.default.createDirectory(at: folder.appending(path: kind), withIntermediateDirectories: true)
        }
        for number in 0..<count {
            var random = PhiloxStream(seed: 5, stream: "report \(number)")
            var labels = [Int32](repeating: 0, count: pixels), values = [Float](repeating: 0, count: 3 * pixels)
            for index in 0..<pixels {
                let x = Float(index % side) / Float(side), p = [0.9 - 0.8 * x, 0.05 + 0.3 * x, 0.05 + 0.5 * x]
                let draw = Float(random.uniform())
                labels[index] = draw < p[0] ? 0 : draw < p[0] + p[1] ? 1 : 2
                let sharp = p.map { $0 * $0 }, sum = sharp.reduce(0, +)
                for plane in 0..<3 { values[plane * pixels + index] = sharp[plane] / sum }
            }
            let geometry = try Geometry(size: GridSize(side, side))
            let name = number < names.count ? names[number] : "case\(number)"
            try PNGFormat().write(
                LabelMap(geometry: geometry, labels: AlignedBuffer(labels)),
                to: folder.appending(path: "labels/\(name).png").path, options: WriteOptions())
            try TIFFFormat().write(
                ProbabilityMap(geometry: geometry, classes: ["a", "b", "c"], values: AlignedBuffer(values)),
                to: folder.appending(path: "predictions/\(name).tif").path, options: WriteOptions(float: true))
        }
    }

    private func report(_ folder: URL, _ more: String...) throws -> Result {
        let (status, out, errors) = try runLucency(
            [
                "report", "--predictions", folder.appending(path: "predictions").path, "--labels",
                folder.appending(path: "labels").path, "--output", folder.appending(path: "out").path, "--resamples",
                "200",
            ] + more)
        return Result(status: status, data: out, errors: errors)
    }

    @Test func `a folder of predictions becomes a page, JSON, tables and figures`() throws {
        try withTemporaryFolder { folder in
            try render(24, into: folder)
            try Data("background\nliver\nspleen\n".utf8).write(to: folder.appending(path: "classes.txt"))
            let run = try report(
                folder, "--classes", folder.appending(path: "classes.txt").path, "--images",
                folder.appending(path: "labels").path)
            #expect(run.status == 0, "\(run.errors)")
            #expect(run.out.contains("over-confident") && run.out.contains("report.html"))
            let out = folder.appending(path: "out")
            let page = try MarkupDocument(String(contentsOf: out.appending(path: "report.html"), encoding: .utf8))
            #expect(page.all("script").isEmpty && page.all("img").count == 6 * 5)
            #expect(page.elements.contains { $0.text.contains("liver") })
            let json = try JSONValue(
                parsing: String(contentsOf: out.appending(path: "report.json"), encoding: .utf8))
            let read = try CalibrationReport(json: json)
            #expect(read.runs.first?.cases.count == 24 && read.classes == ["background", "liver", "spleen"])
            #expect(read.provenance.contains { $0.value.contains("float32") })
            let hash = try #require(read.provenance.first { $0.name == "SHA-256 of predictions, predictions" })
            var lines = ""
            for name in read.runs[0].cases.map(\.name) {
                lines += "\(name) \(try FileSystem.hash(of: folder.appending(path: "predictions/\(name).tif").path))\n"
            }
            var digest = SHA256()
            Array(lines.utf8).withUnsafeBytes { digest.update($0) }
            let expected = digest.hexDigest()
            #expect(hash.value == expected)
            #expect(
                try FileSystem.names(in: out.appending(path: "tables").path)
                    == ["cases.csv", "classes.csv", "coverage.csv", "regions.csv", "reliability.csv", "summary.csv"])
            #expect(try FileSystem.names(in: out.appending(path: "figures").path).count == 4)
            #expect(try !FileSystem.names(in: out.path).contains { $0.hasPrefix(".") })
            let again = try report(
                folder, "--json", "--jobs", "1", "--classes", folder.appending(path: "classes.txt").path)
            #expect(try CalibrationReport(json: again.json).runs == read.runs)
        }
    }

    @Test func `bad cases are told and listed, the others are judged`() throws {
        try withTemporaryFolder { folder in
            try render(6, into: folder)
            try FileManager.default.removeItem(at: folder.appending(path: "predictions/case0.tif"))
            try Data("not an image".utf8).write(to: folder.appending(path: "predictions/case1.tif"))
            let run = try report(folder)
            #expect(run.status == 2)
            #expect(run.errors.contains("case0: there is no prediction") && run.errors.contains("case1.tif"))
            let html = try String(contentsOf: folder.appending(path: "out/report.html"), encoding: .utf8)
            #expect(html.contains("Left out") && html.contains("Only 4 cases"))
            #expect(FileSystem.isFile(folder.appending(path: "out/tables/problems.csv").path))
        }
    }

    @Test func `names from outside become neither markup nor formulas`() throws {
        try withTemporaryFolder { folder in
            try render(3, into: folder, names: ["=cmd|'!A0", "<script>alert(1)<", "-x&\"y"])
            let run = try report(folder, "--title", "<script>x</script>")
            #expect(run.status == 0, "\(run.errors)")
            let html = try String(contentsOf: folder.appending(path: "out/report.html"), encoding: .utf8)
            let page = try MarkupDocument(html)
            #expect(page.all("script").isEmpty && !html.contains("<script"))
            #expect(page.all("bdi").contains { $0.text == "<script>alert(1)<" })
            let cases = try String(contentsOf: folder.appending(path: "out/tables/cases.csv"), encoding: .utf8)
            #expect(cases.contains(",'=cmd|'!A0,") && cases.contains("'-x&"))
            for name in try FileSystem.names(in: folder.appending(path: "out/figures").path) {
                _ = try MarkupDocument(
                    String(contentsOf: folder.appending(path: "out/figures/\(name)"), encoding: .utf8))
            }
        }
    }

    @Test func `runs are compared with the first`() throws {
        try withTemporaryFolder { folder in
            try render(8, into: folder)
            let predictions = folder.appending(path: "predictions").path
            let run = try lucency(
                "report", "--run", "one=\(predictions)", "--run", "two=\(predictions)", "--labels",
                folder.appending(path: "labels").path, "--output", folder.appending(path: "out").path, "--json")
            #expect(run.status == 0, "\(run.errors)")
            let report = try CalibrationReport(json: run.json)
            #expect(report.runs.map(\.name) == ["one", "two"])
            #expect(report.comparisons.allSatisfy { $0.difference == 0 && $0.p == 1 && $0.cases == 8 })
        }
    }

    @Test func `a boundary in millimetres needs a spacing, and the message names the option`() throws {
        try withTemporaryFolder { folder in
            try render(3, into: folder)
            let run = try report(folder, "--boundary", "1mm")
            #expect(run.status == 1 && run.errors.contains("--spacing 0.2mm"))
            let stated = try report(folder, "--boundary", "1mm", "--spacing", "0.5mm")
            #expect(stated.status == 0, "\(stated.errors)")
            let html = try String(contentsOf: folder.appending(path: "out/report.html"), encoding: .utf8)
            #expect(html.contains("within 1 mm"))
        }
    }

    @Test func `wrong usage is said before anything is read`() throws {
        for arguments in [
            ["--labels", "x", "--output", "y"],
            ["--predictions", "p", "--run", "a=b", "--labels", "x", "--output", "y"],
            ["--run", "ab", "--labels", "x", "--output", "y"],
            ["--run", "a=b", "--run", "a=c", "--labels", "x", "--output", "y"],
            ["--predictions", "p", "--labels", "x", "--output", "y", "--boundary", "3"],
            ["--predictions", "p", "--labels", "x", "--output", "y", "--bins", "0"],
            ["--predictions", "p", "--labels", "x", "--output", "y", "--spacing", "3px"],
            ["--predictions", "p", "--labels", "x", "--output", "y", "--region", "interior"],
        ] { #expect(try runLucency(["report"] + arguments).status == 64, "\(arguments)") }
        let missing = try lucency(
            "report", "--predictions", "/none", "--labels", "/none", "--output", "/tmp/none-of-it")
        #expect(missing.status == 1 && missing.errors.contains("/none"))
        #expect(!FileSystem.exists("/tmp/none-of-it"))
    }
}
