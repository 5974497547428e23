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
            // Two spectra, one of them once more while the correlation is made, the correlation, and its columns refined.
            let size = known.main.size, doubled = stage.border == .constant
            let grids = 4 * 4 * (doubled ? size.isPlanar ? 5 : 10 : 1)
            let lines = size.y.multipliedSafely(by: size.z).multipliedSafely(
                by: (doubled ? 5 : 1) * 24 * stage.upsampling)
            return StageCost(
                outputs: [known.main, ValueEstimate(size: GridSize(1, 1))],
                scratchBytes: size.count.multipliedSafely(by: grids).addingSafely(lines))
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
