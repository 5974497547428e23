import Foundation
import Lucency
import Support
import Testing

/// Stages of preparing and classical segmentation, in pipelines and on files.
@Suite struct ClassicalTests {
    private func read(_ path: String) throws -> Image {
        try ImageFormats.reader(for: path).readImage(path, pages: .automatic, region: nil, limits: .standard)
    }

    /// Two bright discs that touch, on a gray ground, bytes.
    private static func discs(_ size: GridSize) -> [Float] {
        (0..<size.count).map { index in
            let x = Double(index % size.x), y = Double(index / size.x)
            func inside(_ a: Double, _ b: Double, _ r: Double) -> Bool {
                (x - a) * (x - a) + (y - b) * (y - b) < r * r
            }
            return (inside(14, 16, 9) || inside(30, 18, 9) ? 180 : 40) + Float(index * 7919 % 13)
        }
    }

    private func write(_ text: String, _ folder: URL) throws -> String {
        let file = folder.appending(path: "pipeline.yaml")
        try text.write(to: file, atomically: true, encoding: .utf8)
        return file.path
    }

    @Test func `tiles are worked on one by one and put together again`() throws {
        try withTemporaryFolder { folder in
            let size = GridSize(46, 34)
            try FileManager.default.createDirectory(
                at: folder.appending(path: "images"), withIntermediateDirectories: true)
            let image = folder.appending(path: "images/cells.png").path
            try writeImage(Self.discs(size), size: size, to: image)
            let text = """
                lucency: 1
                variants: {tile: [0, 1, 2, 3]}
                sources: {cells: {uses: folder}}
                stages:
                  part: {uses: tile, in: cells, with: {size: [30, 24], overlap: 14, index: $tile}}
                  same: {uses: untile, in: part, over: [tile]}
                  bright: {uses: segment.threshold, in: part, with: {method: {uses: fixed, with: {level: 100}}}}
                  whole: {uses: untile, in: bright, over: [tile]}
                outputs:
                  same: {from: same, as: "{stem}.png"}
                  whole: {from: whole, as: "{stem}-mask.png"}
                """
            let run = try lucency(
                "run", try write(text, folder), "--input", folder.appending(path: "images").path, "--output",
                folder.path)
            try #require(run.status == 0, "\(run.errors)")
            #expect(try read(folder.appending(path: "cells.png").path).pixels.array == Self.discs(size))
            let mask = try read(folder.appending(path: "cells-mask.png").path).pixels.array
            #expect(mask == Self.discs(size).map { $0 > 100 ? 1 : 0 })
        }
    }

    @Test func `a pipeline crops to what it found, works there and maps back`() throws {
        try withTemporaryFolder { folder in
            let size = GridSize(46, 34)
            try FileManager.default.createDirectory(
                at: folder.appending(path: "images"), withIntermediateDirectories: true)
            try writeImage(
                Self.discs(size), size: size, to: folder.appending(path: "images/cells.tif").path,
                spacing: [0.5, 0.5, 1])
            let text = """
                lucency: 1
                sources: {cells: {uses: folder}}
                stages:
                  bright: {uses: segment.threshold, in: cells}
                  close: {uses: crop, in: {image: cells, around: bright}, with: {margin: 1 mm}}
                  again: {uses: segment.threshold, in: close}
                  objects: {uses: segment.watershed, in: {labels: again}, with: {metric: true}}
                  back: {uses: restore, in: {labels: objects}}
                outputs:
                  close: {from: close, as: "{stem}.tif"}
                  back: {from: back, as: "{stem}-objects.png"}
                """
            let run = try lucency(
                "run", try write(text, folder), "--input", folder.appending(path: "images").path, "--output",
                folder.path)
            try #require(run.status == 0, "\(run.errors)")
            let part = try read(folder.appending(path: "cells.tif").path)
            // The discs reach from (6, 8) to (38, 26), and 1 mm is 2 px.
            #expect(part.size == GridSize(37, 23) && part.geometry.spacing.x == 0.5)
            let back = try read(folder.appending(path: "cells-objects.png").path)
            #expect(back.size == size && Set(back.pixels.array) == [0, 1, 2])
            #expect(zip(back.pixels.array, Self.discs(size)).allSatisfy { ($0 > 0) == ($1 > 100) })
            #expect(back.pixels[16 * 46 + 12] != back.pixels[18 * 46 + 32])
        }
    }

