import LucencyFoundation
import LucencyImaging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Sums over one object's pixels, relative to its first pixel so that they stay exact.
struct ObjectSums {
    private var count = 0
    private var first: (x: Int, y: Int, z: Int) = (0, 0, 0)
    private var low: (x: Int, y: Int, z: Int) = (.max, .max, .max)
    private var high: (x: Int, y: Int, z: Int) = (.min, .min, .min)
    private var x = 0.0, y = 0.0, z = 0.0, xx = 0.0, xy = 0.0, yy = 0.0
    private var intensities = 0
    private var base = 0.0, value = 0.0, square = 0.0
    private var least = Double.infinity, most = -Double.infinity

    /// Adds a run of pixels of one row, by the closed forms of Σi and Σi².
    mutating func add(from start: Int, to end: Int, y row: Int, z plane: Int) {
        if count == 0 { first = (start, row, plane) }
        count += end - start
        low = (min(low.x, start), min(low.y, row), min(low.z, plane))
        high = (max(high.x, end - 1), max(high.y, row), max(high.z, plane))
        let n = Double(end - start), a = Double(start - first.x), dy = Double(row - first.y)
        let sum = n * a + n * (n - 1) / 2
        x += sum
        xx += n * a * a + a * n * (n - 1) + (n - 1) * n * (2 * n - 1) / 6
        y += n * dy
        yy += n * dy * dy
        xy += sum * dy
        z += n * Double(plane - first.z)
    }

    mutating func add(_ pixels: UnsafeBufferPointer<Float>) {
        if intensities == 0, let start = pixels.first { base = Double(start) }
        intensities += pixels.count
        for pixel in pixels {
            let gap = Double(pixel) - base
            value += gap
            square += gap * gap
            least = min(least, Double(pixel))
            most = max(most, Double(pixel))
        }
    }

    func object(label: Int32, name: String?, in geometry: Geometry, perimeter: Double?) -> MeasuredObject {
        let n = Double(count), planar = geometry.size.isPlanar
        let stated = geometry.spacingSource != .assumed
        let spacing = geometry.spacing
        let pixel = planar ? spacing.x * spacing.y : spacing.x * spacing.y * spacing.z
        let centroid = SIMD3(Double(first.x) + x / n, Double(first.y) + y / n, Double(first.z) + z / n)
        func diameter(_ size: Double) -> Double { planar ? (4 * size / .pi).squareRoot() : cbrt(6 * size / .pi) }
        var intensity: MeasuredObject.Intensity?
        if intensities > 0 {
            let mean = value / n
            intensity = .init(
                mean: base + mean, standardDeviation: max(0, square / n - mean * mean).squareRoot(), min: least,
                max: most)
        }
        let sides = GridSize(high.x - low.x + 1, high.y - low.y + 1, high.z - low.z + 1), size = geometry.size
        let inside =
            low.x > 0 && low.y > 0 && high.x < size.x - 1 && high.y < size.y - 1
            && (planar || (low.z > 0 && high.z < size.z - 1))
        return MeasuredObject(
            label: label, name: name, pixelCount: count, area: stated && planar ? n * pixel : nil,
            volume: stated && !planar ? n * pixel : nil, centroid: centroid,
            centroidWorld: stated ? geometry.indexToWorld(centroid) : nil,
            box: Region(x: low.x, y: low.y, z: low.z, size: sides), equivalentDiameter: diameter(n),
            equivalentDiameterMillimetres: stated ? diameter(n * pixel) : nil,
            shape: perimeter.map { shape(perimeter: $0, spacing: stated ? spacing : nil) }, touchesEdge: !inside,
            intensity: intensity)
    }

    private func shape(perimeter: Double, spacing: SIMD3<Double>?) -> MeasuredObject.Shape {
        let n = Double(count)
        let vx = xx / n - x / n * (x / n), vy = yy / n - y / n * (y / n), cov = xy / n - x / n * (y / n)
        let (major, minor) = Self.eigenvalues(vx, vy, cov)
        let metric = spacing.map { Self.eigenvalues(vx * $0.x * $0.x, vy * $0.y * $0.y, cov * $0.x * $0.y) }
        let angle = vx == vy ? (cov > 0 ? Double.pi / 4 : -Double.pi / 4) : 0.5 * atan2(2 * cov, vy - vx)
        return .init(
            perimeter: perimeter, majorAxis: 4 * major.squareRoot(), minorAxis: 4 * minor.squareRoot(),
            majorAxisMillimetres: metric.map { 4 * $0.0.squareRoot() },
            minorAxisMillimetres: metric.map { 4 * $0.1.squareRoot() },
            eccentricity: major > 0 ? max(0, 1 - minor / major).squareRoot() : 0, orientation: angle)
    }

    /// Of a symmetric 2 × 2 matrix, largest first, at least 0.
    private static func eigenvalues(_ a: Double, _ c: Double, _ b: Double) -> (Double, Double) {
        let middle = (a + c) / 2, reach = ((a - c) / 2 * ((a - c) / 2) + b * b).squareRoot()
        return (max(0, middle + reach), max(0, middle - reach))
    }
}
