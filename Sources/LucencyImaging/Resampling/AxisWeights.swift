import LucencyFoundation

/// The weights with which the pixels of one axis are made from another axis parallel to it.
///
/// Coordinates are in source pixels with pixel `k` covering `k...k + 1`, so that its centre is `k + 0.5`; target pixel
/// `i` is centred at `start + (i + 0.5)·step`. At the source's ends the kernel is cut off and the rest renormalised to
/// sum to 1, as Pillow does.
package struct AxisWeights: Sendable {
    package let sourceCount: Int
    package let count: Int
    /// First source pixel of each target pixel.
    package let firsts: [Int]
    /// Where each target pixel's weights begin; one entry more than `count`.
    package let offsets: [Int]
    package let weights: [Double]
    /// Whether each target pixel's centre lies beyond the source; its weights are then those of the nearest end.
    package let outside: [Bool]
    package let hasOutside: Bool
    /// Whether the target axis is the source axis.
    package let isIdentity: Bool

    /// Centres that miss the source by less than this many pixels count as inside: rounding of affine maps.
    static let tolerance = 1e-4

    package init(
        source: Int, count: Int, start: Double, step: Double, interpolation: Interpolation, antialias: Bool
    ) {
        let length = Double(source)
        let stretch = antialias && interpolation != .nearest ? max(1, step) : 1
        let support = interpolation.support * stretch
        var firsts: [Int] = []
        var offsets = [0]
        var weights: [Double] = []
        var outside: [Bool] = []
        firsts.reserveCapacity(count)
        offsets.reserveCapacity(count + 1)
        outside.reserveCapacity(count)
        for target in 0..<count {
            let exact = start + (Double(target) + 0.5) * step
            outside.append(exact < -Self.tolerance || exact > length + Self.tolerance)
            let center = min(max(exact, 0), length)
            if interpolation == .nearest {
                // Centres on an edge go up, also when rounding puts them just below it.
                let snapped = abs(center - center.rounded()) < 1e-6 ? center.rounded() : center
                firsts.append(min(source - 1, Int(snapped)))
                weights.append(1)
                offsets.append(weights.count)
                continue
            }
            var first = max(0, Int(center - support + 0.5))
            let end = min(source, Int(center + support + 0.5))
            let begin = weights.count
            var sum = 0.0
            for index in first..<max(first + 1, end) {
                var weight = interpolation.kernel((Double(index) - center + 0.5) / stretch)
                // A weight that is zero but for rounding is dropped at the front, and kept as a true zero elsewhere.
                if abs(weight) < 1e-12 { weight = 0 }
                if weight == 0 && weights.count == begin && index + 1 < end {
                    first = index + 1
                    continue
                }
                weights.append(weight)
                sum += weight
            }
            while weights.count > begin + 1, weights.last == 0 { weights.removeLast() }
            for index in begin..<weights.count { weights[index] = sum != 0 ? weights[index] / sum : 1 }
            firsts.append(first)
            offsets.append(weights.count)
        }
        sourceCount = source
        self.count = count
        self.firsts = firsts
        self.offsets = offsets
        self.weights = weights
        self.outside = outside
        hasOutside = outside.contains(true)
        isIdentity =
            source == count && !hasOutside && weights.count == count && firsts.enumerated().allSatisfy { $0 == $1 }
    }

    /// Resamples the middle axis of `outer × source × inner` values to `outer × count × inner` values.
    package func apply(
        _ source: UnsafePointer<Float>, outer: Int, inner: Int, into target: UnsafeMutablePointer<Float>,
        pool: ThreadPool
    ) {
        nonisolated(unsafe) let source = source
        nonisolated(unsafe) let target = target
        let rows = inner == 1 ? outer : outer * count
        let rowsPerTask = max(1, 16_384 / (inner == 1 ? count : inner))
        pool.forEach((rows + rowsPerTask - 1) / rowsPerTask) { task in
            let range = task * rowsPerTask..<min(rows, (task + 1) * rowsPerTask)
            if inner == 1 {
                for row in range { applyAlong(source + row * sourceCount, into: target + row * count) }
            } else {
                applyAcross(source, rows: range, inner: inner, into: target)
            }
        }
    }

    /// One contiguous row.
    private func applyAlong(_ source: UnsafePointer<Float>, into target: UnsafeMutablePointer<Float>) {
        firsts.withUnsafeBufferPointer { firsts in
            offsets.withUnsafeBufferPointer { offsets in
                weights.withUnsafeBufferPointer { weights in
                    for i in 0..<count {
                        var sum = 0.0
                        var tap = source + firsts[i]
                        for w in offsets[i]..<offsets[i + 1] {
                            sum += weights[w] * Double(tap.pointee)
                            tap += 1
                        }
                        target[i] = Float(sum)
                    }
                }
            }
        }
    }

    /// Target rows as weighted sums of whole source rows, so that the inner loop is contiguous.
    private func applyAcross(
        _ source: UnsafePointer<Float>, rows: Range<Int>, inner: Int, into target: UnsafeMutablePointer<Float>
    ) {
        let block = min(inner, 1024)
        withUnsafeTemporaryAllocation(of: Double.self, capacity: block) { sums in
            guard let sum = sums.baseAddress else { return }
            for row in rows {
                let i = row % count
                let base = source + (row / count * sourceCount + firsts[i]) * inner
                var x = 0
                while x < inner {
                    let width = min(block, inner - x)
                    sum.initialize(repeating: 0, count: width)
                    for w in offsets[i]..<offsets[i + 1] {
                        let weight = weights[w]
                        let line = base + (w - offsets[i]) * inner + x
                        for k in 0..<width { sum[k] += weight * Double(line[k]) }
                    }
                    let out = target + row * inner + x
                    for k in 0..<width { out[k] = Float(sum[k]) }
                    x += width
                }
            }
        }
    }
}
