import LucencyFoundation
import LucencyImaging
import LucencyLearning
import LucencyNetworks
import LucencyTensor
import Testing

@Suite struct NetworkPlannerTests {
    /// A fingerprint as a person would write it.
    private func fingerprint(
        sizes: [Double], spacing: [(minimum: Double, tenth: Double, median: Double, maximum: Double)] = [],
        color: String = "gray", stored: String = "uint8", range: ClosedRange<Double> = 0...255, low: Double = 0,
        between: Double = 0.5, cases: Int = 20
    ) throws -> Fingerprint {
        func spread(_ value: Double) -> JSONValue {
            ["minimum": .number(value), "tenth": .number(value), "median": .number(value), "maximum": .number(value)]
        }
        let axes = spacing.map { entry -> JSONValue in
            [
                "minimum": .number(entry.minimum), "tenth": .number(entry.tenth), "median": .number(entry.median),
                "maximum": .number(entry.maximum),
            ]
        }
        let intensities: JSONValue = [
            "pixels": 1000, "mean": 100, "deviation": 40, "low": .number(low), "median": 90, "high": 220,
            "isExact": true, "betweenCases": .number(40 * between),
        ]
        let names = color == "rgb" ? ["red", "green", "blue"] : ["gray"]
        let json: JSONValue = [
            "cases": .integer(cases), "planar": .integer(sizes.count == 2 ? cases : 0),
            "sizes": .array(sizes.map(spread)),
            "pixels": .integer(cases * Int(sizes.reduce(1, *))), "color": .string(color),
            "spacings": [
                "stated": .integer(spacing.isEmpty ? 0 : cases), "assumed": .integer(spacing.isEmpty ? cases : 0),
                "anisotropic": 0, "axes": .array(axes),
                "extents": .array(zip(sizes, spacing).map { spread($0 * $1.median) }),
            ],
            "stored": [
                "types": .object([stored: .integer(cases)]), "minimum": .number(range.lowerBound),
                "maximum": .number(range.upperBound),
            ],
            "channels": .array(
                names.map { ["name": .string($0), "all": intensities, "foreground": intensities] }),
            "classes": [],
        ]
        return try json.decoded()
    }

    private func planner(_ fingerprint: Fingerprint, residual: Bool = false, classes: Int = 2) -> NetworkPlanner {
        var planner = NetworkPlanner(
            fingerprint, network: residual ? .residual(ResidualEncoderUNet()) : .unet(UNet()), classes: classes,
            settings: TrainingSettings(), kernels: Kernels(family: .portable))
        if residual {
            var network = ResidualEncoderUNet()
            network.blocks = [2]
            planner.network = .residual(network)
        }
        return planner
    }

    private func same(_ spacing: Double...) -> [(minimum: Double, tenth: Double, median: Double, maximum: Double)] {
        spacing.map { ($0, $0, $0, $0) }
    }

    private func why(_ plan: NetworkPlan, _ what: String) -> String {
        plan.decisions.first { $0.what == what }?.why ?? "no decision about \(what)"
    }

    /// The plan's own figures, reckoned by another way: operations of a forward pass from the network's summary.
    private func seconds(_ plan: NetworkPlan, steps: Int) throws -> Double {
        let shape = try Shape(
            [plan.settings.batch, plan.network.inputChannels] + plan.settings.patch.reversed())
        func summary(_ network: some Network) throws -> NetworkSummary {
            try NetworkSummary(network, input: shape, kernels: Kernels(family: .portable))
        }
        let pixels = Double(plan.settings.batch * plan.settings.patch.reduce(1, *))
        let step =
            3 * Double(try summary(plan.network).operations) / TrainingRate.operations(.portable)
            + pixels / TrainingRate.pixels
        return step * Double(steps)
    }

