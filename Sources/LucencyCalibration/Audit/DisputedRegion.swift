import LucencyFoundation
import LucencyImaging
import LucencyMorphology

/// A connected region whose label a model contradicts: one class is given to all of it, and one other class suggested.
package struct DisputedRegion: Codable, Hashable, Sendable {
    /// Places among the classes.
    package let given: Int
    package let suggested: Int
    package let pixels: PixelRuns
    package let count: Int
    /// Σ over its pixels of p(suggested) - p(given).
    package let margin: Double
    /// Σ over its pixels of p(suggested).
    package let confidence: Double
    /// Its first pixel (x, y, z), and how many it spans along each axis.
    package let origin: SIMD3<Int>
    package let extent: SIMD3<Int>
    /// The mean of its pixels' indices (x, y, z).
    package let centre: SIMD3<Double>
    /// Of its thickest place, in the unit of the audit.
    package let thickness: Double
    /// How many of its pixels are labelled wrongly; nil where no reference tells.
    package var wrong: Int?

    package var box: Region {
        Region(x: origin.x, y: origin.y, z: origin.z, size: GridSize(extent.x, extent.y, extent.z))
    }
}

/// Where a component lies and how thick it is.
struct RegionShape {
    let box: Region
    let centre: SIMD3<Double>
    let thickness: Double

    /// - Parameters:
    ///   - scale: what one pixel measures along each axis.
    init(_ pixels: PixelRuns, in size: GridSize, scale: DistanceScale) {
        var low = SIMD3(size.x, size.y, size.z), high = SIMD3(repeating: -1), sum = SIMD3<Double>.zero, count = 0
        pixels.forEach { run in
            let row = run.lowerBound / size.x, first = run.lowerBound - row * size.x, length = run.count
            let y = row % size.y, z = row / size.y
            low = pointwiseMin(low, [first, y, z])
            high = pointwiseMax(high, [first + length - 1, y, z])
            sum += Double(length) * SIMD3(Double(first) + Double(length - 1) / 2, Double(y), Double(z))
            count += length
        }
        let extent = high &- low &+ 1
        box = Region(x: low.x, y: low.y, z: low.z, size: GridSize(extent.x, extent.y, extent.z))
        centre = sum / Double(max(1, count))
        thickness = Self.thickness(pixels, box, in: size, scale)
    }

    /// Twice the largest distance from a pixel to the nearest one outside, less one pixel: 1 for a line of pixels, 3 for three
    /// beside each other. What lies beyond the image is not outside.
    private static func thickness(_ pixels: PixelRuns, _ box: Region, in size: GridSize, _ scale: DistanceScale)
        -> Double
    {
        let around = box.grown(by: (1, 1, 1), within: size)
        var outside = Mask(size: around.size, bits: AlignedBuffer(repeating: 1, count: around.size.count))
        outside.bits.withUnsafeMutableBufferPointer { bits in
            pixels.forEach { run in
                let row = run.lowerBound / size.x, x = run.lowerBound - row * size.x - around.x
                let y = row % size.y - around.y, z = row / size.y - around.z
                let start = (z * around.size.y + y) * around.size.x + x
                bits[start..<start + run.count].update(repeating: 0)
            }
        }
        let squared = DistanceTransform.squared(to: outside, spacing: scale.spacing)
        let largest = squared.withUnsafeBufferPointer { $0.max() ?? 0 }
        guard largest.isFinite else { return scale.diagonal(of: size) }
        let step = (0..<3).reduce(Double.infinity) { size[$1] > 1 ? min($0, scale.spacing[$1]) : $0 }
        return 2 * largest.squareRoot() - (step.isFinite ? step : 1)
    }
}
