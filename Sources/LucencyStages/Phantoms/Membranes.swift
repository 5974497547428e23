import LucencyPhantoms
import LucencyPipeline

extension Component<PhantomWorld> {
    static let membranes = Component(
        "membranes", "Cells with dark membranes, as in electron micrographs of nerve tissue.", Membranes(),
        parameters: [
            Parameter("width", \.width, in: .within(32...8192), help: "Pixels."),
            Parameter("height", \.height, in: .within(32...8192), help: "Pixels."),
            Parameter(
                "noise", \.noise, in: .within(0...10),
                help: "Shot noise: standard deviation as a multiple of the square root of the intensity."),
            Parameter(
                "unevenness", \.unevenness, in: .within(0...0.5),
                help: "The illumination's deviation from even, as a fraction of the intensity."),
            Parameter(
                "cellSize", \.cellSize, in: .within(0.5...3), help: "How large cells are; at 1 the widest are 120 px."),
            Parameter("thickness", \.thickness, in: .within(3...20), help: "Typical thickness of membranes in pixels."),
        ])
}
