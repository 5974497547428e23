import LucencyKernels

/// A convolution to test, with its float64 reference.
struct ConvolutionCase: CustomStringConvertible, Sendable {
    var images = 1
    var channels = 16
    var size = [1, 8, 8]
    var outputs = 16
    var kernel = [1, 3, 3]
    var stride = [1, 1, 1]
    var dilation = [1, 1, 1]
    var before = [0, 1, 1]
    var after: [Int]?
    var groups = 1
    var mode = LK_ZEROS

    var description: String {
        "\(images)x\(channels) \(size) -> \(outputs), kernel \(kernel), stride \(stride), dilation \(dilation), "
            + "padding \(before)/\(after ?? before), groups \(groups), mode \(mode.rawValue)"
    }

    var pixels: Int { size.reduce(1, *) }
    var taps: Int { kernel.reduce(1, *) }
    var weightCount: Int { outputs * channels / groups * taps }
    var outputSize: [Int] {
        (0..<3).map {
            (size[$0] + before[$0] + (after ?? before)[$0] - dilation[$0] * (kernel[$0] - 1) - 1) / stride[$0] + 1
        }
    }
    var outputPixels: Int { outputSize.reduce(1, *) }
    // Larger than needed, as where tensors are parts of others.
    var inputStride: Int { (channels + 15) / 16 * pixels * 16 + 48 }
    var outputStride: Int { (outputs + 15) / 16 * outputPixels * 16 + 32 }

    var value: lk_conv {
        let last = (after ?? before).map(Int32.init), first = before.map(Int32.init)
        let k = kernel.map(Int32.init), s = stride.map(Int32.init), e = dilation.map(Int32.init)
        return lk_conv(
            n: Int32(images), c: Int32(channels), d: Int32(size[0]), h: Int32(size[1]), w: Int32(size[2]),
            k: Int32(outputs), kd: k[0], kh: k[1], kw: k[2], sd: s[0], sh: s[1], sw: s[2], dd: e[0], dh: e[1],
            dw: e[2], pd0: first[0], pd1: last[0], ph0: first[1], ph1: last[1], pw0: first[2], pw1: last[2],
            groups: Int32(groups), pad_mode: Int32(mode.rawValue), x_stride: Int64(inputStride),
            y_stride: Int64(outputStride))
    }

    /// The position that a padded one stands for; nil for zero.
    private func padded(_ position: Int, _ size: Int) -> Int? {
        if position >= 0 && position < size { return position }
        switch mode {
        case LK_REPLICATE: return position < 0 ? 0 : size - 1
        case LK_REFLECT: return position < 0 ? -position : 2 * (size - 1) - position
        default: return nil
        }
    }

    /// y, dx and dw by plain loops in float64, in the layouts of the kernels.
    func reference(x: Floats, dy: Floats, weights: Floats) -> [[Double]] {
        var y = [Double](repeating: 0, count: images * outputStride)
        var dx = [Double](repeating: 0, count: images * inputStride)
        var dw = [Double](repeating: 0, count: weightCount)
        let out = outputSize, inGroup = channels / groups, outGroup = outputs / groups
        let sizes = size, spans = kernel
        for image in 0..<images {
            for position in 0..<out.reduce(1, *) {
                let at = [position / (out[1] * out[2]), position / out[2] % out[1], position % out[2]]
                for tap in 0..<spans.reduce(1, *) {
                    let of = [tap / (spans[1] * spans[2]), tap / spans[2] % spans[1], tap % spans[2]]
                    var from = 0
                    var inside = true
                    for axis in 0..<3 {
                        let p = padded(at[axis] * stride[axis] - before[axis] + of[axis] * dilation[axis], sizes[axis])
                        if let p { from = from * sizes[axis] + p } else { inside = false }
                    }
                    guard inside else { continue }
                    for k in 0..<outputs {
                        let to = image * outputStride + (k / 16 * outputPixels + position) * 16 + k % 16
                        for c in 0..<inGroup {
                            let channel = k / outGroup * inGroup + c
                            let source = image * inputStride + (channel / 16 * pixels + from) * 16 + channel % 16
                            let weight = (k * inGroup + c) * taps + tap
                            y[to] += Double(x[source]) * Double(weights[weight])
                            dx[source] += Double(dy[to]) * Double(weights[weight])
                            dw[weight] += Double(x[source]) * Double(dy[to])
                        }
                    }
                }
            }
        }
        return [y, dx, dw]
    }
}

