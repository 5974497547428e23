import LucencyFoundation
import LucencyImaging
import LucencyLearning
import LucencyTensor
import Support
import Testing

/// Every objective of the golden files, values and gradients.
@Suite struct ObjectiveGoldenTests {
    static let files = ["losses2d", "losses3d", "extreme"]

    private static func dice(_ change: (inout SoftDiceForm) -> Void = { _ in }) -> DiceTerm {
        var form = SoftDiceForm()
        change(&form)
        return DiceTerm(form)
    }

    /// What a name of the golden files stands for. Those that end in `ignore` are the same with a label that does not count.
    private static func components(_ name: String, weights: [Float]) -> [any ObjectiveComponent]? {
        let ce = CrossEntropyTarget()
        switch name {
        case "ce": return [ce]
        case "ce_weighted": return [CrossEntropyTarget(weights: weights)]
        case "dice": return [dice()]
        case "dice_noBackground": return [dice { $0.includesBackground = false }]
        case "dice_squared": return [dice { $0.isSquared = true }]
        case "dice_batch": return [dice { $0.sumsOverBatch = true }]
        case "ce_dice": return [ce, dice()]
        case "focal_gamma1": return [FocalTarget(gamma: 1)]
        case "focal_gamma2": return [FocalTarget(gamma: 2)]
        case "focal_gamma3": return [FocalTarget()]
        case "focal_gamma0_is_ce": return [FocalTarget(gamma: 0)]
        case "ecp_alpha0.1": return [ce, ConfidencePenaltyTerm()]
        case "ecp_alpha0.1_sumOverClasses": return [ce, ConfidencePenaltyTerm(weight: 0.1, sumsOverClasses: true)]
        case "ls_alpha0.1": return [LabelSmoothingTarget()]
        case "ls_alpha0.2": return [LabelSmoothingTarget(alpha: 0.2)]
        case "ls_alpha0_is_ce": return [LabelSmoothingTarget(alpha: 0)]
        case "mbls_m5_l0.1": return [ce, MarginTerm()]
        case "mbls_m3_l0.1": return [ce, MarginTerm(weight: 0.1, margin: 3)]
        case "mbls_m10_l0.1": return [ce, MarginTerm(weight: 0.1, margin: 10)]
        case "mbls_m0_l0.1": return [ce, MarginTerm(weight: 0.1, margin: 0)]
        case "mbls_l2_hinged_m5_l0.1": return [ce, MarginTerm(weight: 0.1, form: .squared)]
        case "mbls_l2_unhinged_m5_l0.1": return [ce, MarginTerm(weight: 0.1, form: .unhinged)]
        case "mbls_m5_plus_dice_foreground": return [ce, MarginTerm(), dice { $0.includesBackground = false }]
        default: return nil
        }
    }

    @Test(arguments: files)
    func `losses and gradients are the golden ones, in every kernel family`(_ file: String) throws {
        let golden = try TestFiles.json(TestFiles.fixture("LucencyLearningTests", "\(file).json"))
        let data = try #require(golden["logits"])
        let logits = try Tensor(data.tensorShape, data.tensorData.map { Float($0) })
        let weights = golden["classWeights"]?.tensorData.map { Float($0) } ?? []
        let cases = try #require(golden["cases"]?.arrayValue)
        #expect(cases.count == ["losses2d": 29, "losses3d": 6, "extreme": 6][file])
        for item in cases {
            var name = try #require(item["name"]?.stringValue)
            let ignores = name.hasSuffix("_ignore")
            if ignores { name = String(name.dropLast("_ignore".count)) }
            let components = try #require(Self.components(name, weights: weights), "\(name) is not built")
            let ignored = ignores ? golden["ignoreIndex"]?.intValue : nil
            let labels = try #require(golden[ignores ? "labelsIgnore" : "labels"])
            let maps = try ObjectiveRun.maps(labels.tensorShape, labels.tensorData.map { Int($0) })
            let loss = try #require(item["loss"]?.doubleValue), gradient = try #require(item["grad"]).tensorData
            for family in KernelFamily.available {
                let run = try ObjectiveRun(
                    Objective(components, ignoring: ignored), logits: logits, labels: maps, family: family)
                let difference = abs(Double(run.total) - loss)
                #expect(difference <= 1e-5 * max(1, abs(loss)), "\(name) (\(family)): \(run.total), not \(loss)")
                #expect(run.gradient.count == gradient.count)
                let worst = zip(run.gradient, gradient).reduce(0) { max($0, abs(Double($1.0) - $1.1)) }
                let isFinite = run.gradient.allSatisfy(\.isFinite)
                #expect(isFinite && worst <= 1e-6, "\(name) (\(family)): a gradient is off by \(worst)")
            }
        }
    }
}
