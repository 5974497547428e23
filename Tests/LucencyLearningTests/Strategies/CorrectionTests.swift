import LucencyFoundation
import LucencyImaging
import LucencyLearning
import LucencyTensor
import Support
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// When ADELE corrects labels, and how: `shared/methods/adele.md`.
@Suite struct CorrectionTests {
    private func golden(_ name: String) throws -> JSONValue {
        try TestFiles.json(TestFiles.fixture("LucencyLearningTests", "adele_\(name).json"))
    }

    private func number(_ json: JSONValue, _ key: String) throws -> Double { try #require(json[key]?.doubleValue) }

    // MARK: When

    @Test func `slopes of given curves and the epochs that follow are the golden ones`() throws {
        let entries = try #require(try golden("trigger")["givenParameters"]?.arrayValue)
        #expect(entries.count == 4)
        for entry in entries {
            let curve = LearningCurve(
                a: try number(entry, "a"), b: try number(entry, "b"), c: try number(entry, "c"))
            #expect(abs(curve.slope(1) - (try number(entry, "slopeAt1"))) < 1e-6)
            #expect(abs(curve.slope(10) - (try number(entry, "slopeAt10"))) < 1e-6)
            #expect(curve.firstEpoch(level: 0.9, epochs: 100) == entry["firstEpoch_r0.9"]?.intValue)
            #expect(curve.firstEpoch(level: 0.5, epochs: 100) == entry["firstEpoch_r0.5"]?.intValue)
        }
    }

    @Test func `fitted curves and the epochs that follow are the golden ones`() throws {
        let entries = try #require(try golden("trigger")["curves"]?.arrayValue)
        #expect(entries.count == 5)
        var published = CorrectionTrigger(), unskipped = CorrectionTrigger()
        published.waitsForRise = true
        unskipped.minimumRise = 0
        for entry in entries {
            let name = entry["name"]?.stringValue ?? "", values = try #require(entry["iou"]).tensorData
            #expect(published.skipped(values) == entry["skipped"]?.intValue, "\(name)")
            #expect(published.firstEpoch(values) == entry["firstEpochToCorrect"]?.intValue, "\(name)")
            #expect(unskipped.firstEpoch(values) == entry["firstEpochWithoutSkipping"]?.intValue, "\(name)")
            guard entry["degenerate"]?.boolValue == false else {
                #expect(!published.isDue(values), "\(name)")
                continue
            }
            let curve = published.curve(values), count = values.count - published.skipped(values)
            let expected = try #require(entry["curve"]).tensorData
            for (x, value) in zip(LearningCurve.places(count), expected) { #expect(abs(curve(x) - value) < 1e-3) }
            for (found, key) in [(curve.a, "a"), (curve.b, "b"), (curve.c, "c")] {
                let reference = try number(entry, key)
                #expect(abs(found - reference) < 1e-2 * max(1, reference), "\(name) \(key) \(found)")
            }
        }
    }

    @Test func `a curve that never rises by a tenth is corrected all the same, unless it is told to wait`() throws {
        let entries = try #require(try golden("trigger")["curves"]?.arrayValue)
        let slow = try #require(entries.first { $0["name"]?.stringValue == "slow" })
        let values = try #require(slow["iou"]).tensorData
        let trigger = CorrectionTrigger()
        #expect(trigger.skipped(values) == 0)
        #expect(trigger.firstEpoch(values) == slow["firstEpochWithoutSkipping"]?.intValue)
    }

    private func rise(_ count: Int, scale: Double = 0.8, delay: Int = 0) -> [Double] {
        (0..<count).map { $0 < delay ? 0.01 : scale * (1 - exp(-pow(Double($0 - delay + 1), 0.8) / 2)) }
    }

    @Test func `a later rise is corrected later, and a lower one at the same time`() throws {
        let trigger = CorrectionTrigger()
        let epochs = try (0..<4).map { delay in try #require(trigger.firstEpoch(rise(24, delay: 2 * delay))) }
        #expect(zip(epochs, epochs.dropFirst()).allSatisfy { $0 < $1 })
        var plain = CorrectionTrigger()
        plain.minimumRise = 0
        let full = try #require(plain.firstEpoch(rise(24)))
        for factor in [0.9, 0.6, 0.3] { #expect(plain.firstEpoch(rise(24).map { factor * $0 }) == full) }
    }

    @Test func `nothing is corrected that has no curve`() {
        let trigger = CorrectionTrigger()
        #expect(!trigger.isDue([]))
        #expect(!trigger.isDue(Array(repeating: 0, count: 50)))
        #expect(!trigger.isDue([0.1, 0.8]))
        // What is hardly learnt yet looks flat.
        #expect(!trigger.isDue((0..<50).map { 0.09 - 0.01 * exp(-Double($0)) }))
        #expect(trigger.isDue((0..<50).map { 0.19 - 0.09 * exp(-Double($0)) }))
        #expect(trigger.firstEpoch([]) == nil)
        #expect(LearningCurve(a: 0, b: 1, c: 1).firstEpoch(level: 0.9, epochs: 100) == nil)
        // It is due once, and from then on.
        let values = rise(40)
        let due = (1...40).map { trigger.isDue(Array(values.prefix($0))) }
        #expect(due.contains(true) && due.drop { !$0 }.allSatisfy { $0 })
    }

    // MARK: How

    private func correction(_ change: (inout LabelCorrection) -> Void = { _ in }) -> LabelCorrection {
        var correction = LabelCorrection()
        correction.isGuarded = false
        change(&correction)
        return correction
    }

    private func scene() throws -> (labels: [Int32], logits: AlignedBuffer<Float>) {
        let golden = try golden("merge")
        return (
            try #require(golden["labels"]).tensorData.map { Int32($0) },
            AlignedBuffer(try #require(golden["logits"]).tensorData.map { Float($0) })
        )
    }

    @Test func `merged labels are the golden ones`() throws {
        let (labels, logits) = try scene()
        let cases = try #require(try golden("merge")["cases"]?.arrayValue)
        #expect(cases.count == 7)
        for entry in cases {
            let correction = correction {
                $0.confidence = Float(entry["tau"]?.doubleValue ?? .nan)
                $0.keepsToPresentClasses = entry["imageClassConstraint"]?.boolValue ?? false
                if entry["dropToIgnore"]?.boolValue == true { $0.dropped = .published }
            }
            let update = Set(try #require(entry["update"]?.arrayValue).compactMap(\.intValue))
            let merged = correction(AlignedBuffer(labels), logits: logits, classes: 5, update: update)?.array ?? labels
            let expected = try #require(entry["merged"]).tensorData.map { $0 == 255 ? Int32(-1) : Int32($0) }
            #expect(merged == expected, "\(entry["name"]?.stringValue ?? "")")
            #expect(zip(merged, labels).count { $0 != $1 } == entry["changed"]?.intValue)
        }
    }

    @Test func `nothing changes without a class, without certainty, or where the labels are predicted`() throws {
        let (labels, logits) = try scene()
        let buffer = AlignedBuffer(labels), all: Set = [1, 2, 3, 4]
        #expect(correction()(buffer, logits: logits, classes: 5, update: []) == nil)
        #expect(correction { $0.confidence = 1 }(buffer, logits: logits, classes: 5, update: all) == nil)
        let sure = AlignedBuffer<Float>((0..<5 * 120).map { labels[$0 % 120] == $0 / 120 ? 50 : 0 })
        #expect(correction()(buffer, logits: sure, classes: 5, update: all) == nil)
        #expect(correction { $0.dropped = .published }(buffer, logits: sure, classes: 5, update: all) == nil)
    }

    @Test func `every label stays, becomes what is predicted, or does not count`() throws {
        let (labels, logits) = try scene()
        let predicted = (0..<120).map { pixel in
            Int32((0..<5).max { logits[$0 * 120 + pixel] < logits[$1 * 120 + pixel] } ?? 0)
        }
        for dropped in DroppedForeground.allCases {
            let merged = try #require(
                correction { ($0.keepsToPresentClasses, $0.dropped) = (false, dropped) }(
                    AlignedBuffer(labels), logits: logits, classes: 5, update: [1, 2, 3, 4])
            ).array
            for pixel in 0..<120 {
                let isDropped = merged[pixel] == -1 && predicted[pixel] == 0 && dropped != .background
                #expect(merged[pixel] == labels[pixel] || merged[pixel] == predicted[pixel] || isDropped)
            }
            // Class 4 is in no label.
            #expect(merged.contains(4))
        }
    }

    @Test func `pixels that do not count stay, also those of an ignored class`() throws {
        let labels = AlignedBuffer<Int32>([-1, 3, 1, 0])
        let sure = AlignedBuffer<Float>((0..<16).map { $0 / 4 == 1 ? 50 : 0 })
        let merged = correction()(labels, logits: sure, classes: 4, update: [1, 3], ignored: 3)
        #expect(merged?.array == [-1, 3, 1, 1])
    }

    @Test func `background may have to be surer than foreground`() {
        let labels = AlignedBuffer<Int32>([1, 1, 0])
        // p of background 0.8, 0.1, 0.1.
        let logits = AlignedBuffer<Float>([1.386, 0, 0, 0, 2.197, 2.197])
        let plain = correction()(labels, logits: logits, classes: 2, update: [1])
        #expect(plain?.array == [0, 1, 1])
        let careful = correction { $0.backgroundConfidence = 0.85 }(labels, logits: logits, classes: 2, update: [1])
        #expect(careful?.array == [1, 1, 1])
    }

    @Test func `a prediction that has lost the objects corrects nothing`() {
        let labels = AlignedBuffer<Int32>((0..<100).map { $0 < 6 ? 1 : 0 })
        let empty = AlignedBuffer<Float>((0..<200).map { $0 < 100 ? 50 : 0 })
        #expect(correction { $0.isGuarded = true }(labels, logits: empty, classes: 2, update: [1]) == nil)
        #expect(correction()(labels, logits: empty, classes: 2, update: [1])?.array == Array(repeating: 0, count: 100))
        // Half of the objects may go.
        let half = AlignedBuffer<Float>((0..<200).map { $0 < 100 ? ($0 < 3 ? 0 : 50) : ($0 < 103 ? 50 : 0) })
        #expect(correction { $0.isGuarded = true }(labels, logits: half, classes: 2, update: [1]) != nil)
    }

    // MARK: Consistency

    @Test func `totals of three views and their gradients are the golden ones`() throws {
        let golden = try golden("consistency"), expected = try #require(golden["expected"])
        let views = try #require(golden["logits"]?.arrayValue).map { view in
            try Tensor(view.tensorShape, view.tensorData.map { Float($0) })
        }
        let labels = try Tensor([2, 5, 6], try #require(golden["labels"]).tensorData.map { Float($0) })
        for (key, isPublished) in [("paperTotal", false), ("codeTotal", true)] {
            let tape = Tape(.training), x = views.map { tape.input("x", $0.shape) }, y = tape.input("y", labels.shape)
            let consistency = try tape.consistency(x, labels: y, sureness: 0.8, ignoring: 255)
            let losses = try (isPublished ? x : [x[1]]).map { view in
                try tape.crossEntropy(
                    tape.scale(view, by: isPublished ? 1 / 3 : 1), labels: y, ignoring: 255)
            }
            var total = try tape.scale(consistency, by: 1 / 3)
            for loss in losses { total = try tape.add(total, tape.scale(loss, by: isPublished ? 1 / 3 : 1)) }
            let plan = try TensorPlan(
                tape, outputs: [total, consistency], gradientsOf: total, inputGradients: x,
                options: .init(kernels: Kernels(family: .best)))
            let workspace = try Workspace(plan, parameters: Parameters([], seed: 0), pool: .serial)
            var inputs = Dictionary(uniqueKeysWithValues: zip(x, views))
            inputs[y] = labels
            try workspace.run(inputs)
            #expect(Double(try workspace.tensor(consistency).scalar) == (try number(expected, "consistency")))
            let reference = try #require(expected[key])
            #expect(abs(Double(try workspace.tensor(total).scalar) - (try number(reference, "loss"))) < 1e-5)
            for (view, gradient) in zip(x, try #require(reference["grad"]?.arrayValue)) {
                let found = try workspace.gradient(of: view).array.map { Double($0) }
                #expect(zip(found, gradient.tensorData).allSatisfy { abs($0 - $1) < 1e-5 })
            }
        }
    }

    @Test func `views that agree are not apart, their order does not matter, and unsure images add nothing`() throws {
        var random = PhiloxStream(seed: 3, stream: "views")
        let views = try (0..<3).map { _ in Tensor.normal(try Shape([2, 3, 4, 5]), standardDeviation: 2, from: &random) }
        func distance(_ views: [Tensor], sureness: Float = 0) throws -> Float {
            let tape = Tape(.inference), x = views.map { tape.input("x", $0.shape) }
            let y = tape.input("y", try Shape([2, 4, 5]))
            let value = try tape.consistency(x, labels: y, sureness: sureness, ignoring: -1)
            let plan = try TensorPlan(tape, outputs: [value], options: .init(kernels: Kernels(family: .best)))
            let workspace = try Workspace(plan, parameters: Parameters([], seed: 0), pool: .serial)
            var inputs = Dictionary(uniqueKeysWithValues: zip(x, views))
            inputs[y] = Tensor(y.shape, repeating: 0)
            try workspace.run(inputs)
            return try workspace.tensor(value).scalar
        }
        let apart = try distance(views)
        #expect(apart > 0.1)
        #expect(abs(try distance([views[2], views[0], views[1]]) - apart) < 1e-6)
        #expect(abs(try distance([views[1], views[1], views[1]])) < 1e-3)
        #expect(try distance(views, sureness: 1) == 0)
        #expect(throws: Diagnostic.self) { try distance([views[0]]) }
        #expect(throws: Diagnostic.self) { try distance(views, sureness: 2) }
        #expect(throws: Diagnostic.self) { try distance([views[0], Tensor(try Shape([2, 3, 4, 4]), repeating: 0)]) }
    }
}
