import LucencyFoundation
import LucencyImaging

/// Rotation, scaling and elastic deformation in one map of coordinates and one resampling.
///
/// Angles and lengths are physical: a sample of thick slices turns in millimetres. A pipeline applies it while a patch is
/// cut, so that what turns in from outside the patch is the image and no padding. Probabilities and ranges start as those
/// of nnU-Net v2 for planar patches (Isensee et al. 2021, Nature Methods 18, and its trainer of version 2).
public struct SpatialTransform: AugmentationComponent {
    public static let name = "spatial"
    public var rotationProbability = 0.2
    /// Degrees about z, that is in the plane; positive ones turn from x towards y.
    public var rotation = Interval(-180, 180)
    /// Degrees about x and about y, each drawn by itself; only for samples with depth.
    public var tilt = Interval(-30, 30)
    public var scaleProbability = 0.2
    /// By how much things appear longer, the same along all axes.
    public var scale = Interval(0.7, 1.4)
    public var elasticProbability = 0.0
    /// The greatest shift of a control point along each axis, as a fraction of the distance between control points.
    /// Below 0.4 nothing folds (Choi and Lee 2000, Graphical Models 62(6): 1/2.48 in three dimensions).
    public var elasticAmplitude = Interval(0, 0.25)
    /// The distance between control points as a fraction of the longest side of the sample.
    public var elasticDistance = Interval(0.1, 0.3)
    /// Keeps depth as it is, for thick slices: no tilt, no scaling or shifts along z.
    public var isInPlane = false
    /// Of the image: nearest, linear or cubic.
    public var interpolation = Interpolation.linear
    public var labelInterpolation = LabelInterpolation.nearest

    public init() {}

    public func check(for form: SampleForm) throws(Diagnostic) {
        try check(probability: rotationProbability, "rotationProbability")
        try check(probability: scaleProbability, "scaleProbability")
        try check(probability: elasticProbability, "elasticProbability")
        try rotation.check("a rotation", of: Self.name, within: -180...180)
        try tilt.check("a tilt", of: Self.name, within: -180...180)
        try scale.check("a scale", of: Self.name, within: 0.1...10)
        try elasticAmplitude.check("an elasticAmplitude", of: Self.name, within: 0...0.4)
        try elasticDistance.check("an elasticDistance", of: Self.name, within: 0.02...10)
        try require(interpolation != .lanczos, "lanczos is not offered here", remedy: "choose linear or cubic")
    }

    public func draw(from random: inout PhiloxStream, for form: SampleForm) -> DrawnAugmentation? {
        let isRotated = random.uniform() < rotationProbability, isScaled = random.uniform() < scaleProbability
        let isElastic = random.uniform() < elasticProbability
        let angle = rotation.draw(from: &random)
        let tilts = SIMD2(tilt.draw(from: &random), tilt.draw(from: &random))
        let factor = scale.drawFactor(from: &random)
        let amplitude = elasticAmplitude.draw(from: &random), distance = elasticDistance.draw(from: &random)
        let seed = random.next() >> 11
        guard isRotated || isScaled || isElastic else { return nil }
        var drawn = Drawn()
        let isFlat = isInPlane || form.size.isPlanar
        if isRotated { drawn.rotation = isFlat ? [0, 0, angle] : [tilts.x, tilts.y, angle] }
        if isScaled { drawn.scale = [factor, factor, isFlat ? 1 : factor] }
        if isElastic {
            drawn.elasticDistance = distance * form.longestSide
            drawn.elasticAmplitude = amplitude * drawn.elasticDistance
            drawn.seed = seed
        }
        drawn.isInPlane = isInPlane
        drawn.interpolation = interpolation
        drawn.labelInterpolation = labelInterpolation
        return .spatial(drawn)
    }

    public struct Drawn: DrawnParameters {
        public static let name = SpatialTransform.name
        /// Degrees about x, y and z, applied in this order.
        public var rotation: SIMD3<Double> = .zero
        /// By how much things appear longer along x, y and z.
        public var scale: SIMD3<Double> = [1, 1, 1]
        /// The greatest shift of a control point along each axis, in the unit of the spacing; 0 for none.
        public var elasticAmplitude = 0.0
        /// The distance between control points, in the unit of the spacing.
        public var elasticDistance = 1.0
        /// Of the control points' shifts, below 2⁵³ so that every reader of JSON keeps it.
        public var seed: UInt64 = 0
        public var isInPlane = false
        public var interpolation = Interpolation.linear
        public var labelInterpolation = LabelInterpolation.nearest

        public init() {}

        /// Whether every pixel stays where it is.
        public var isIdentity: Bool { rotation == .zero && scale == [1, 1, 1] && elasticAmplitude == 0 }

        /// Resamples the sample about its middle; beyond it lie zeros and ignored labels. Cutting a patch with these
        /// parameters (`PatchSampler.cut`) sees more.
        public func apply(to sample: inout Sample) throws(Diagnostic) {
            sample = try PatchCut(start: .zero, size: sample.size, padding: .values([]), transform: self)(sample)
        }

        func check(for form: SampleForm) throws(Diagnostic) {
            let numbers = [rotation.x, rotation.y, rotation.z, elasticAmplitude]
            try require(numbers.allSatisfy { $0.isFinite }, "a number is not finite")
            try require(all(scale .>= 0.01) && all(scale .<= 100), "a scale of \(scale) is not possible")
            try require(interpolation != .lanczos, "lanczos is not offered here")
            guard elasticAmplitude != 0 else { return }
            let isPossible =
                elasticDistance > 0 && elasticDistance.isFinite && abs(elasticAmplitude) <= elasticDistance
                && SmoothLattice.points(size: form.size, spacing: form.spacing, distance: elasticDistance) < 1e7
            try require(isPossible, "elastic shifts of \(elasticAmplitude) every \(elasticDistance) are not possible")
        }
    }
}