    @Test func `planar images get a U-Net of two dimensions that fits memory and time`() throws {
        let plan = try planner(fingerprint(sizes: [512, 512])).plan()
        let network = try #require(plan.network as? UNet)
        #expect(network.axes == 2 && network.problems().isEmpty && plan.spacing == nil)
        #expect(plan.settings.patch.count == 2 && plan.settings.patch[0] == plan.settings.patch[1])
        #expect(plan.settings.patch[0] >= 64 && plan.settings.patch[0] % network.sizeMultiple[0] == 0)
        #expect(plan.settings.batch >= 4 && plan.bytes <= 2_000_000_000)
        let steps = try #require(plan.settings.steps)
        #expect(steps >= 1000 && plan.seconds <= 600 && plan.seconds > 400)
        #expect(abs(try seconds(plan, steps: steps) - plan.seconds) < 1e-6 * plan.seconds)
        // No more than a hundred epochs.
        #expect(steps * plan.settings.batch <= 100 * 20 * plan.settings.patchesPerCase)
        #expect(plan.decisions.map(\.what).contains("time") && !plan.summary.isEmpty)
    }

    @Test func `images without labels take memory and time, and make epochs longer`() throws {
        func plan(_ unlabelled: Int, _ strategy: TrainingStrategy = TrainingStrategy(MeanTeacher())) throws
            -> NetworkPlan
        {
            var planner = try planner(fingerprint(sizes: [512, 512]))
            planner.stated.patch = [64, 64]
            planner.stated.batch = 4
            planner.stated.channels = [16, 32]
            planner.settings.strategy = strategy
            planner.unlabelled = unlabelled
            return try planner.plan()
        }
        let plain = try plan(400, .supervised), none = try plan(0), some = try plan(400)
        #expect(none.bytes == plain.bytes && none.settings.steps == plain.settings.steps)
        // A second pass that is learnt from, and a teacher.
        #expect(Double(some.bytes) > 1.7 * Double(plain.bytes))
        #expect(try #require(some.settings.steps) < #require(plain.settings.steps) / 2)
        // 400 images in an epoch instead of 20.
        #expect(some.settings.patchesPerCase < plain.settings.patchesPerCase / 2)
    }

    @Test(arguments: [(1_000_000_000, 60.0), (300_000_000, 600), (100_000_000, 3600), (4_000_000_000, 36_000)])
    func `budgets are kept, and larger ones are used`(memory: Int, time: Double) throws {
        for (sizes, residual) in [([400.0, 300], false), ([128, 128, 40], false), ([128, 128, 40], true)] {
            var planner = try planner(fingerprint(sizes: sizes), residual: residual)
            planner.budget.memory = memory
            planner.budget.seconds = time
            planner.validationPixels = Int(3 * sizes.reduce(1, *))
            let plan = try planner.plan()
            #expect(plan.bytes <= memory && plan.seconds <= time)
            #expect(try seconds(plan, steps: try #require(plan.settings.steps)) <= time)
            #expect(plan.network.problems().isEmpty)
            planner.budget.memory *= 4
            planner.budget.seconds *= 4
            let richer = try planner.plan()
            let more = richer.settings.patch.reduce(1, *) * richer.settings.batch
            #expect(more >= plan.settings.patch.reduce(1, *) * plan.settings.batch)
        }
    }

