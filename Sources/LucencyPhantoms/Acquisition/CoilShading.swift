import LucencyFoundation
import LucencyImaging

/// Uneven brightness as receive coils around the body cause: the root of the sum of the squares of the coils'
/// sensitivities 1/(1 + (r/reach)²), divided by its mean.
struct CoilShading: Sendable {
    /// Coil places and reach in mm, relative to the grid's centre.
    private let coils: [SIMD3<Double>]
    private let reach: Double
    private let strength: Double

    /// - Parameters:
    ///   - strength: 0 none, 1 as computed; the ratio of the mean is raised to it.
    ///   - radius: of the circle on which the coils lie, mm.
    init(strength: Double, coils count: Int, radius: Double, draws: inout PhantomDraws) {
        self.strength = strength
        reach = 1.1 * radius
        coils = (0..<count).map { coil in
            let turn = draws.number("shading.coil.\(coil + 1).angle", in: Interval(-0.3, 0.3))
            let offset = draws.number("shading.coil.\(coil + 1).height", in: Interval(-40, 40))
            let far = draws.number("shading.coil.\(coil + 1).distance", in: Interval(0.9, 1.5))
            let direction = unitVector((Double(coil) / Double(max(1, count)) + turn) * 2 * .pi)
            return SIMD3(direction.x * radius * far, direction.y * radius * far, offset)
        }
    }

    /// Multiplies every value.
    func callAsFunction(_ values: inout [Float], size: GridSize, spacing: SIMD3<Double>, pool: ThreadPool) {
        guard strength > 0, !coils.isEmpty, values.count == size.count else { return }
        let middle = SIMD3(Double(size.x - 1), Double(size.y - 1), Double(size.z - 1)) / 2
        var shade = [Float](repeating: 0, count: values.count)
        shade.withUnsafeMutableBufferPointer { shade in
            nonisolated(unsafe) let shade = shade
            pool.forEach(size.y * size.z) { row in
                for x in 0..<size.x {
                    let place = (SIMD3(Double(x), Double(row % size.y), Double(row / size.y)) - middle) * spacing
                    var sum = 0.0
                    for coil in coils {
                        let away = place - coil, sensitivity = 1 / (1 + (away * away).sum() / (reach * reach))
                        sum += sensitivity * sensitivity
                    }
                    shade[row &* size.x &+ x] = Float(sum.squareRoot())
                }
            }
        }
        var mean = 0.0
        for value in shade { mean += Double(value) }
        mean /= Double(shade.count)
        for i in values.indices { values[i] *= Float(power(Double(shade[i]) / mean, strength)) }
    }
}
