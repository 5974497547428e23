import LucencyLearning
import LucencyPipeline

extension Optimizer: ComponentValue {
    public static var componentKind: String { "optimizer" }
    public static var components: [Component<Optimizer>] {
        [
            Component(
                "sgd", "Stochastic gradient descent with momentum.", prototype: prototype(.sgd),
                parameters: [
                    Parameter("momentum", \.momentum, in: .within(0...0.9999), help: "Momentum."),
                    Parameter("nesterov", \.isNesterov, help: "Nesterov's form of it."), weightDecay,
                ], make: { $0 }, match: { $0.method == .sgd ? $0 : nil }),
            Component(
                "adam", "Adam (Kingma and Ba 2015); weight decay is added to gradients.", prototype: prototype(.adam),
                parameters: adamParameters, make: { $0 }, match: { $0.method == .adam ? $0 : nil }),
            Component(
                "adamw", "AdamW (Loshchilov and Hutter 2019); weight decay acts on weights.",
                prototype: prototype(.adamW), parameters: adamParameters, make: { $0 },
                match: { $0.method == .adamW ? $0 : nil }),
        ]
    }

    private static func prototype(_ method: Method) -> Optimizer {
        switch method {
        case .sgd: .sgd(momentum: 0.99, isNesterov: true, decay: 3e-5)
        case .adam: .adam()
        case .adamW: .adamW()
        }
    }

    private static var weightDecay: Parameter<Optimizer> {
        Parameter("decay", \.decay, in: .within(0...10), help: "Weight decay.")
    }

    private static var adamParameters: [Parameter<Optimizer>] {
        [
            Parameter("beta1", \.beta1, in: .within(0...0.99999), help: "Decay of the mean of gradients."),
            Parameter("beta2", \.beta2, in: .within(0...0.99999), help: "Decay of the mean of their squares."),
            weightDecay,
            Parameter("spareVectors", \.sparesVectors, help: "No weight decay of biases and norms."),
        ]
    }
}

extension Schedule: ComponentValue {
    public static var componentKind: String { "schedule" }
    public static var components: [Component<Schedule>] {
        let warmUp = Parameter<Schedule>(
            "warmUp", \.warmUp, in: .within(0...10_000_000), help: "Steps in which the rate grows up to its highest.")
        let floor = Parameter<Schedule>(
            "floor", \.floor, in: .within(0...1), help: "What it ends with, as a part of the highest rate.")
        func component(_ course: Course, _ summary: String, _ parameters: [Parameter<Schedule>]) -> Component<Schedule>
        {
            Component(
                course.rawValue, summary, prototype: Schedule(course, rate: 0), parameters: parameters + [warmUp],
                make: { $0 }, match: { $0.course == course ? $0 : nil })
        }
        return [
            component(.constant, "The same rate always.", []),
            component(
                .step, "The rate falls by a factor now and then.",
                [
                    Parameter("factor", \.factor, in: .within(0...1), help: "The factor."),
                    Parameter("interval", \.interval, in: .within(1...100_000_000), help: "Steps between falls."),
                ]),
            component(.cosine, "Half a cosine (Loshchilov and Hutter 2017).", [floor]),
            component(
                .polynomial, "(1 - p) to a power, as nnU-Net does.",
                [Parameter("power", \.power, in: .within(0...10), help: "The power."), floor]),
        ]
    }
}