    @Test func `slices far apart: the residual network halves in the plane first, a plain one goes slice by slice`()
        throws
    {
        let thick = try fingerprint(sizes: [256, 256, 24], spacing: same(1, 1, 6))
        let plan = try planner(thick, residual: true).plan()
        let network = try #require(plan.network as? ResidualEncoderUNet)
        #expect(network.axes == 3 && network.problems().isEmpty)
        // Slowest axis first: z is left alone until pixels in the plane are about as long, and so are its kernels.
        #expect(network.strides[1] == [1, 2, 2] && network.kernels[0] == [1, 3, 3])
        #expect(network.kernels.last == [3, 3, 3])
        #expect(network.sizeMultiple[0] < network.sizeMultiple[1])
        #expect(plan.settings.patch[2] < plan.settings.patch[0])
        let flat = try planner(thick).plan()
        #expect(flat.network.axes == 2 && flat.settings.patch.count == 2)
        #expect(why(flat, "dimensions").contains("slice by slice"))
        // As far apart as pixels: all axes alike.
        let even = try planner(fingerprint(sizes: [96, 96, 96], spacing: same(1, 1, 1)), residual: true).plan()
        let cube = try #require(even.network as? ResidualEncoderUNet)
        #expect(Set(cube.strides.dropFirst()) == [[2, 2, 2]] && Set(cube.kernels) == [[3, 3, 3]])
        #expect(try planner(fingerprint(sizes: [96, 96, 96], spacing: same(1, 1, 1))).plan().network.axes == 3)
        // Too few slices to halve.
        let thin = try planner(fingerprint(sizes: [96, 96, 5], spacing: same(1, 1, 1)), residual: true).plan()
        #expect(thin.network.axes == 2)
    }

    @Test func `a spacing is planned only where stated ones differ`() throws {
        let differing = try fingerprint(sizes: [200, 200], spacing: [(0.4, 0.4, 0.5, 0.8), (0.4, 0.4, 0.5, 0.8)])
        let plan = try planner(differing).plan()
        #expect(plan.spacing == [0.5, 0.5])
        #expect(try planner(fingerprint(sizes: [200, 200], spacing: same(0.5, 0.5))).plan().spacing == nil)
        let unknown = try planner(fingerprint(sizes: [200, 200])).plan()
        #expect(unknown.spacing == nil && why(unknown, "spacing").contains("state no spacing"))
        var stated = planner(differing)
        stated.stated.spacing = [2, 4]
        let wide = try stated.plan()
        #expect(wide.spacing == [2, 4] && why(wide, "spacing") == "stated")
        // 100 mm at 2 and 4 mm.
        #expect(why(wide, "patch").contains("50 × 25"))
        stated.fingerprint = try fingerprint(sizes: [200, 200])
        #expect { try stated.plan() } throws: { "\($0)".contains("20 of 20 cases state no spacing") }
        stated.fingerprint = try fingerprint(sizes: [64, 64, 64], spacing: same(1, 1, 1))
        #expect { try stated.plan() } throws: { "\($0)".contains("says nothing of the axis z") }
        // Along an axis three times as coarse as the others, the tenth percentile.
        let coarse = try fingerprint(
            sizes: [200, 200, 40], spacing: [(1, 1, 1, 1), (1, 1, 1, 1), (2, 2.5, 5, 6)])
        #expect(try planner(coarse, residual: true).plan().spacing == [1, 1, 2.5])
    }

