import LucencyFourier
import LucencyImaging
import LucencyPipeline
import LucencyReports

extension PhaseCorrelation.Border: ChoiceParameter {}

extension StageDescriptor {
    static let phaseCorrelation = StageDescriptor(
        "register.phase-correlation",
        "Moves an image's grid by the shift that lays it on a reference; `restore` with `like` then resamples it.",
        prototype: PhaseCorrelation(), revision: fourierRevision,
        source: "Kuglin & Hines 1975; Guizar-Sicairos et al. 2008",
        inputs: ["image", "reference"], outputs: ["image", "shift"],
        parameters: [
            Parameter("upsampling", \.upsampling, in: .within(1...1000), help: "Steps per pixel."),
            Parameter(
                "normalized", \.normalized,
                help: "Weigh all frequencies alike; otherwise strong ones count more, which bears more noise."),
            Parameter(
                "border", \.border,
                help: "What lies beyond the images: themselves again (shifts up to half their size), or their mean."),
        ],
        cost: { stage, known in
            var cost = fourierCost(stage, known)
            cost.outputs.append(ValueEstimate(size: GridSize(1, 1)))
            // Two spectra and their correlation.
            cost.scratchBytes = cost.scratchBytes.multipliedSafely(by: 2)
            return cost
        }
    ) { stage, context in
        { (image: Image, reference: Image) throws -> (Image, Table) in
            let (moved, shift) = try stage(image, onto: reference, pool: context.pool)
            let isStated = reference.geometry.spacingSource != .assumed, spacing = reference.geometry.spacing
            var table = try Table(
                title: "shift",
                columns: ["x_px", "y_px", "z_px", "x_mm", "y_mm", "z_mm", "response"].map { Table.Column($0) })
            try table.append(
                (0..<3).map { Table.Cell(.number(shift.pixels[$0])) }
                    + (0..<3).map { Table.Cell(isStated ? .number(shift.pixels[$0] * spacing[$0]) : .null) }
                    + [Table.Cell(.number(shift.response))])
            return (moved, table)
        }
    }
}
