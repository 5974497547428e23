import LucencyTensor

/// References of what networks are made of.
extension Naive {
    /// The position that one beyond the edge stands for; nil for zero.
    static func inside(_ position: Int, _ size: Int, _ mode: PaddingMode) -> Int? {
        if position >= 0 && position < size { return position }
        switch mode {
        case .zeros: return nil
        case .replicate: return position < 0 ? 0 : size - 1
        case .reflect: return position < 0 ? -position : 2 * (size - 1) - position
        }
    }

    /// A window over three dimensions, outer ones 1 where missing.
    private struct Window {
        let kernel: [Int], stride: [Int], dilation: [Int], padding: [Int]
        let mode: PaddingMode

        init(_ window: ConvolutionWindow) {
            func three(_ values: [Int], _ filler: Int) -> [Int] {
                Array(repeating: filler, count: 3 - values.count) + values
            }
            kernel = three(window.kernel, 1)
            stride = three(window.stride, 1)
            dilation = three(window.dilation, 1)
            padding = three(window.padding, 0)
            mode = window.paddingMode
        }

        var taps: [[Int]] {
            var taps: [[Int]] = []
            for a in 0..<kernel[0] {
                for b in 0..<kernel[1] {
                    for c in 0..<kernel[2] { taps.append([a, b, c]) }
                }
            }
            return taps
        }

        /// Where a tap of an output looks.
        func position(_ output: Int, _ tap: Int, _ axis: Int) -> Int {
            output * stride[axis] - padding[axis] + tap * dilation[axis]
        }
    }

    /// N, C, depth, height, width.
    private static func offset(_ shape: [Int], _ n: Int, _ c: Int, _ z: Int, _ y: Int, _ x: Int) -> Int {
        let plane: Int = (n * shape[1] + c) * shape[2] + z
        let row: Int = plane * shape[3] + y
        return row * shape[4] + x
    }

    private static func pixels(_ size: [Int]) -> [[Int]] {
        var pixels: [[Int]] = []
        for z in 0..<size[0] {
            for y in 0..<size[1] {
                for x in 0..<size[2] { pixels.append([z, y, x]) }
            }
        }
        return pixels
    }

    static func convolution(
        _ x: Naive, _ weights: Naive, _ bias: Naive?, _ settings: ConvolutionWindow, groups: Int = 1
    ) -> Naive {
        let window = Window(settings), taps = window.taps
        let (images, channels, size) = x.volume
        let outputs = weights.shape[0], perGroup = channels / groups, outputsPerGroup = outputs / groups
        var out: [Int] = []
        for axis in 0..<3 {
            let room: Int =
                size[axis] + 2 * window.padding[axis] - window.dilation[axis] * (window.kernel[axis] - 1) - 1
            out.append(room / window.stride[axis] + 1)
        }
        let shape = [images, channels] + size
        var data: [Double] = []
        for n in 0..<images {
            for k in 0..<outputs {
                for pixel in pixels(out) {
                    var sum: Double = bias?.data[k] ?? 0
                    for (number, tap) in taps.enumerated() {
                        let z = inside(window.position(pixel[0], tap[0], 0), size[0], window.mode)
                        let y = inside(window.position(pixel[1], tap[1], 1), size[1], window.mode)
                        let w = inside(window.position(pixel[2], tap[2], 2), size[2], window.mode)
                        guard let z, let y, let w else { continue }
                        for i in 0..<perGroup {
                            let channel = k / outputsPerGroup * perGroup + i
                            let weight = weights.data[(k * perGroup + i) * taps.count + number]
                            sum += x.data[offset(shape, n, channel, z, y, w)] * weight
                        }
                    }
                    data.append(sum)
                }
            }
        }
        return Naive([images, outputs] + out.suffix(settings.kernel.count), data)
    }

    static func transposedConvolution(
        _ x: Naive, _ weights: Naive, _ bias: Naive?, _ settings: ConvolutionWindow, outputPadding: Int,
        groups: Int = 1
    ) -> Naive {
        let window = Window(settings), taps = window.taps, axes = settings.kernel.count
        let (images, channels, size) = x.volume
        let perGroup = weights.shape[1], outputs = perGroup * groups
        var out: [Int] = []
        for axis in 0..<3 {
            let extra = axis >= 3 - axes ? outputPadding : 0
            let reach: Int = (size[axis] - 1) * window.stride[axis] - 2 * window.padding[axis]
            out.append(reach + window.dilation[axis] * (window.kernel[axis] - 1) + 1 + extra)
        }
        let from = [images, channels] + size, to = [images, outputs] + out
        var result = Naive([images, outputs] + out.suffix(axes)) { bias?.data[$0[1]] ?? 0 }
        for n in 0..<images {
            for c in 0..<channels {
                for pixel in pixels(size) {
                    let value = x.data[offset(from, n, c, pixel[0], pixel[1], pixel[2])]
                    for (number, tap) in taps.enumerated() {
                        let z = inside(window.position(pixel[0], tap[0], 0), out[0], .zeros)
                        let y = inside(window.position(pixel[1], tap[1], 1), out[1], .zeros)
                        let w = inside(window.position(pixel[2], tap[2], 2), out[2], .zeros)
                        guard let z, let y, let w else { continue }
                        for j in 0..<perGroup {
                            let k = c / (channels / groups) * perGroup + j
                            let weight = weights.data[(c * perGroup + j) * taps.count + number]
                            result.data[offset(to, n, k, z, y, w)] += value * weight
                        }
                    }
                }
            }
        }
        return result
    }

    /// Brings sets of elements to mean 0 and variance 1; `domain` names the set of an element.
    static func normalization(
        _ x: Naive, _ scale: Naive, _ shift: Naive, epsilon: Double, domain: (_ image: Int, _ channel: Int) -> Int
    ) -> Naive {
        var sums: [Int: (count: Double, sum: Double)] = [:], squares: [Int: Double] = [:]
        _ = Naive(x.shape) { index in
            let key = domain(index[0], index[1])
            sums[key, default: (0, 0)].count += 1
            sums[key, default: (0, 0)].sum += x[index]
            return 0
        }
        func mean(_ key: Int) -> Double { sums[key].map { $0.sum / $0.count } ?? 0 }
        _ = Naive(x.shape) { index in
            let key = domain(index[0], index[1]), difference = x[index] - mean(key)
            squares[key, default: 0] += difference * difference
            return 0
        }
        return Naive(x.shape) { index in
            let key = domain(index[0], index[1])
            let variance: Double = (squares[key] ?? 0) / (sums[key]?.count ?? 1)
            let normal: Double = (x[index] - mean(key)) / (variance + epsilon).squareRoot()
            return normal * scale.data[index[1]] + shift.data[index[1]]
        }
    }

    /// A result for every window of N, C, spatial: `windows` gives the pixels of an output along a dimension, which may lie
    /// outside, and `body` gets the values inside and the number of pixels, counting those outside.
    static func pooling(
        _ x: Naive, size: [Int], windows: (_ axis: Int, _ output: Int) -> Range<Int>,
        _ body: (_ values: [Double], _ count: Int) -> Double
    ) -> Naive {
        Naive(Array(x.shape[..<2]) + size) { index in
            var positions = [[index[0], index[1]]], count = 1
            for axis in size.indices {
                let window = windows(axis, index[axis + 2])
                count *= window.count
                positions = positions.flatMap { position in
                    window.filter { $0 >= 0 && $0 < x.shape[axis + 2] }.map { position + [$0] }
                }
            }
            return body(positions.map { x[$0] }, count)
        }
    }
}
