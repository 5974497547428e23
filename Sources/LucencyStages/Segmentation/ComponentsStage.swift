import LucencyImaging
import LucencyMorphology
import LucencyPipeline

extension StageDescriptor {
    static let components = StageDescriptor(
        "components", "Numbers connected objects from 1, in the order of their first pixels.", prototype: Components(),
        inputs: ["labels"], outputs: ["labels"],
        parameters: [
            Parameter("connectivity", \.connectivity, help: "Which pixels hang together."),
            Parameter("perClass", \.perClass, help: "Objects of different labels stay apart where they touch."),
            Parameter("minimumSize", \.minimumSize, in: .atLeast(0), help: "Smaller objects are left out."),
        ]
    ) { stage, _ in
        { (labels: LabelMap) throws -> LabelMap in try stage(labels) }
    }
}
