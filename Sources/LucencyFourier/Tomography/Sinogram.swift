import LucencyFoundation
import LucencyImaging

/// A scan with parallel rays: in which directions, and how its detector is divided.
///
/// The ray of direction θ at distance t from the rotation axis is x·cos θ + y·sin θ = t, with x to the right of the image
/// and y up, against the order of its rows; lengths are millimetres (Kak and Slaney, "Principles of Computerized
/// Tomographic Imaging", 1988, eq. 3.1).
public struct ParallelBeam: Hashable, Sendable {
    /// θ of each projection, in radians.
    public let angles: [Double]
    /// Bins of the detector.
    public let bins: Int
    /// Distance between the middles of neighbouring bins, in mm.
    public let binWidth: Double
    /// The bin that the rotation axis falls upon; half a bin further for the border between two.
    public let axis: Double

    /// - Parameter axis: the detector's middle where left out.
    /// - Throws: `Diagnostic` when there is no projection or bin, too many, or a number is not finite or positive.
    public init(angles: [Double], bins: Int, binWidth: Double, axis: Double? = nil) throws(Diagnostic) {
        guard angles.allSatisfy(\.isFinite), binWidth > 0, binWidth.isFinite, (axis ?? 0).isFinite else {
            throw Diagnostic(
                .badArgument, "a scan with bins of \(binWidth) mm about \(axis ?? 0) is not possible",
                remedy: "give finite angles and a positive bin width")
        }
        try BufferLimit.require(GridSize(bins, angles.count), for: "a sinogram")
        self.angles = angles
        self.bins = bins
        self.binWidth = binWidth
        self.axis = axis ?? Double(bins - 1) / 2
    }

    /// Angles spread evenly over half a turn, beginning at 0.
    public static func evenAngles(_ count: Int) -> [Double] {
        (0..<max(0, count)).map { Double($0) * .pi / Double(count) }
    }

    /// Distance of a bin's middle from the rotation axis, in mm.
    public func position(of bin: Int) -> Double { (Double(bin) - axis) * binWidth }
}

/// Line integrals through a plane: one projection for each angle.
public struct Sinogram: Sendable, Equatable {
    public let beam: ParallelBeam
    /// `angle × bin` line integrals, bins fastest: the values' unit times mm.
    public let values: AlignedBuffer<Float>

    /// - Throws: `Diagnostic` when the values do not fill the scan or are not finite.
    public init(_ beam: ParallelBeam, values: AlignedBuffer<Float>) throws(Diagnostic) {
        guard values.count == beam.bins * beam.angles.count else {
            throw Diagnostic(
                .sizeMismatch,
                "\(values.count) line integrals do not fill \(beam.angles.count) projections of \(beam.bins) bins")
        }
        if let index = values.firstNonFinite() {
            throw Diagnostic(
                .notFinite, "bin \(index % beam.bins) of projection \(index / beam.bins) is \(values[index])")
        }
        self.beam = beam
        self.values = values
    }

    /// The line integrals as a picture: bins along x, projections along y. It states no spacing, since its rows are angles.
    public var image: Image {
        get throws { try Image(geometry: Geometry(size: GridSize(beam.bins, beam.angles.count)), pixels: values) }
    }
}
