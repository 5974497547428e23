import Foundation
import Lucency
import Support
import Testing

@Suite struct ApplyTests {
    /// Two bright squares of 9 and 4 pixels on a dark ground, 8 × 8, 8 bits.
    static func squares() -> [Float] {
        var values = [Float](repeating: 10, count: 64)
        for y in 1...3 { for x in 1...3 { values[y * 8 + x] = 200 } }
        for y in 5...6 { for x in 5...6 { values[y * 8 + x] = 250 } }
        return values
    }

    @Test func `stages run on files one after another, to a table`() throws {
        try withTemporaryFolder { folder in
            let image = folder.appending(path: "cells.png").path, mask = folder.appending(path: "new/mask.png").path
            let objects = folder.appending(path: "objects.png").path
            try writeImage(Self.squares(), size: GridSize(8, 8), to: image)
            let threshold = try lucency("apply", "segment.threshold", image, "--output", mask, "--with", "method=otsu")
            #expect(threshold.status == 0 && threshold.data.isEmpty, "\(threshold.errors)")
            #expect(try facts(mask)["max"] == 1 && facts(mask)["mean"]?.doubleValue == 13.0 / 64)
            let components = try lucency("apply", "components", mask, "--output", objects)
            #expect(components.status == 0, "\(components.errors)")
            // Ports in order, by name, and a table on standard output.
            let plain = try lucency("apply", "measure", objects, image, "--output", "-")
            let named = try lucency("apply", "measure", "image=\(image)", "labels=\(objects)", "--output", "-")
            #expect(plain.status == 0 && plain.out == named.out, "\(plain.errors)")
            let lines = plain.out.split(whereSeparator: \.isNewline)
            #expect(lines.count == 3 && lines[0].hasPrefix("label,"))
            #expect(plain.out.contains(",9,") && plain.out.contains(",4,"))
            let json = try lucency("apply", "measure", objects, "--output", "-", "--format", "json")
            #expect(try json.json["rows"]?.arrayValue?.count == 2)
            let drawn = folder.appending(path: "overlay.png").path
            #expect(try lucency("apply", "overlay", image, objects, "--output", drawn).status == 0)
            #expect(try facts(drawn)["colorType"] == "rgb")
        }
    }

