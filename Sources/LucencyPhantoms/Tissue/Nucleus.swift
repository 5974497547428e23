/// One nucleus: a closed outline with chromatin. Lengths in µm.
struct Nucleus: Sendable {
    enum Kind: Sendable { case luminal, basal, tumour, fibroblast, lymphocyte, mitosis }

    var kind: Kind
    var x: Double
    var y: Double
    /// Half axes; the long one lies along `angle`.
    var long: Double
    var short: Double
    var angle: Double
    /// Amplitudes of the outline's waves with 2, 3, 4, 5 periods, and cosines and sines of their phases.
    var waves: SIMD4<Float> = .zero
    var cosines: SIMD4<Float> = .zero
    var sines: SIMD4<Float> = .zero
    /// How pointed its ends are: 0 for an ellipse.
    var taper: Float = 0
    /// Hematoxylin, as a multiple of the usual.
    var density: Float = 1
    /// 0 dense and even, 1 vesicular: pale inside with a dark rim and coarse chromatin.
    var coarseness: Float = 0
    /// Width of the edge beyond the optics: nuclei lie above or below the focus.
    var softness: Float = 0.3
    /// Places of nucleoli (in half axes) and their radii (µm); 0 for none.
    var nucleoli: [(x: Float, y: Float, radius: Float)] = []

    /// The radius of its ellipse in a direction.
    func radius(towards direction: Double) -> Double {
        let way = unitVector(direction - angle)
        let a = way.x / long, b = way.y / short
        return 1 / (a * a + b * b).squareRoot()
    }
}
