import Foundation
import Lucency
import Support
import Testing

@Suite struct ConvertTests {
    @Test func `values, depth and spacing survive the way to TIFF and back`() throws {
        try withTemporaryFolder { folder in
            for name in ["basn0g16", "basn2c16", "basn4a16", "basn6a08", "basn0g08", "made-scal"] {
                let tiff = folder.appending(path: "new/folder/\(name).tif").path
                let back = folder.appending(path: "\(name).png").path
                let first = try lucency("convert", png(name), tiff, "--tile", "16", "--compression", "lzw")
                #expect(first.status == 0 && first.data.isEmpty, "\(first.errors)")
                #expect(try lucency("convert", tiff, back).status == 0)
                let before = try facts(png(name)), between = try facts(tiff), after = try facts(back)
                for key in ["sha256", "shape", "dtype", "spacingSource"] {
                    #expect(before[key] == between[key] && before[key] == after[key], "\(name): \(key)")
                }
                let spacings = [before, between, after].compactMap { $0["spacing"]?.arrayValue?.first?.doubleValue }
                #expect(
                    spacings.count == 3 && abs(spacings[0] - spacings[1]) < 1e-6
                        && abs(spacings[0] - spacings[2]) < 1e-6)
            }
        }
    }

    @Test func `sixteen bits do not become eight without being asked`() throws {
        try withTemporaryFolder { folder in
            let out = folder.appending(path: "a.png").path
            let refused = try lucency("convert", png("basn0g16"), out, "--bits", "8")
            #expect(refused.status == 1 && refused.errors.contains("LC0308") && refused.errors.contains("`--rescale`"))
            #expect(!FileSystem.exists(out))
            #expect(try FileSystem.names(in: folder.path).isEmpty)
            #expect(try lucency("convert", png("basn0g16"), out, "--bits", "8", "--rescale").status == 0)
            #expect(try facts(out)["dtype"] == "uint8" && facts(out)["max"] == 255)
        }
    }

    @Test func `fractions and volumes are refused for PNG, with the way out`() throws {
        try withTemporaryFolder { folder in
            let fractions = folder.appending(path: "fractions.tif").path,
                volume = folder.appending(path: "volume.tif").path
            try writeImage([0.25, 0.5, 0.75, 1], size: GridSize(2, 2), to: fractions, float: true)
            try writeImage([1, 2, 3, 4], size: GridSize(2, 1, 2), to: volume)
            let out = folder.appending(path: "out.png").path
            let lost = try lucency("convert", fractions, out)
            #expect(lost.status == 1 && lost.errors.contains("fraction") && lost.errors.contains("--rescale"))
            #expect(lost.errors.contains("round the values (`--round`)"))
            let rounded = folder.appending(path: "rounded.png").path
            #expect(try lucency("convert", fractions, rounded, "--round").status == 0)
            #expect(try facts(rounded)["dtype"] == "uint8" && facts(rounded)["max"] == 1)
            let both = try lucency("convert", fractions, rounded, "--round", "--rescale", "--bits", "8")
            #expect(both.status == 1 && both.errors.contains("`--round` and `--rescale` exclude each other"))
            let deep = try lucency("convert", volume, out)
            #expect(deep.status == 1 && deep.errors.contains("one plane"))
            #expect(!FileSystem.exists(out))
            #expect(try lucency("convert", volume, out, "--page", "2").status == 0)
            #expect(try facts(out)["min"] == 3)
            let none = try lucency("convert", volume, out, "--page", "3")
            #expect(none.status == 1 && none.errors.contains("LC0307"))
            #expect(try lucency("convert", fractions, folder.appending(path: "same.tif").path).status == 0)
            #expect(try facts(folder.appending(path: "same.tif").path)["dtype"] == "float32")
        }
    }

    @Test func `a region is cut out of planes and volumes`() throws {
        try withTemporaryFolder { folder in
            let volume = folder.appending(path: "volume.tif").path, out = folder.appending(path: "part.tif").path
            try writeImage((0..<60).map { Float($0) }, size: GridSize(5, 4, 3), to: volume)
            #expect(try lucency("convert", volume, out, "--region", "1,2,3,2,1,2").status == 0)
            let found = try facts(out)
            #expect(found["shape"] == [2, 3] && found["min"] == 31)
            #expect(found["pages"]?.arrayValue?.map { $0["max"]?.intValue } == [38, 58])
            // Without z and depth: all slices.
            #expect(try lucency("convert", volume, out, "--region", "0,0,1,1").status == 0)
            #expect(try facts(out)["pages"]?.arrayValue?.count == 3)
            let outside = try lucency("convert", volume, out, "--region", "3,0,3,1")
            #expect(outside.status == 1 && outside.errors.contains("LC0406"))
            #expect(try lucency("convert", volume, out, "--region", "1,2,3").status == 64)
            #expect(try lucency("convert", volume, out, "--region", "1,2,3,-4").status == 64)
            #expect(
                try lucency("convert", volume, out, "--region", "9223372036854775807,0,9223372036854775807,1").status
                    == 1)
        }
    }

    @Test func `labels keep palette indices, images take the palette's colours`() throws {
        try withTemporaryFolder { folder in
            let labels = folder.appending(path: "labels.png").path, image = folder.appending(path: "image.png").path
            #expect(try lucency("convert", png("basn3p04"), labels, "--labels", "--palette").status == 0)
            #expect(try lucency("convert", png("basn3p04"), image).status == 0)
            let before = try facts(png("basn3p04")), after = try facts(labels)
            #expect(before["sha256"] == after["sha256"] && after["colorType"] == "palette")
            #expect(try facts(image)["axes"] == "yxc")
            #expect(try lucency("convert", png("basn3p04"), image, "--palette").status == 64)
            let part = try lucency("convert", png("basn3p04"), labels, "--labels", "--region", "4,4,8,8")
            #expect(part.status == 0)
            #expect(try facts(labels)["shape"] == [8, 8])
        }
    }

    @Test func `the input is never overwritten, also not through links`() throws {
        try withTemporaryFolder { folder in
            let input = folder.appending(path: "in.png"), link = folder.appending(path: "link.png")
            let hard = folder.appending(path: "hard.png")
            try FileManager.default.copyItem(at: URL(filePath: png("basn0g08")), to: input)
            try FileManager.default.createSymbolicLink(at: link, withDestinationURL: input)
            try FileManager.default.linkItem(at: input, to: hard)
            for (from, to) in [(input, input), (input, link), (link, input), (input, hard)] {
                let result = try lucency("convert", from.path, to.path)
                #expect(result.status == 1 && result.errors.contains("overwrite the input"), "\(to.lastPathComponent)")
            }
            #expect(try Data(contentsOf: input) == Data(contentsOf: URL(filePath: png("basn0g08"))))
            let toFolder = try lucency("convert", input.path, folder.path)
            #expect(toFolder.status == 1)
        }
    }

    @Test func `unknown formats and options that a format has not are named`() throws {
        try withTemporaryFolder { folder in
            let unknown = try lucency("convert", png("basn0g08"), folder.appending(path: "a.xyz").path)
            #expect(unknown.status == 1 && unknown.errors.contains(".png") && unknown.errors.contains(".tif"))
            let jpeg = try lucency("convert", png("basn0g08"), folder.appending(path: "a.jpg").path)
            #expect(jpeg.status == 1 && jpeg.errors.contains("'.jpg'"))
            let out = folder.appending(path: "a.png").path
            let options = try lucency(
                "convert", png("basn0g08"), out, "--tile", "64", "--bits", "99", "--compression", "zip")
            #expect(options.status == 1)
            for option in ["--tile: error", "--bits: error", "--compression: error"] {
                #expect(options.errors.contains(option))
            }
            #expect(try lucency("convert", "/nowhere.png", out).status == 1)
            #expect(try lucency("convert", png("basn0g08"), out, "--page", "0").status == 64)
            #expect(try lucency("convert", png("basn0g08"), out, "--assume-spacing", "3").status == 64)
        }
    }

    @Test func `an assumed spacing is written, and does not override a stated one`() throws {
        try withTemporaryFolder { folder in
            let out = folder.appending(path: "a.png").path
            for (name, spacing) in [("basn0g08", 0.2), ("made-scal", 0.7)] {
                let result = try lucency("convert", png(name), out, "--assume-spacing", "0.2mm")
                #expect(result.status == 0, "\(result.errors)")
                #expect(try facts(out)["spacing"]?.arrayValue?.first?.doubleValue == spacing)
            }
        }
    }

    @Test func `a header that claims more than the machine has is refused before anything is taken`() throws {
        try withTemporaryFolder { folder in
            let out = folder.appending(path: "a.png").path, bomb = png("made-bomb")
            for arguments in [["convert", bomb, out], ["apply", "gray", bomb, "--output", out]] {
                let result = try runLucency(arguments + ["--max-image-size", "10TB"])
                #expect(result.status == 1 && result.errors.contains("LC0603"), "\(result.errors)")
                #expect(result.errors.hasPrefix(bomb) && result.errors.contains("--region"))
            }
            let region = try lucency("convert", bomb, out, "--region", "0,0,8,8")
            #expect(region.status == 1)
        }
    }
}
