import LucencyPhantoms
import LucencyPipeline

extension Annotators: SettingsValue {
    public static var settingsName: String { "the annotators" }
    public static var settings: [Parameter<Annotators>] {
        [
            Parameter(
                "count", \.count, in: .within(1...16), help: "How many: `label`, `label2`, … are independent draws."),
            Parameter(
                "sigma", \.sigma, in: .within(0...50), help: "Jitter of drawn borders, standard deviation in mm."),
            Parameter(
                "habit", \.habit, in: .within(0...50),
                help: "How much larger or smaller one annotator draws an organ, standard deviation in mm."),
            Parameter("bias", \.bias, in: .within(-50...50), help: "How much too large organs are drawn, mm."),
            Parameter(
                "correlation", \.correlation, in: .atLeast(2), help: "Border points nearer than this move alike, mm."),
            Parameter("borders", \.borders, help: "What is different for some organs, by name."),
            Parameter("confusions", \.confusions, help: "Organs that are taken for others."),
        ]
    }
}

extension AnnotatedBorder: SettingsValue {
    public static var settingsName: String { "an annotated border" }
    public static var settings: [Parameter<AnnotatedBorder>] {
        [
            Parameter("sigma", \.sigma, in: .within(0...50), help: "Jitter, standard deviation in mm."),
            Parameter("habit", \.habit, in: .within(0...50), help: "Of an annotator, standard deviation in mm."),
            Parameter("bias", \.bias, in: .within(-50...50), help: "How much too large it is drawn, mm."),
        ]
    }
}

extension AnnotatorConfusion: SettingsValue {
    public static var settingsName: String { "a confusion" }
    public static var settings: [Parameter<AnnotatorConfusion>] {
        [
            Parameter("from", \.from, required: true, help: "The organ."),
            Parameter("to", \.to, help: "What it is taken for; `background` where it is missed."),
            Parameter("probability", \.probability, in: .within(0...1), help: "How often, per picture and annotator."),
        ]
    }
}