    @Test func `standard input and output take the place of files`() throws {
        try withTemporaryFolder { folder in
            let image = folder.appending(path: "cells.png"), mask = folder.appending(path: "mask.png")
            try writeImage(Self.squares(), size: GridSize(8, 8), to: image.path)
            let fixed = "method={uses: fixed, with: {level: 220}}"
            #expect(
                try lucency("apply", "segment.threshold", image.path, "--output", mask.path, "--with", fixed).status
                    == 0)
            let given = try Data(contentsOf: image)
            let piped = try lucency("apply", "segment.threshold", "-", "--output", "-", "--with", fixed, input: given)
            #expect(piped.status == 0, "\(piped.errors)")
            #expect(try piped.data == Data(contentsOf: mask))
            #expect(try facts(mask.path)["mean"]?.doubleValue == 4.0 / 64)
            let tiff = try lucency(
                "apply", "segment.threshold", "image=-", "--output", "-", "--format", "tif", "--with", fixed,
                input: given)
            #expect(tiff.data.starts(with: [0x49, 0x49, 42, 0]))
            let empty = try lucency("apply", "gray", "-", "--output", "-")
            #expect(empty.status == 1 && empty.errors.contains("standard input is empty"))
            let cut = try lucency("apply", "gray", "-", "--output", "-", input: given.prefix(60))
            #expect(cut.status == 1 && cut.errors.hasPrefix("standard input: error") && cut.data.isEmpty)
            let long = try lucency("apply", "gray", "-", "--output", "-", "--max-image-size", "10b", input: given)
            #expect(long.status == 1 && long.errors.contains("--max-image-size"))
            #expect(try lucency("apply", "overlay", "-", "-", "--output", "-", input: given).status == 64)
            #expect(try lucency("apply", "gray", image.path, "--output", mask.path, "--format", "png").status == 64)
        }
    }

    @Test func `gray refuses to lose fractions, and says how not to`() throws {
        try withTemporaryFolder { folder in
            let gray = folder.appending(path: "gray.png").path
            let refused = try lucency("apply", "gray", png("basn2c16"), "--output", gray)
            #expect(refused.status == 1 && refused.errors.contains("--writer rescale=true") && !FileSystem.exists(gray))
            #expect(refused.errors.hasPrefix(gray))
            let options = ["--writer", "rescale=true", "--writer", "bits=8"]
            #expect(try runLucency(["apply", "gray", png("basn2c16"), "--output", gray] + options).status == 0)
            #expect(try facts(gray)["dtype"] == "uint8" && facts(gray)["axes"] == "yx")
            let rounded = folder.appending(path: "rounded.png").path
            #expect(refused.errors.contains("--writer round=true"))
            let nearest = try lucency(
                "apply", "gray", png("basn2c16"), "--output", rounded, "--writer", "round=true")
            #expect(nearest.status == 0, "\(nearest.errors)")
            #expect(try facts(rounded)["dtype"] == "uint16")
            let tiff = folder.appending(path: "gray.tif").path
            #expect(
                try lucency("apply", "gray", png("basn2c16"), "--output", tiff, "--writer", "float=true").status == 0)
            #expect(try facts(tiff)["dtype"] == "float32")
        }
    }

    @Test func `what cubic resampling makes of eight bits is rounded where it fits, and the remedy for the rest works`()
        throws
    {
        try withTemporaryFolder { folder in
            let image = folder.appending(path: "cells.png").path, out = folder.appending(path: "large.png").path
            try writeImage(Self.squares(), size: GridSize(8, 8), to: image)
            let linear = try lucency(
                "apply", "resample", image, "--output", out, "--with", "factor=[1.7]", "--writer", "round=true")
            #expect(linear.status == 0, "\(linear.errors)")
            #expect(try facts(out)["dtype"] == "uint8")
            let extreme = folder.appending(path: "extreme.png").path
            try writeImage((0..<64).map { $0 % 8 < 4 ? 0 : 255 }, size: GridSize(8, 8), to: extreme)
            let cubic = try lucency(
                "apply", "resample", extreme, "--output", out, "--with", "factor=[1.7]", "--with",
                "interpolation=cubic",
                "--writer", "round=true")
            #expect(cubic.status == 1 && cubic.errors.contains("the values reach from"), "\(cubic.errors)")
            let floats = folder.appending(path: "floats.tif").path
            let kept = try lucency(
                "apply", "resample", extreme, "--output", floats, "--with", "factor=[1.7]", "--with",
                "interpolation=cubic", "--writer", "float=true")
            #expect(kept.status == 0, "\(kept.errors)")
            let cut = try lucency(
                "apply", "normalize", floats, "--output", out, "--with",
                "method={uses: window, with: {low: 0, high: 255}}", "--writer", "unit=true", "--writer", "bits=8")
            #expect(cut.status == 0, "\(cut.errors)")
            #expect(try facts(out)["min"] == 0 && facts(out)["max"] == 255)
        }
    }

    @Test func `a component that lacks a parameter is shown with it`() throws {
        for (method, form) in [
            ("non-local-means", "{uses: non-local-means, with: {strength: …}}"),
            ("total-variation", "{uses: total-variation, with: {"),
            ("{uses: non-local-means}", "{uses: non-local-means, with: {strength: …}}"),
        ] {
            let run = try lucency(
                "apply", "denoise", png("basn0g08"), "--output", "-", "--with", "method=\(method)")
            #expect(run.status == 1 && run.errors.contains("write `\(form)"), "\(run.errors)")
        }
    }

    @Test func `the ending of compressed NIfTI files is told whole`() throws {
        let run = try lucency("apply", "gray", png("basn2c16"), "--output", "/tmp/never-written.nii.gz")
        #expect(run.status == 1 && run.errors.contains("cannot be written as '.nii.gz'"), "\(run.errors)")
    }

    @Test func `normalized values are spread over the range of a PNG, whatever the file stored`() throws {
        try withTemporaryFolder { folder in
            let image = folder.appending(path: "cells.png").path, out = folder.appending(path: "even.png").path
            try writeImage(Self.squares(), size: GridSize(8, 8), to: image)
            let run = try lucency(
                "apply", "normalize", image, "--output", out, "--with", "method=min-max", "--writer", "rescale=true",
                "--writer", "bits=8")
            #expect(run.status == 0, "\(run.errors)")
            #expect(try facts(out)["max"] == 255 && facts(out)["min"] == 0)
        }
    }

    @Test func `all slips in parameters are reported together`() throws {
        let result = try lucency(
            "apply", "segment.threshold", png("basn0g08"), "--output", "/tmp/never-written.png", "--with",
            "method=otzu",
            "--with", "foreground=brigth", "--with", "foo=3")
        #expect(result.status == 1)
        for text in ["--with method", "otsu", "--with foreground", "--with foo", "no parameter 'foo'"] {
            #expect(result.errors.contains(text), "\(text)")
        }
        let dotted = try lucency(
            "apply", "segment.threshold", png("basn0g08"), "--output", "-", "--with", "method.uses=fixed", "--with",
            "method.with.level=100")
        #expect(dotted.status == 0, "\(dotted.errors)")
        #expect(try lucency("apply", "gray", png("basn2c16"), "--output", "-", "--with", "foo").status == 64)
        let yaml = try lucency("apply", "gray", png("basn2c16"), "--output", "-", "--with", "foo=[1")
        #expect(yaml.status == 1 && yaml.errors.contains("LC0201"))
    }

    @Test func `what cannot be applied to files is refused by name`() throws {
        for (stage, text) in [
            ("gather", "in a pipeline"), ("folder", "in a pipeline"), ("thresold", "'segment.threshold'"),
        ] {
            let result = try lucency("apply", stage, png("basn0g08"), "--output", "-")
            #expect(result.status == 1 && result.errors.contains(text), "\(stage): \(result.errors)")
        }
        let far = try lucency("apply", "nosuch", png("basn0g08"), "--output", "-")
        #expect(far.errors.contains("`lucency stages` lists them") && !far.errors.contains("did you mean"))
        let probabilities = try lucency(
            "apply", "resample", "probabilities=\(png("basn0g08"))", "--output", "-", "--with", "factor=2")
        #expect(probabilities.status == 1 && probabilities.errors.contains("cannot be read from a file"))
        let port = try lucency("apply", "measure", "labls=\(png("basn0g08"))", "--output", "-")
        #expect(port.status == 1 && port.errors.contains("did you mean 'labels'"))
        let missing = try lucency("apply", "overlay", png("basn0g08"), "--output", "-")
        #expect(missing.status == 1 && missing.errors.contains("image labels [reference]"))
        let writer = try lucency("apply", "measure", png("basn0g08"), "--output", "/tmp/never-written.png")
        #expect(writer.status == 1 && writer.errors.contains(".csv"))
        #expect(try lucency("apply", "gray", png("basn0g08"), "--output", "-", "--kernels", "neon").status == 64)
        #expect(try lucency("apply", "gray", png("basn0g08"), "--output", "-", "--threads", "0").status == 64)
    }

    @Test func `the form of a stage follows from the ports that are named`() throws {
        try withTemporaryFolder { folder in
            let out = folder.appending(path: "labels.png").path
            let result = try lucency(
                "apply", "resample", "labels=\(png("basn3p04"))", "--output", out, "--with", "factor=2")
            #expect(result.status == 0, "\(result.errors)")
            // Labels stay indices, where an image would become colours.
            #expect(try facts(out)["shape"] == [64, 64])
            let image = folder.appending(path: "image.tif").path
            let colors = try lucency(
                "apply", "resample", png("basn3p04"), "--output", image, "--with", "factor=2", "--writer", "float=true")
            #expect(colors.status == 0, "\(colors.errors)")
            #expect(try facts(image)["shape"] == [64, 64, 3])
        }
    }

    @Test func `a spacing in millimetres needs one that somebody states`() throws {
        try withTemporaryFolder { folder in
            let out = folder.appending(path: "a.tif").path
            let arguments = [
                "apply", "resample", png("basn0g08"), "--output", out, "--with", "spacing=2 mm", "--writer",
                "float=true",
            ]
            let refused = try runLucency(arguments)
            #expect(refused.status == 1 && refused.errors.contains("--assume-spacing"))
            #expect(try runLucency(arguments + ["--assume-spacing", "1mm"]).status == 0)
            #expect(try facts(out)["shape"] == [16, 16])
        }
    }

    @Test func `threads do not change a result, and the input is not overwritten`() throws {
        let results = try ["1", "2"].map {
            try lucency(
                "apply", "fourier.lowpass", png("basn0g08"), "--output", "-", "--format", "tif", "--threads", $0,
                "--with",
                "cutoff=8 px", "--writer", "float=true")
        }
        #expect(results[0].status == 0 && results[0].data == results[1].data, "\(results[0].errors)")
        let onto = try lucency("apply", "gray", png("basn0g08"), "--output", png("basn0g08"))
        #expect(onto.status == 1 && onto.errors.contains("overwrite the input"))
    }
}
