import LucencyFoundation
import LucencyImaging

/// A small Gaussian blur of planes, or of every slice of a volume.
struct PlaneBlur: Sendable {
    /// What lies beyond the border.
    enum Border: Sendable {
        /// The plane mirrored; the outermost pixels are not repeated.
        case mirror
        /// The plane mirrored; the outermost pixels are repeated once, so that the mean is kept.
        case reflect
        /// The outermost pixels, again and again.
        case edge
    }

    private let weights: [Float]
    private let border: Border

    /// - Parameter sigma: pixels, small; the kernel reaches `reach` pixels, by default four times as far but at least three.
    init(sigma: Double, reach: Int? = nil, border: Border = .mirror) {
        self.border = border
        guard sigma > 0 else {
            weights = [1]
            return
        }
        let reach = reach ?? max(3, Int((4 * sigma).rounded(.up)))
        let kernel = (-reach...reach).map { bell(Double($0) / (sigma * 2.0.squareRoot())) }
        let sum = kernel.reduce(0, +)
        weights = kernel.map { Float($0 / sum) }
    }

    func callAsFunction(_ plane: [Float], width: Int, height: Int, pool: ThreadPool = .serial) -> [Float] {
        callAsFunction(plane, GridSize(width, height), pool: pool)
    }

    /// - Parameter values: z, y, x with x fastest; as many as the grid has.
    func callAsFunction(_ values: [Float], _ size: GridSize, pool: ThreadPool = .serial) -> [Float] {
        guard weights.count > 1, values.count == size.count else { return values }
        let width = size.x, height = size.y, weights = self.weights
        let columns = places(width), rows = places(height)
        var across = [Float](repeating: 0, count: values.count), result = across
        values.withUnsafeBufferPointer { values in
            across.withUnsafeMutableBufferPointer { across in
                nonisolated(unsafe) let across = across, values = values
                pool.forEach(height * size.z) { row in
                    let line = row &* width
                    for column in 0..<width {
                        var sum: Float = 0
                        for tap in 0..<weights.count {
                            sum += weights[tap] * values[line &+ columns[column &+ tap]]
                        }
                        across[line &+ column] = sum
                    }
                }
            }
        }
        across.withUnsafeBufferPointer { across in
            result.withUnsafeMutableBufferPointer { result in
                nonisolated(unsafe) let across = across, result = result
                pool.forEach(height * size.z) { line in
                    let row = line % height, slice = (line &- row) &* width, to = line &* width
                    for tap in 0..<weights.count {
                        let from = slice &+ rows[row &+ tap] &* width, weight = weights[tap]
                        for column in 0..<width { result[to &+ column] += weight * across[from &+ column] }
                    }
                }
            }
        }
        return result
    }

    /// Where each tap finds its pixel, from `reach` before the axis to `reach` behind it.
    private func places(_ length: Int) -> [Int] {
        let reach = weights.count / 2
        return (-reach..<length + reach).map { place in
            if border == .edge { return min(max(place, 0), length - 1) }
            let repeated = border == .reflect ? 1 : 0, period = max(1, 2 * (length - 1 + repeated))
            let within = (place % period + period) % period
            return within < length ? within : period - repeated - within
        }
    }
}