let convolutionCases: [ConvolutionCase] = [
    .init(),
    .init(images: 2, channels: 17, size: [1, 13, 11], outputs: 33),
    .init(channels: 1, size: [1, 17, 19], outputs: 32),
    .init(
        images: 2, channels: 3, size: [1, 9, 30], outputs: 20, kernel: [1, 7, 7], stride: [1, 2, 2], before: [0, 3, 3]),
    .init(channels: 40, size: [1, 9, 7], outputs: 50, kernel: [1, 1, 1], before: [0, 0, 0]),
    .init(channels: 40, size: [1, 9, 7], outputs: 50, kernel: [1, 1, 1], stride: [1, 2, 2], before: [0, 0, 0]),
    .init(images: 2, channels: 20, size: [1, 12, 13], outputs: 36, stride: [1, 2, 2]),
    .init(channels: 20, size: [1, 25, 21], outputs: 18, dilation: [1, 2, 2], before: [0, 2, 2]),
    .init(channels: 24, size: [1, 10, 12], outputs: 48, kernel: [1, 2, 2], stride: [1, 2, 2], before: [0, 0, 0]),
    .init(channels: 24, size: [1, 11, 13], outputs: 48, kernel: [1, 2, 2], stride: [1, 2, 2], before: [0, 0, 0]),
    .init(channels: 16, size: [1, 5, 40], outputs: 16, kernel: [1, 5, 3], stride: [1, 3, 3], before: [0, 2, 2]),
    .init(channels: 35, size: [1, 6, 6], outputs: 7, before: [0, 0, 0]),
    .init(channels: 33, size: [1, 6, 6], outputs: 17, before: [0, 2, 2]),
    .init(images: 3, channels: 70, size: [1, 16, 16], outputs: 40),
    .init(channels: 16, size: [1, 45, 70], outputs: 32),
    .init(channels: 16, size: [1, 1, 1], outputs: 16),
    .init(channels: 512, size: [1, 8, 9], outputs: 16),
    .init(channels: 16, size: [1, 3, 150], outputs: 16),
    .init(images: 2, channels: 18, size: [1, 10, 9], outputs: 20, before: [0, 1, 0], after: [0, 2, 1]),
    .init(images: 2, channels: 18, size: [1, 10, 9], outputs: 20, mode: LK_REFLECT),
    .init(channels: 18, size: [1, 10, 9], outputs: 20, kernel: [1, 5, 5], before: [0, 2, 2], mode: LK_REPLICATE),
    .init(
        channels: 18, size: [1, 10, 9], outputs: 20, kernel: [1, 5, 5], stride: [1, 2, 1], before: [0, 2, 2],
        mode: LK_REFLECT),
    .init(images: 2, channels: 64, size: [1, 10, 9], outputs: 32, groups: 2),
    .init(images: 2, channels: 64, size: [1, 10, 9], outputs: 32, groups: 4),
    .init(channels: 64, size: [1, 10, 9], outputs: 32, groups: 2, mode: LK_REFLECT),
    .init(images: 2, channels: 35, size: [1, 10, 9], outputs: 35, groups: 35),
    .init(channels: 35, size: [1, 10, 9], outputs: 35, stride: [1, 2, 2], groups: 35),
    .init(channels: 35, size: [1, 10, 9], outputs: 35, groups: 35, mode: LK_REPLICATE),
    .init(channels: 20, size: [5, 9, 10], outputs: 33, kernel: [3, 3, 3], before: [1, 1, 1]),
    .init(channels: 20, size: [5, 9, 10], outputs: 33, kernel: [3, 3, 3], stride: [2, 2, 2], before: [1, 1, 1]),
    .init(channels: 20, size: [5, 9, 10], outputs: 17, kernel: [3, 3, 3], before: [1, 1, 1], mode: LK_REFLECT),
    .init(
        images: 2, channels: 20, size: [6, 8, 10], outputs: 33, kernel: [2, 2, 2], stride: [2, 2, 2], before: [0, 0, 0]),
]
