import LucencyImaging
import LucencyMorphology
import LucencyPipeline

extension WithinMask.Outside: ChoiceParameter {}

extension StageDescriptor {
    static let mask = StageDescriptor(
        "mask", "Keeps what lies within a mask, such as a camera's field of view.", prototype: WithinMask(),
        parameters: [
            Parameter("outside", \.outside, help: "What labels outside become; nobody judges what is ignored."),
            Parameter("value", \.value, help: "What intensities outside become."),
        ],
        forms: [
            StageForm(inputs: ["labels", "within"], outputs: ["labels"]) { stage, _ in
                { (labels: LabelMap, mask: LabelMap) throws -> LabelMap in try stage(labels, mask: mask) }
            },
            StageForm(inputs: ["image", "within"], outputs: ["image"]) { stage, _ in
                { (image: Image, mask: LabelMap) throws -> Image in try stage(image, mask: mask) }
            },
        ])
}
