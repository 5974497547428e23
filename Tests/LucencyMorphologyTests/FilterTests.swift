import LucencyFoundation
import LucencyImaging
import LucencyMorphology
import Support
import Testing

@Suite struct FilterTests {
    private func cases(_ key: String) throws -> [JSONValue] {
        try #require(Fixture.json("filters.json")[key]?.arrayValue)
    }

    /// An image of a fixture; with a leading axis of three where the case has colours.
    private func image(_ entry: JSONValue, colors: Bool = false) throws -> Image {
        guard colors else { return try Fixture.image(entry["image"]) }
        let tensor = try #require(entry["image"]), shape = tensor.tensorShape
        return try Image(
            geometry: Geometry(size: GridSize(shape[2], shape[1])), colorModel: .rgb,
            pixels: AlignedBuffer(tensor.tensorData.map { Float($0) }))
    }

    private func expect(
        _ image: Image, _ expected: JSONValue?, _ tolerance: Double, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let numbers = try #require(expected).tensorData
        #expect(numbers.count == image.pixels.count, sourceLocation: sourceLocation)
        let worst = zip(image.pixels.array, numbers).map { abs(Double($0) - $1) }.max() ?? .infinity
        #expect(worst <= tolerance, sourceLocation: sourceLocation)
    }

    @Test func theMedianIsSciPys() throws {
        let cases = try cases("median")
        #expect(cases.count == 3)
        for entry in cases {
            let image = try image(entry), median = Denoise(.median(radius: Int(entry["radius"]?.doubleValue ?? 0)))
            let result = try median(image)
            try expect(result, entry["result"], 1e-7)
            #expect(try median(image, pool: ThreadPool(threads: 3)) == result)
        }
    }

    @Test func theBilateralFilterIsItsDefinition() throws {
        let cases = try cases("bilateral")
        #expect(cases.count == 3)
        for (index, entry) in cases.enumerated() {
            let image = try image(entry, colors: index == 2)
            let filter = Denoise(
                .bilateral(spatial: entry["spatial"]?.doubleValue ?? 0, range: entry["range"]?.doubleValue))
            let result = try filter(image)
            try expect(result, entry["result"], 2e-6)
            #expect(try filter(image, pool: ThreadPool(threads: 3)) == result)
        }
    }

    @Test func nonLocalMeansAreTheirDefinition() throws {
        let cases = try cases("nlm")
        #expect(cases.count == 4)
        for (index, entry) in cases.enumerated() {
            let image = try image(entry, colors: index == 3)
            func number(_ key: String) -> Double { entry[key]?.doubleValue ?? .nan }
            let filter = Denoise(
                .nonLocalMeans(
                    patch: Int(number("patch")), distance: Int(number("distance")), strength: number("h"),
                    noise: number("sigma")))
            let result = try filter(image)
            try expect(result, entry["result"], 1e-5)
            #expect(try filter(image, pool: ThreadPool(threads: 3)) == result)
        }
    }

    @Test func totalVariationIsScikitImages() throws {
        let cases = try cases("tv")
        #expect(cases.count == 3)
        for entry in cases {
            let image = try image(entry)
            let filter = Denoise(
                .totalVariation(
                    weight: entry["weight"]?.doubleValue ?? 0, tolerance: entry["eps"]?.doubleValue ?? 0,
                    iterations: Int(entry["iterations"]?.doubleValue ?? 0)))
            let result = try filter(image)
            try expect(result, entry["result"], 5e-6)
            #expect(try filter(image, pool: ThreadPool(threads: 3)) == result)
        }
    }

