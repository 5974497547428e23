import LucencyFoundation
import LucencyImaging
import LucencyLearning
import LucencyNetworks
import LucencyPipeline

private struct TakeFingerprint: Sendable {
    var objects = true
}

extension CollectorDescriptor {
    static let fingerprint = CollectorDescriptor(
        "fingerprint",
        "What a data set is like: sizes, spacings, intensities and class sizes, from which trainings are planned.",
        prototype: TakeFingerprint(), source: "after Isensee et al. 2021",
        groups: [
            StreamGroup<TakeFingerprint, FingerprintSurvey>("cases", ports: ["image", "label"]) {
                (
                    stage: TakeFingerprint, state: inout FingerprintSurvey, tag: ItemTag, _: StageContext, image: Image,
                    label: LabelMap?
                ) in
                try state.add(tag.item, image, label)
            }
        ],
        outputs: ["record"],
        parameters: [
            Parameter("objects", \.objects, help: "Count the connected parts of each class and measure them.")
        ],
        coding: StateCoding(
            encode: { try JSONValue(encoding: $0) },
            decode: { value in
                let survey = try value.decoded(as: FingerprintSurvey.self)
                guard survey.isPossible else {
                    throw Diagnostic(.manifestDamaged, "a part of a fingerprint is damaged")
                }
                return survey
            }),
        initial: { FingerprintSurvey(measuresObjects: $0.objects) },
        merge: { _, total, next in try total.merge(next) },
        finish: { (_: TakeFingerprint, survey: FingerprintSurvey, _: StageContext) throws -> RecordValue in
            RecordValue(try JSONValue(encoding: survey.fingerprint()), yaml: .fingerprint)
        })
}

extension YAMLText {
    fileprivate static let fingerprint = YAMLText(
        order: [
            "name", "value", "cases", "planar", "color", "sizes", "pixels", "spacings", "stored", "channels", "classes",
            "all", "foreground", "types", "stated", "assumed", "anisotropic", "axes", "extents", "minimum",
            "tenth", "mean", "deviation", "low", "median", "high", "maximum", "betweenCases", "isExact", "fraction",
            "objects", "medianPixels", "medianSize", "unit",
        ],
        comments: [
            "planar": "cases of a single slice",
            "sizes": "pixels along x, y (and z); `tenth` is the tenth percentile",
            "pixels": "of all cases together",
            "spacings": "mm along x, y (and z) of the cases that state it; extents are what their images cover",
            "stored": "sample types before anything was done, and the range of what comes to the training",
            "channels":
                "low and high are the 0.5th and 99.5th percentile, betweenCases is the deviation of the cases' means",
            "classes": "pixels and their part of all labelled ones; objects are connected parts",
        ],
        heading: "Fingerprint of a data set")
}