    @Test func `the ready pipelines find what is drawn`() throws {
        try withTemporaryFolder { folder in
            /// Runs a pipeline on one picture, and gives the pixels of its mask that are set.
            func run(_ name: String, _ size: GridSize, _ planes: [[Float]]) throws -> [Bool] {
                let input = folder.appending(path: name + "-images"), output = folder.appending(path: name).path
                try FileManager.default.createDirectory(at: input, withIntermediateDirectories: true)
                try writeImage(
                    planes.flatMap { $0 }, size: size, to: input.appending(path: "a.png").path,
                    model: planes.count == 3 ? .rgb : .gray)
                let run = try runLucency([
                    "run", pipelines.appending(path: name + ".yaml").path, "--input", input.path, "--output", output,
                ])
                try #require(run.status == 0, "\(run.errors)")
                // Masks carry a palette: black and white.
                return try read(output + "/masks/a.png").pixels.array.prefix(size.count).map { $0 > 0 }
            }
            func agreement(_ a: [Bool], _ b: [Bool]) -> Double {
                let both = zip(a, b).count { $0 && $1 }
                return 2 * Double(both) / Double(a.count { $0 } + b.count { $0 })
            }
            // A dark line across a bright disc on black, in colour.
            let eye = GridSize(96, 80)
            let places = (0..<eye.count).map { (i: Int) -> SIMD2<Double> in [Double(i % 96) - 48, Double(i / 96) - 40] }
            func distance(_ place: SIMD2<Double>) -> Double { (place * place).sum().squareRoot() }
            func isOnLine(_ place: SIMD2<Double>) -> Bool { abs(place.y - 0.3 * place.x) < 2 }
            let line = places.map { isOnLine($0) && distance($0) < 32 }
            func plane(_ ground: Float, _ vessel: Float) -> [Float] {
                places.map { place -> Float in
                    guard distance(place) < 38 else { return 2 }
                    return isOnLine(place) ? vessel : ground
                }
            }
            let vessels = try run("retina-vessels", eye, [plane(180, 120), plane(110, 60), plane(60, 40)])
            #expect(agreement(vessels, line) > 0.75)
            // Discs, bright on dark and dark on bright.
            let size = GridSize(46, 34), discs = Self.discs(size), truth = discs.map { $0 > 100 }
            #expect(try agreement(run("nuclei-fluorescence", size, [discs]), truth) > 0.95)
            let dark = discs.map { 255 - $0 },
                pale = dark.map { (value: Float) -> Float in (value / 2).rounded() + 100 }
            #expect(try agreement(run("nuclei-histology", size, [dark, dark, pale]), truth) > 0.9)
            #expect(try agreement(run("skin-lesion", size, [pale, dark, dark]), truth) > 0.85)
            let numbers = Set(try read(folder.appending(path: "nuclei-fluorescence/instances/a.png").path).pixels.array)
            #expect(numbers == [0, 1, 2])
        }
    }

    @Test func `a notch found in an image takes its lines out`() throws {
        try withTemporaryFolder { folder in
            let size = GridSize(64, 64), image = folder.appending(path: "lines.tif").path
            var random = PhiloxStream(seed: 3, stream: "lines")
            let values = (0..<size.count).map { index in
                Float(100 + 30 * sin(2 * .pi * Double(index % 64) * 16 / 64) + random.uniform())
            }
            try writeImage(values, size: size, to: image, float: true)
            let clean = folder.appending(path: "clean.tif").path, picture = folder.appending(path: "waves.tif").path
            #expect(try lucency("apply", "fourier.notch", image, "--output", clean).status == 0)
            #expect(try lucency("apply", "fourier.spectrum", image, "--output", picture).status == 0)
            let pixels = try read(clean).pixels.array
            #expect((pixels.max() ?? 0) - (pixels.min() ?? 0) < 4)
            #expect(try read(picture).size == size)
            let given = "waves={uses: given, with: {cycles: [[16, 0]]}}"
            let named = try lucency("apply", "fourier.notch", image, "--output", clean, "--with", given)
            #expect(named.status == 0, "\(named.errors)")
            let named2 = try read(clean).pixels.array
            #expect((named2.max() ?? 0) - (named2.min() ?? 0) < 4)
        }
    }

    @Test func `help says in what results differ from scikit-image's`() throws {
        #expect(try lucency("stages", "skeleton").out.contains("`thin`, not `skeletonize`"))
        #expect(try lucency("stages", "segment.vesselness").out.contains("`frangi`: at the first scale, for all"))
    }

    @Test func `settings that cannot be are told before anything runs`() throws {
        try withTemporaryFolder { folder in
            let image = folder.appending(path: "a.png").path
            try writeImage(Self.discs(GridSize(46, 34)), size: GridSize(46, 34), to: image)
            for (stage, setting, word) in [
                ("denoise", "method={uses: non-local-means, with: {strength: 3, patch: 4}}", "odd"),
                ("denoise", "method={uses: median, with: {radius: 100}}", "radius"),
                ("segment.threshold", "method={uses: hysteresis, with: {low: 3, high: 1}}", "low"),
                ("segment.vesselness", "scales=[0 px]", "scales"),
                ("segment.slic", "compactness=-1", "compactness"),
                ("clahe", "clipLimit=2", "clipLimit"),
                ("fourier.convolve", "kernel={uses: motion, with: {length: -1 px}}", "length"),
                ("pad", "before=[-1, 0]", "before"),
            ] {
                let run = try lucency(
                    "apply", stage, image, "--output", folder.appending(path: "out.tif").path, "--with", setting)
                #expect(run.status != 0 && run.errors.contains(word), "\(stage) \(run.errors)")
            }
            // What only the image can tell, when it is read.
            let run = try lucency(
                "apply", "crop", image, "--output", folder.appending(path: "out.png").path, "--with", "size=[99, 3]")
            #expect(run.status == 1 && run.errors.contains("LC0406"), "\(run.errors)")
        }
    }
}
