import LucencyCalibration
import LucencyFoundation
import LucencyImaging
import Support
import Testing

@Suite struct SurfaceDistancesTests {
    private func cases() throws -> [(name: String, prediction: LabelMap, reference: LabelMap, expected: JSONValue)] {
        try (MaskFixture.json("surface.json")["cases"]?.arrayValue ?? []).map { entry in
            let spacing = entry["spacing"]?.arrayValue?.compactMap(\.doubleValue)
            return (
                entry["name"]?.stringValue ?? "", try MaskFixture.labels(entry["prediction"], spacing: spacing),
                try MaskFixture.labels(entry["reference"], spacing: spacing), try #require(entry["expected"])
            )
        }
    }

    @Test func borderDistancesMatchMONAIAndMedPy() throws {
        let cases = try cases()
        #expect(cases.count == 10)
        for (name, prediction, reference, expected) in cases {
            let surface = try SurfaceDistances(of: 1, prediction: prediction, reference: reference)
            let reverse = try SurfaceDistances(of: 1, prediction: reference, reference: prediction)
            let counts = [surface.predictionToReference.count, surface.referenceToPrediction.count]
            #expect(counts == expected["borderPixels"]?.arrayValue?.compactMap(\.intValue), "\(name)")
            #expect(close(surface.hausdorff(), expected["hd"]), "\(name)")
            #expect(close(surface.hausdorff(percentile: 95), expected["hd95_max"]), "\(name)")
            #expect(close(surface.hausdorff(percentile: 95, .pooled), expected["hd95_pooled"]), "\(name)")
            #expect(close(surface.averageDistance, expected["asd_pred_to_ref"]), "\(name)")
            #expect(close(reverse.averageDistance, expected["asd_ref_to_pred"]), "\(name)")
            #expect(close(surface.symmetricAverageDistance(), expected["assd_pooled"]), "\(name)")
            #expect(close(surface.symmetricAverageDistance(.meanOfMeans), expected["assd_meanOfMeans"]), "\(name)")
            for (tolerance, share) in expected["nsd"]?.objectValue ?? [:] {
                #expect(close(surface.surfaceDice(tolerance: try #require(Double(tolerance))), share), "\(name)")
            }
            #expect(surface.unit == .mm && surface.presence == .both)
        }
    }