    @Test func denoisingLeavesAlphaAndFlatImagesAlone() throws {
        let size = GridSize(6, 5)
        let flat = try Image(geometry: Geometry(size: size), pixels: AlignedBuffer(repeating: 0.5, count: 30))
        let methods: [Denoise.Method] = [
            .median(radius: 2), .bilateral(spatial: 1, range: nil), .bilateral(spatial: 1, range: 0.1),
            .nonLocalMeans(patch: 3, distance: 2, strength: 0.1, noise: 0), .totalVariation(weight: 0.1),
        ]
        let gray = (0..<30).map { Float($0 * 7 % 11) }, alpha = (0..<30).map { Float($0) }
        let transparent = try Image(
            geometry: Geometry(size: size), colorModel: .grayAlpha, pixels: AlignedBuffer(gray + alpha))
        for method in methods {
            let result = try Denoise(method)(flat)
            #expect(result.pixels.array.allSatisfy { abs($0 - 0.5) < 1e-6 }, "\(method)")
            #expect(Array(try Denoise(method)(transparent).pixels.array[30...]) == alpha, "\(method)")
        }
    }

    @Test func impossibleDenoisingIsRefused() throws {
        let image = try Image(geometry: Geometry(size: GridSize(2, 1)), pixels: AlignedBuffer([1, 2]))
        let methods: [Denoise.Method] = [
            .median(radius: -1), .median(radius: 65), .bilateral(spatial: 0, range: nil),
            .bilateral(spatial: 1, range: 0), .nonLocalMeans(patch: 4, distance: 3, strength: 1, noise: 0),
            .nonLocalMeans(patch: 3, distance: 0, strength: 1, noise: 0),
            .nonLocalMeans(patch: 3, distance: 3, strength: 0, noise: 0),
            .nonLocalMeans(patch: 3, distance: 3, strength: 1, noise: -1), .totalVariation(weight: 0),
            .totalVariation(weight: 1, tolerance: 1), .totalVariation(weight: 1, iterations: 0),
        ]
        for method in methods { #expect(code { try Denoise(method)(image) } == .badArgument, "\(method)") }
    }

    @Test func theRollingBallIsScikitImages() throws {
        let cases = try cases("balls")
        #expect(cases.count == 4)
        for entry in cases {
            let image = try image(entry), radius = Length.pixels(entry["radius"]?.doubleValue ?? 0)
            let ball = Background(.rollingBall(radius: radius, height: entry["height"]?.doubleValue))
            let result = try ball(image)
            try expect(result.background, entry["result"], 1e-4)
            for i in 0..<image.pixels.count {
                #expect(abs(result.image.pixels[i] - (image.pixels[i] - result.background.pixels[i])) < 1e-4)
            }
            #expect(try ball(image, pool: ThreadPool(threads: 3)).image == result.image)
            // Dark objects on a bright ground are the same upside down.
            let turned = try Image(geometry: image.geometry, pixels: AlignedBuffer(image.pixels.array.map { -$0 }))
            let dark = Background(ball.method, objects: .dark)
            #expect(try dark.background(of: turned).pixels.array == result.background.pixels.array.map { -$0 })
        }
    }

    @Test func theGaussianBackgroundIsSciPys() throws {
        let cases = try cases("smooth")
        #expect(cases.count == 3)
        for entry in cases {
            let image = try image(entry)
            let smooth = Background(.gaussian(deviation: .pixels(entry["sigma"]?.doubleValue ?? 0)), operation: .divide)
            let result = try smooth(image)
            try expect(result.background, entry["result"], 5e-5)
            let index = image.pixels.count / 2
            #expect(abs(result.image.pixels[index] - image.pixels[index] / result.background.pixels[index]) < 1e-5)
        }
    }

    @Test func metricRadiiFollowTheSpacingAndTheLevelIsKeptOnRequest() throws {
        let entry = try #require(cases("balls").first)
        let image = try Fixture.image(entry["image"], spacing: [0.5, 0.5])
        let metric = try Background(.rollingBall(radius: .millimetres(3), height: nil))(image)
        try expect(metric.background, entry["result"], 1e-4)
        let kept = try Background(.rollingBall(radius: .millimetres(3), height: nil), keepLevel: true)(image)
        let level = metric.background.pixels.array.map(Double.init).reduce(0, +) / Double(image.pixels.count)
        #expect(abs(Double(kept.image.pixels[7]) - Double(metric.image.pixels[7]) - level) < 1e-3)
    }

    @Test func impossibleBackgroundsAreRefused() throws {
        let image = try Image(geometry: Geometry(size: GridSize(3, 1)), pixels: AlignedBuffer([0, 2, 1]))
        #expect(code { try Background(.rollingBall(radius: .pixels(0), height: nil))(image) } == .badArgument)
        #expect(code { try Background(.rollingBall(radius: .pixels(-2), height: nil))(image) } == .badArgument)
        #expect(code { try Background(.rollingBall(radius: .pixels(2), height: -1))(image) } == .badArgument)
        #expect(
            code { try Background(.rollingBall(radius: .millimetres(2), height: nil))(image) } == .assumedSpacing)
        #expect(code { try Background(.gaussian(deviation: .pixels(0)))(image) } == .badArgument)
        #expect(
            code { try Background(.rollingBall(radius: .pixels(2), height: nil), operation: .divide)(image) }
                == .undefinedResult)
    }

    @Test func croppingKeepsThePlaceInTheWorld() throws {
        let labels = try Fixture.drawn("......", "..11..", "..1..2", "......", spacing: [0.5, 0.25, 1])
        let image = try Image(geometry: labels.geometry, pixels: AlignedBuffer((0..<24).map { Float($0) }))
        let fixed = try Crop(start: [1, 2], size: [3, 2]).region(of: image.geometry)
        #expect(fixed == Region(x: 1, y: 2, size: GridSize(3, 2)))
        let part = try image.cropped(to: fixed)
        #expect(part.pixels.array == [13, 14, 15, 19, 20, 21])
        #expect(part.geometry.indexToWorld(.zero) == [0.5, 0.5, 0])
        #expect(try Crop(size: [2, 2]).region(of: image.geometry) == Region(x: 2, y: 1, size: GridSize(2, 2)))
        #expect(try Crop(start: [4, 1]).region(of: image.geometry) == Region(x: 4, y: 1, size: GridSize(2, 3)))
        let around = try Crop().region(of: image.geometry, around: labels)
        #expect(around == Region(x: 2, y: 1, size: GridSize(4, 2)))
        // 0.5 mm is one pixel along x and two along y, as far as the image goes.
        let margin = try Crop(margin: .millimetres(0.5)).region(of: image.geometry, around: labels)
        #expect(margin == Region(x: 1, y: 0, size: GridSize(5, 4)))
        #expect(try Restore(background: -1)(part, onto: image.geometry).pixels[13] == 13)
        let map = try ProbabilityMap(
            geometry: image.geometry, classes: ["a"], kind: .independent,
            values: AlignedBuffer((0..<24).map { Float($0) / 32 }))
        #expect(try map.cropped(to: fixed).values.array.first == 13.0 / 32)
    }

    @Test func impossibleCropsAreRefused() throws {
        let labels = try Fixture.drawn("...", "...")
        let geometry = labels.geometry
        #expect(code { try Crop().region(of: geometry) } == .badArgument)
        #expect(code { try Crop(size: [3]).region(of: geometry) } == .badArgument)
        #expect(code { try Crop(start: [0, 0], size: [4, 2]).region(of: geometry) } == .regionOutside)
        #expect(code { try Crop(size: [4, 2]).region(of: geometry) } == .regionOutside)
        #expect(code { try Crop(start: [.min, 0]).region(of: geometry) } == .regionOutside)
        #expect(code { try Crop(start: [0, 0], size: [.max, 1]).region(of: geometry) } == .regionOutside)
        #expect(code { try Crop().region(of: geometry, around: labels) } == .undefinedResult)
        #expect(code { try Crop(size: [1, 1]).region(of: geometry, around: labels) } == .badArgument)
        let other = try Fixture.drawn("....", "..1.")
        #expect(code { try Crop().region(of: geometry, around: other) } == .geometryMismatch)
        let some = try Fixture.drawn("...", ".1.")
        #expect(code { try Crop(margin: .pixels(-1)).region(of: geometry, around: some) } == .badArgument)
        #expect(code { try Crop(margin: .millimetres(1)).region(of: geometry, around: some) } == .assumedSpacing)
    }
}