    @Test func `intensities are brought to a scale that the facts support`() throws {
        func normalization(_ fingerprint: Fingerprint) throws -> Preprocessing.Normalization? {
            let plan = try planner(fingerprint).plan()
            #expect(Set(plan.normalizations).count == 1)
            #expect(!why(plan, "normalization").isEmpty)
            return plan.normalizations.first
        }
        let foreground = Preprocessing.Normalization.standard(mean: 100, deviation: 40, low: -900, high: 220)
        let sizes = [128.0, 128]
        #expect(try normalization(fingerprint(sizes: sizes)) == .zScore)
        #expect(try normalization(fingerprint(sizes: sizes, color: "rgb")) == .window(low: 0, high: 255))
        #expect(
            try normalization(fingerprint(sizes: sizes, stored: "int16", range: -1024...3000, low: -900)) == foreground)
        // Magnetic resonance: any scale, so each case by itself.
        #expect(try normalization(fingerprint(sizes: sizes, stored: "uint16", range: 0...4000)) == .zScore)
        // Deep and alike.
        #expect(
            try normalization(fingerprint(sizes: sizes, stored: "uint16", range: 0...4000, low: 10, between: 0.05))
                == .standard(mean: 100, deviation: 40, low: 10, high: 220))
        // Three cases say nothing about that.
        #expect(
            try normalization(
                fingerprint(sizes: sizes, stored: "uint16", range: 0...4000, low: 10, between: 0.05, cases: 3))
                == .zScore)
    }

    @Test func `what is stated wins`() throws {
        var planner = try planner(fingerprint(sizes: [300, 300]))
        planner.stated.channels = [8, 24, 40]
        planner.stated.norm = .instance
        planner.stated.patch = [100, 60]
        planner.stated.batch = 3
        planner.stated.patchesPerCase = 2
        planner.stated.steps = 77
        planner.stated.validationInterval = 9
        planner.stated.normalization = .percentile(lower: 1, upper: 99)
        let plan = try planner.plan()
        let network = try #require(plan.network as? UNet)
        #expect(network.channels == [8, 24, 40] && network.norm == .instance)
        #expect(plan.settings.patch == [100, 60] && plan.settings.batch == 3 && plan.settings.steps == 77)
        #expect(plan.settings.patchesPerCase == 2 && plan.settings.validationInterval == 9)
        #expect(plan.normalizations == [.percentile(lower: 1, upper: 99)])
        for what in ["channels", "norm", "patch", "batch", "steps", "normalization"] {
            #expect(why(plan, what) == "stated")
        }
        // A patch that is stated is not changed by the choice of levels.
        planner.stated = StatedSettings()
        planner.stated.patch = [100, 60]
        #expect(try planner.plan().settings.patch == [100, 60])
        planner.stated = StatedSettings()
        planner.stated.epochs = 4
        let passes = try planner.plan()
        #expect(passes.settings.epochs == 4 && passes.settings.steps == nil && passes.settings.patchesPerCase == 1)
    }

    @Test func `a stated number of levels makes the residual network as deep`() throws {
        var planner = try planner(fingerprint(sizes: [64, 64, 12], spacing: same(1, 1, 3)), residual: true)
        planner.stated.channels = [8, 8, 16, 16, 32, 32]
        let plan = try planner.plan()
        #expect((plan.network as? ResidualEncoderUNet)?.channels.count == 6)
        #expect(plan.network.problems().isEmpty)
        #expect(zip(plan.settings.patch, plan.network.sizeMultiple.reversed()).allSatisfy { $0 % $1 == 0 })
    }

    @Test func `what fits no budget is refused with what it would take`() throws {
        var planner = try planner(fingerprint(sizes: [512, 512]))
        planner.budget.memory = 100_000
        #expect { try planner.plan() } throws: { "\($0)".contains("more than the 1 MB it may") }
        planner.budget = TrainingBudget()
        planner.budget.seconds = 0.01
        #expect { try planner.plan() } throws: { "\($0)".contains("does not fit in 10 ms: 250 steps at") }
        planner.budget = TrainingBudget()
        planner.stated.epochs = 900_000
        #expect { try planner.plan() } throws: { "\($0)".contains("900000 epochs") && "\($0)".contains("time: 1 h") }
    }

    @Test func `a fingerprint that a person made impossible is refused with all that is wrong`() throws {
        let sound = try fingerprint(sizes: [64, 64, 64], spacing: same(1, 1, 1))
        var wrong = sound
        wrong.sizes.removeLast()
        wrong.channels = []
        wrong.spacings.axes[0].maximum = .infinity
        #expect {
            try planner(wrong).plan()
        } throws: { error in
            ["sizes along 2 axes", "there are 0 channels", "spacings are not possible"].allSatisfy {
                "\(error)".contains($0)
            }
        }
        var budget = planner(sound)
        budget.budget.seconds = .nan
        #expect { try budget.plan() } throws: { "\($0)".contains("must be positive") }
        budget.budget.seconds = 600
        budget.stated.batch = 0
        #expect { try budget.plan() } throws: { "\($0)".contains("batch must be in") }
    }
}