    @Test func contourDistancesMatchDeepMind() throws {
        var planar = 0
        for (name, prediction, reference, expected) in try cases() {
            guard let contour = expected["contour"] else {
                #expect(
                    code { try ContourDistances(of: 1, prediction: prediction, reference: reference) } == .badArgument)
                continue
            }
            planar += 1
            let distances = try ContourDistances(of: 1, prediction: prediction, reference: reference)
            let lengths = contour["length"]?.arrayValue ?? [], means = contour["asd"]?.arrayValue ?? []
            let nodes = [distances.predictionToReference, distances.referenceToPrediction]
            for (index, nodes) in nodes.enumerated() {
                #expect(close(.value(nodes.reduce(0) { $0 + $1.length }), lengths[index]), "\(name)")
            }
            #expect(close(distances.averageDistance, means[0]), "\(name)")
            #expect(close(distances.reverseAverageDistance, means[1]), "\(name)")
            #expect(close(distances.hausdorff(percentile: 95), contour["hd95"]), "\(name)")
            #expect(close(distances.hausdorff(), contour["hd100"]), "\(name)")
            for (tolerance, share) in contour["nsd"]?.objectValue ?? [:] {
                #expect(close(distances.surfaceDice(tolerance: try #require(Double(tolerance))), share), "\(name)")
            }
        }
        #expect(planar == 7)
    }

    @Test func emptyMasksFollowOurColumnOfTheTable() throws {
        let table = try #require(MaskFixture.json("surface.json")["empty"])
        let empty = try MaskFixture.drawn("......", "......", "......", "......", "......", "......")
        let object = try MaskFixture.drawn("......", "......", "..111.", "..111.", "......", "......")
        for (name, prediction, reference) in [
            ("both_empty", empty, empty), ("prediction_empty", empty, object), ("reference_empty", object, empty),
        ] {
            let surface = try SurfaceDistances(of: 1, prediction: prediction, reference: reference)
            let contour = try ContourDistances(of: 1, prediction: prediction, reference: reference)
            let overlap = try ConfusionMatrix(prediction: prediction, reference: reference).overlap(of: 1)
            func check(_ metric: String, _ scores: Score...) throws {
                guard let ours = table[name]?[metric]?["ours"] else { return }
                let expected: Score = ours.stringValue == "undefined" ? .undefined : Score(ours.doubleValue)
                #expect(scores.allSatisfy { $0 == expected }, "\(name) \(metric)")
            }
            try check("dice", overlap.dice, overlap.iou)
            try check("hd95", surface.hausdorff(percentile: 95), surface.hausdorff(), contour.hausdorff(percentile: 95))
            try check(
                "assd", surface.symmetricAverageDistance(), surface.averageDistance, contour.averageDistance)
            try check("nsd", surface.surfaceDice(tolerance: 1), contour.surfaceDice(tolerance: 1))
            #expect((surface.hausdorff() == .infinite) == (name != "both_empty"))
        }
    }

    @Test func distancesAreSymmetricAndFlipWithTheImage() throws {
        for seed in UInt64(1)...6 {
            let size = seed % 2 == 0 ? GridSize(31, 27) : GridSize(17, 15, 9)
            let a = try MaskFixture.blobs(size, seed: seed, spacing: [0.5, 0.7, 2])
            let b = try MaskFixture.blobs(size, seed: seed + 100, spacing: [0.5, 0.7, 2])
            let forward = try SurfaceDistances(of: 1, prediction: a, reference: b)
            let back = try SurfaceDistances(of: 1, prediction: b, reference: a)
            for form in SurfaceDistances.HausdorffForm.allCases {
                for percentile in [50.0, 95, 100] {
                    #expect(
                        forward.hausdorff(percentile: percentile, form) == back.hausdorff(percentile: percentile, form))
                }
            }
            #expect((forward.hausdorff(percentile: 95).value ?? .nan) <= (forward.hausdorff().value ?? .nan))
            func flipped(_ map: LabelMap) throws -> LabelMap {
                try LabelMap(geometry: map.geometry, labels: AlignedBuffer(Array(map.labels.array.reversed())))
            }
            let mirror = try SurfaceDistances(of: 1, prediction: flipped(a), reference: flipped(b))
            for (one, other) in zip(forward.predictionToReference, mirror.predictionToReference) {
                #expect(abs(one - other) < 1e-12)
            }
        }
    }

    @Test func theHausdorffDistanceIsZeroOnlyForEqualBorders() throws {
        let a = try MaskFixture.blobs(GridSize(31, 27), seed: 3), b = try MaskFixture.blobs(GridSize(31, 27), seed: 4)
        #expect(try SurfaceDistances(of: 1, prediction: a, reference: a).hausdorff() == .value(0))
        #expect((try SurfaceDistances(of: 1, prediction: a, reference: b).hausdorff().value ?? 0) > 0)
    }

    @Test func distancesScaleWithTheSpacingAndNSDGrowsWithTheTolerance() throws {
        let size = GridSize(17, 15, 9)
        let spacings: [SIMD3<Double>] = [[0.5, 0.75, 2], [2, 3, 8]]
        let pairs = try spacings.map { spacing in
            try SurfaceDistances(
                of: 1, prediction: MaskFixture.blobs(size, seed: 8, spacing: spacing),
                reference: MaskFixture.blobs(size, seed: 9, spacing: spacing))
        }
        #expect(pairs[0].predictionToReference.map { $0 * 4 } == pairs[1].predictionToReference)
        var last = 0.0
        for tolerance in stride(from: 0.0, to: 8, by: 0.25) {
            let share = try #require(pairs[0].surfaceDice(tolerance: tolerance).value)
            #expect(share >= last && share <= 1)
            last = share
        }
        #expect(pairs[0].surfaceDice(tolerance: 1e6) == .value(1))
    }

    @Test func aShiftByOnePixelIsOneSpacingApart() throws {
        for axis in 0..<3 {
            let size = GridSize(12, 11, 10), spacing: SIMD3<Double> = [0.5, 0.7, 2]
            let geometry = try Geometry(size: size, spacing: spacing, source: .stated(.mm))
            func box(_ shift: Int) throws -> LabelMap {
                let labels = (0..<size.count).map { index -> Int32 in
                    var place = [index % size.x, index / size.x % size.y, index / (size.x * size.y)]
                    place[axis] -= shift
                    return place.allSatisfy { $0 >= 3 && $0 < 7 } ? 1 : 0
                }
                return try LabelMap(geometry: geometry, labels: AlignedBuffer(labels))
            }
            let surface = try SurfaceDistances(of: 1, prediction: box(1), reference: box(0))
            #expect(abs((surface.hausdorff().value ?? 0) - spacing[axis]) < 1e-12)
        }
    }

    @Test func croppingToTheObjectsAndThreadsChangeNothing() throws {
        let a = try MaskFixture.blobs(GridSize(40, 33, 12), seed: 21),
            b = try MaskFixture.blobs(GridSize(40, 33, 12), seed: 22)
        let serial = try SurfaceDistances(of: 1, prediction: a, reference: b)
        let parallel = try SurfaceDistances(of: 1, prediction: a, reference: b, pool: ThreadPool(threads: 3))
        #expect(serial.predictionToReference == parallel.predictionToReference)
        #expect(serial.referenceToPrediction == parallel.referenceToPrediction)
        // The same two masks, far from the edge of a larger grid.
        let small = try MaskFixture.drawn("11..", "11..", "..1.")
        let other = try MaskFixture.drawn("....", ".111", ".111")
        func placed(_ map: LabelMap) throws -> LabelMap {
            let size = GridSize(30, 20)
            var labels = AlignedBuffer<Int32>(repeating: 0, count: size.count)
            for y in 0..<3 { for x in 0..<4 { labels[(y + 9) * 30 + x + 13] = map.labels[y * 4 + x] } }
            return try LabelMap(geometry: Geometry(size: size), labels: labels)
        }
        let near = try SurfaceDistances(of: 1, prediction: small, reference: other)
        let far = try SurfaceDistances(of: 1, prediction: placed(small), reference: placed(other))
        #expect(near.predictionToReference == far.predictionToReference)
    }

    @Test func theUnitIsNamedAndCanBeChosen() throws {
        let a = try MaskFixture.drawn("1...", spacing: [0.2, 0.2, 1]),
            b = try MaskFixture.drawn("...1", spacing: [0.2, 0.2, 1])
        func distance(_ unit: LengthUnit?) throws -> (Double, LengthUnit) {
            let surface = try SurfaceDistances(of: 1, prediction: a, reference: b, unit: unit)
            return (surface.hausdorff().value ?? .nan, surface.unit)
        }
        #expect(try distance(nil) == (3 * 0.2, .mm))
        #expect(try distance(.px) == (3, .px))
        #expect(try distance(.um).1 == .um)
        #expect(abs(try distance(.um).0 - 600) < 1e-9)
        let bare = try MaskFixture.drawn("1...")
        #expect(try SurfaceDistances(of: 1, prediction: bare, reference: bare).unit == .px)
        #expect(code { try SurfaceDistances(of: 1, prediction: bare, reference: bare, unit: .mm) } == .assumedSpacing)
        #expect(
            code { try SurfaceDistances(of: 1, prediction: bare, reference: MaskFixture.drawn("1..")) }
                == .geometryMismatch)
    }
}
