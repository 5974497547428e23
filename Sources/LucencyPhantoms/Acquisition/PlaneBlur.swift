import LucencyFoundation

/// A small Gaussian blur of a plane; borders are mirrored.
struct PlaneBlur: Sendable {
    private let weights: [Float]

    /// - Parameter sigma: pixels, small; the kernel reaches `reach` pixels, by default four times as far but at least three.
    init(sigma: Double, reach: Int? = nil) {
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
        guard weights.count > 1 else { return plane }
        let reach = weights.count / 2, weights = self.weights
        func mirrored(_ length: Int) -> [Int] {
            (-reach..<length + reach).map { i in
                let period = max(1, 2 * length - 2), place = (i % period + period) % period
                return place < length ? place : period - place
            }
        }
        let columns = mirrored(width), rows = mirrored(height)
        var across = [Float](repeating: 0, count: plane.count), result = across
        plane.withUnsafeBufferPointer { plane in
            across.withUnsafeMutableBufferPointer { across in
                nonisolated(unsafe) let across = across, plane = plane
                pool.forEach(height) { row in
                    let line = row &* width
                    for column in 0..<width {
                        var sum: Float = 0
                        for tap in 0..<weights.count {
                            sum += weights[tap] * plane[line &+ columns[column &+ tap]]
                        }
                        across[line &+ column] = sum
                    }
                }
            }
        }
        across.withUnsafeBufferPointer { across in
            result.withUnsafeMutableBufferPointer { result in
                nonisolated(unsafe) let across = across, result = result
                pool.forEach(height) { row in
                    for tap in 0..<weights.count {
                        let from = rows[row &+ tap] &* width, to = row &* width, weight = weights[tap]
                        for column in 0..<width { result[to &+ column] += weight * across[from &+ column] }
                    }
                }
            }
        }
        return result
    }
}
