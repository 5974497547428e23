import LucencyCalibration
import LucencyFoundation
import LucencyImaging
import LucencyNetworks
import LucencyPipeline
import LucencyReports

private struct ConformalMasks: Sendable {
    var structure = ""
    var labels: [Int] = []
    var missed = 0.1
    var invented = 0.1

    var sample: RiskControlSample {
        RiskControlSample(
            structure: structure, labels: labels.map { Int32(clamping: $0) }, ignoredLabel: LabelMap.ignoreLabel)
    }
}

private struct ConformalSets: Sendable {
    var region = FittedRegion.all
    var background = 0
    var labels: [Int] = []
    var risk = 0.1

    var sample: PixelSetsSample {
        PixelSetsSample(
            region: region.region, labels: labels.map { Int32(clamping: $0) }, background: Int32(clamping: background),
            ignoredLabel: LabelMap.ignoreLabel)
    }
}

private let risks = ValueRange.within(0.0001...0.9999)
private let method = "Angelopoulos et al., Conformal risk control, ICLR 2024"

extension CollectorDescriptor {
    static let conformalMasks = CollectorDescriptor(
        "conformal.masks",
        "Chooses two thresholds of a structure's probability with a guarantee for further cases: an outer mask that misses "
            + "little, and an inner one that takes little in that is not the structure.",
        prototype: ConformalMasks(), source: method,
        groups: [
            StreamGroup<ConformalMasks, RiskControlSample>("cases", ports: ["probabilities", "label"]) {
                (
                    _: ConformalMasks, state: inout RiskControlSample, tag: ItemTag, _: StageContext,
                    probabilities: ProbabilityMap, label: LabelMap
                ) in try state.add(tag.item, probabilities: probabilities, reference: label)
            }
        ],
        outputs: ["model", "guarantees"],
        parameters: [
            Parameter("structure", \.structure, help: "The class, by name; left out: the last."),
            Parameter(
                "labels", \.labels,
                help: "The label of each class; left out: as the labels are named, or 0, 1, 2, … in order."),
            Parameter(
                "missed", \.missed, in: risks,
                help: "Share of the structure's pixels that the outer mask may miss, on average over cases."),
            Parameter(
                "invented", \.invented, in: risks,
                help: "Pixels of the inner mask that may be wrong, as a share of the structure's size, on average."),
        ],
        coding: StateCoding(
            encode: { try JSONValue(encoding: $0) }, decode: { try $0.decoded(as: RiskControlSample.self) }),
        initial: { $0.sample },
        merge: { _, total, next in try total.merge(next) },
        finish: {
            (stage: ConformalMasks, sample: RiskControlSample, _: StageContext) throws -> (ModelFile, Table) in
            let chosen = try sample.choose(outer: stage.missed, inner: stage.invented)
            return (
                try ModelFile(fitted: chosen),
                try guarantees([
                    ("outer mask", chosen.outerThreshold, chosen.outer),
                    ("inner mask", chosen.innerThreshold, chosen.inner),
                ])
            )
        })

    static let conformalSets = CollectorDescriptor(
        "conformal.sets",
        "Chooses a threshold for sets of classes, with a guarantee for the share of pixels whose class is not in their set.",
        prototype: ConformalSets(), source: method,
        groups: [
            StreamGroup<ConformalSets, PixelSetsSample>("cases", ports: ["probabilities", "label"]) {
                (
                    _: ConformalSets, state: inout PixelSetsSample, tag: ItemTag, context: StageContext,
                    probabilities: ProbabilityMap, label: LabelMap
                ) in try state.add(tag.item, probabilities: probabilities, reference: label, pool: context.pool)
            }
        ],
        outputs: ["model", "guarantees"],
        parameters: [
            Parameter(
                "region", \.region,
                help: "The pixels it is promised for: all, the labels' foreground, or that of labels and predictions."),
            Parameter("background", \.background, help: "The label of background."),
            Parameter(
                "labels", \.labels,
                help: "The label of each class; left out: as the labels are named, or 0, 1, 2, … in order."),
            Parameter(
                "risk", \.risk, in: risks,
                help: "Share of pixels whose class may be missing from their set, on average over cases."),
        ],
        coding: StateCoding(
            encode: { try JSONValue(encoding: $0) }, decode: { try $0.decoded(as: PixelSetsSample.self) }),
        initial: { $0.sample },
        merge: { _, total, next in try total.merge(next) },
        finish: { (stage: ConformalSets, sample: PixelSetsSample, _: StageContext) throws -> (ModelFile, Table) in
            let chosen = try sample.choose(risk: stage.risk)
            return (
                try ModelFile(fitted: chosen), try guarantees([("sets", chosen.threshold, chosen.guarantee)])
            )
        })

    /// A row for each promise, with its conditions.
    private static func guarantees(_ rows: [(String, Float, ConformalGuarantee)]) throws -> Table {
        var table = try Table(
            title: "guarantees",
            columns: ["of", "threshold", "risk", "observed", "cases", "leftOut", "guarantee", "conditions"].map {
                .init($0)
            })
        for (name, threshold, promise) in rows {
            try table.append([
                .text(name), .number(Double(threshold)), .number(promise.risk), .number(promise.observed),
                .integer(promise.cases), .integer(promise.leftOut), .text(promise.statement),
                .text(promise.conditions.joined(separator: " ")),
            ])
        }
        return table
    }
}

private struct NoSettings: Sendable {}

extension StageDescriptor {
    static let conformalApplyMasks = StageDescriptor(
        "conformal.apply-masks",
        "The inner and the outer mask of a structure, by thresholds that conformal.masks chose.",
        prototype: NoSettings(), source: method, inputs: ["probabilities", "model"], outputs: ["outer", "inner"]
    ) { _, _ in
        { (probabilities: ProbabilityMap, model: ModelFile) throws -> (LabelMap, LabelMap) in
            let control: RiskControl = try model.fitted()
            let masks = try control(probabilities)
            return (masks.outer, masks.inner)
        }
    }

    static let conformalApplySets = StageDescriptor(
        "conformal.apply-sets",
        "How many classes each pixel may be, and a plane for each class of where it may be, by the threshold that "
            + "conformal.sets chose.",
        prototype: NoSettings(), source: method, inputs: ["probabilities", "model"], outputs: ["sizes", "members"]
    ) { _, context in
        { (probabilities: ProbabilityMap, model: ModelFile) throws -> (LabelMap, Image) in
            let sets: PixelSets = try model.fitted()
            let result = try sets(probabilities, pool: context.pool)
            let planes = AlignedBuffer<Float>(count: result.members.count) { out in
                result.members.withUnsafeBufferPointer { members in
                    for index in 0..<members.count { out[index] = Float(members[index]) }
                }
            }
            return (
                result.sizes,
                try Image(
                    geometry: probabilities.geometry, colorModel: .channels(probabilities.classes.count), pixels: planes
                )
            )
        }
    }
}
