import LucencyFoundation

/// What a patient's pictures share.
struct HistologyPatient: Sendable {
    let number: Int
    let laboratory: Int
    let isMalignant: Bool
    let tissue: HistologyTissue
    let pattern: HistologyTissue.Pattern
    let traits: Traits
    let stain: StainMixture

    /// The values of the tissue's intervals for one patient.
    struct Traits: Sendable, Hashable {
        var diameter, variation, irregularity, spacing, chromatin, nucleoli: Double
        var mitoses, lymphocytes, fibroblasts, collagen, clefts, fat: Double
    }

    /// Draws a patient, and records it.
    init(_ histology: Histology, draws: inout PhantomDraws) {
        number = draws.index / max(1, histology.imagesPerPatient)
        var patient = draws.shared("patient", index: number)
        isMalignant = patient.chance("malignant", histology.malignantShare)
        laboratory = patient.count("laboratory", in: Interval(0, Double(histology.laboratories - 1)))
        let tissue = isMalignant ? histology.malignant : histology.benign
        self.tissue = tissue
        let names = HistologyTissue.Pattern.allCases.map(\.rawValue)
        let chosen = patient.choice("pattern", of: names, weights: names.map { tissue.patternWeight($0) })
        pattern = HistologyTissue.Pattern.allCases[chosen]
        traits = Traits(
            diameter: patient.number("diameter", in: tissue.diameter),
            variation: patient.number("variation", in: tissue.variation),
            irregularity: patient.number("irregularity", in: tissue.irregularity),
            spacing: patient.number("spacing", in: tissue.spacing),
            chromatin: patient.number("chromatin", in: tissue.chromatin),
            nucleoli: patient.number("nucleoli", in: tissue.nucleoli),
            mitoses: patient.number("mitoses", in: tissue.mitoses),
            lymphocytes: patient.number("lymphocytes", in: tissue.lymphocytes),
            fibroblasts: patient.number("fibroblasts", in: tissue.fibroblasts),
            collagen: patient.number("collagen", in: tissue.collagen),
            clefts: patient.number("clefts", in: tissue.clefts),
            fat: patient.number("fat", in: tissue.fat))
        var shared = draws.shared("laboratory", index: laboratory)
        stain = StainMixture(histology.stain, laboratory: &shared, patient: &patient)
        draws.adopt(patient, as: "patient")
        draws.adopt(shared, as: "laboratory")
        draws.note("class", .string(isMalignant ? "malignant" : "benign"))
        draws.note("patient", .string("patient-\(number)"))
        draws.note("laboratory", .string("laboratory-\(laboratory)"))
        draws.note("stain", stain.record)
    }
}

extension HistologyTissue {
    /// How often a pattern is drawn; 0 where it is not listed.
    func patternWeight(_ name: String) -> Double { patterns[name] ?? 0 }
}
