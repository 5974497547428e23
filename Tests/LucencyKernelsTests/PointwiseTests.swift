import Foundation
import LucencyKernels
import Testing

/// The passes between convolutions, against plain float64 loops.
@Suite struct PointwiseTests {
    @Test(arguments: [1, 3, 16, 17, 40]) func layoutsConvertThereAndBack(channels: Int) {
        for (family, pixels) in families.flatMap({ family in [1, 63, 64, 131].map { (family, $0) } }) {
            var noise = Noise(1)
            let plain = noise.floats(channels * pixels)
            let blocked = Floats(lk_blocked_count(1, Int64(channels), Int64(pixels)), .nan)
            lk_to_blocked(family, plain.pointer, blocked.pointer, Int64(channels), Int64(pixels))
            for index in 0..<blocked.count {
                let channel = index / (pixels * 16) * 16 + index % 16, pixel = index / 16 % pixels
                #expect(blocked[index] == (channel < channels ? plain[channel * pixels + pixel] : 0))
            }
            let back = Floats(channels * pixels, .nan)
            lk_to_plain(family, blocked.pointer, back.pointer, Int64(channels), Int64(pixels))
            #expect(back.values == plain.values && back.guardHolds && blocked.guardHolds)
        }
    }

    @Test func channelSumsKeepFloat64PrecisionFarFromZero() {
        let pixels = 10_001
        var noise = Noise(2)
        let x = noise.floats(pixels * 16)
        for index in 0..<x.count { x[index] += 1000 }
        for family in families {
            // Two slabs, added in their order.
            var partials = [Double](repeating: .nan, count: 64), sums = [Double](repeating: .nan, count: 32)
            lk_channel_sums(family, x.pointer, 7000, &partials)
            partials.withUnsafeMutableBufferPointer {
                lk_channel_sums(family, x.pointer + 7000 * 16, 3001, $0.baseAddress.map { $0 + 32 })
            }
            lk_add_partials(partials, 2, &sums)
            for channel in 0..<16 {
                let values = (0..<pixels).map { Double(x[$0 * 16 + channel]) }
                let mean = values.reduce(0, +) / Double(pixels)
                let variance = values.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(pixels)
                let ours = sums[channel] / Double(pixels)
                #expect(abs(ours - mean) < 1e-9)
                #expect(abs(sums[16 + channel] / Double(pixels) - ours * ours - variance) < 1e-7)
            }
        }
    }

    /// Activations, with the slope they use.
    static let activations: [(lk_activation, Double)] = [(LK_LINEAR, 1), (LK_RELU, 0), (LK_LEAKY_RELU, 0.125)]

    @Test(arguments: [false, true], [false, true]) func normalisationMatchesFloat64(residual: Bool, accumulate: Bool) {
        let pixels = 37
        var noise = Noise(3)
        let x = noise.floats(pixels * 16), dy = noise.floats(pixels * 16), rest = noise.floats(pixels * 16)
        let start = noise.floats(pixels * 16)
        let channel = (0..<6).map { _ in noise.floats(16) }  // scale, shift, mean, a, b, e
        let other = residual ? UnsafePointer(rest.pointer) : nil
        for family in families {
            for (activation, slope) in Self.activations {
                let y = Floats(pixels * 16, .nan), dx = start.copy(), dr = start.copy()
                var sums = [Double](repeating: .nan, count: 32)
                lk_normalise(
                    family, x.pointer, channel[0].pointer, channel[1].pointer, other, activation, 0.125, y.pointer,
                    Int64(pixels))
                lk_normalise_gradient_sums(
                    family, x.pointer, dy.pointer, channel[0].pointer, channel[1].pointer, other, channel[2].pointer,
                    activation, 0.125, Int64(pixels), &sums)
                lk_normalise_gradient(
                    family, x.pointer, dy.pointer, channel[0].pointer, channel[1].pointer, other, channel[2].pointer,
                    channel[3].pointer, channel[4].pointer, channel[5].pointer, activation, 0.125, accumulate ? 1 : 0,
                    dx.pointer, residual ? dr.pointer : nil, Int64(pixels))
                var expected = [Double](repeating: 0, count: 32)
                for index in 0..<pixels * 16 {
                    let c = channel.map { Double($0[index % 16]) }
                    let before = Double(x[index]) * c[0] + c[1] + (residual ? Double(rest[index]) : 0)
                    let factor = before > 0 ? 1 : slope
                    let gradient = Double(dy[index]) * factor, centred = Double(x[index]) - c[2]
                    let initial = accumulate ? Double(start[index]) : 0
                    expected[index % 16] += gradient
                    expected[16 + index % 16] += gradient * centred
                    #expect(abs(Double(y[index]) - before * factor) < 1e-5)
                    #expect(abs(Double(dx[index]) - (c[3] * gradient + c[4] * centred + c[5] + initial)) < 1e-5)
                    if residual { #expect(abs(Double(dr[index]) - gradient - initial) < 1e-6) }
                }
                for index in 0..<32 { #expect(abs(sums[index] - expected[index]) < 1e-9 * (1 + abs(expected[index]))) }
            }
        }
    }

    @Test(arguments: [(1, 1, 6, 8), (1, 3, 7, 9), (2, 4, 6, 8), (2, 5, 7, 9)])
    func maxPoolingTakesTheLargestAndReturnsItsGradient(depth: Int, d: Int, h: Int, w: Int) {
        var noise = Noise(4)
        let x = noise.floats(d * h * w * 16)
        for index in 0..<x.count { x[index] = (x[index] * 2).rounded() }  // ties
        let out = [d / depth, h / 2, w / 2], count = out.reduce(1, *) * 16
        let dy = noise.floats(count), start = noise.floats(x.count)
        for (family, accumulate) in families.flatMap({ [($0, false), ($0, true)] }) {
            let y = Floats(count, .nan), dx = accumulate ? start.copy() : Floats(x.count, .nan)
            let rows = Int32(out[0] * out[1]), size = (Int32(depth), Int32(d), Int32(h), Int32(w))
            for row in (0..<rows).reversed() {
                lk_max_pool(family, x.pointer, y.pointer, size.0, size.1, size.2, size.3, row, row + 1)
            }
            for row in (0..<rows).reversed() {
                lk_max_pool_gradient(
                    family, x.pointer, y.pointer, dy.pointer, dx.pointer, size.0, size.1, size.2, size.3, row, row + 1,
                    accumulate ? 1 : 0)
            }
            var largest = [Float](repeating: -.infinity, count: count)
            var place = [Int](repeating: 0, count: count)
            for z in 0..<out[0] * depth {
                for row in 0..<out[1] * 2 {
                    for column in 0..<out[2] * 2 {
                        for lane in 0..<16 {
                            let from = ((z * h + row) * w + column) * 16 + lane
                            let to = ((z / depth * out[1] + row / 2) * out[2] + column / 2) * 16 + lane
                            if x[from] > largest[to] { (largest[to], place[to]) = (x[from], from) }
                        }
                    }
                }
            }
            #expect(y.values == largest)
            let expected = accumulate ? start.copy() : Floats(x.count)
            for index in 0..<count { expected[place[index]] += dy[index] }
            #expect(dx.values == expected.values && dx.guardHolds && y.guardHolds)
        }
    }

    @Test func plainArraysOfAnyLengthMatchLoops() {
        for (family, count) in families.flatMap({ family in [1, 7, 16, 33].map { (family, $0) } }) {
            var noise = Noise(5)
            let x = noise.floats(count), g = noise.floats(count), start = noise.floats(count)
            let y = Floats(count, .nan), dx = start.copy(), sum = Floats(count, .nan)
            lk_relu(family, x.pointer, y.pointer, Int64(count), 0.25)
            lk_relu_gradient(family, x.pointer, g.pointer, dx.pointer, Int64(count), 0.25, 1)
            lk_add(family, x.pointer, g.pointer, sum.pointer, Int64(count))
            for index in 0..<count {
                #expect(y[index] == (x[index] > 0 ? x[index] : x[index] * 0.25))
                #expect(abs(dx[index] - start[index] - (x[index] > 0 ? g[index] : g[index] * 0.25)) < 1e-6)
                #expect(sum[index] == x[index] + g[index])
            }
            #expect(y.guardHolds && dx.guardHolds && sum.guardHolds)
        }
    }

    @Test(arguments: [false, true]) func adamMatchesItsDefinition(decoupled: Bool) {
        let count = 21, rate = 0.01, beta1 = 0.9, beta2 = 0.99, epsilon = 1e-8, decay = 0.1
        for family in families {
            var noise = Noise(6)
            let weights = noise.floats(count), first = Floats(count), second = Floats(count)
            var w = weights.values.map(Double.init)
            var m = [Double](repeating: 0, count: count), v = m
            for step in 1...3 {
                let gradient = noise.floats(count)
                let c1 = 1 - pow(beta1, Double(step)), c2 = 1 - pow(beta2, Double(step))
                var adam = lk_adam(
                    rate: Float(rate), beta1: Float(beta1), beta2: Float(beta2), epsilon: Float(epsilon),
                    decay: Float(decay), correction1: Float(c1), correction2: Float(c2), decoupled: decoupled ? 1 : 0)
                lk_adam_step(
                    family, &adam, weights.pointer, gradient.pointer, first.pointer, second.pointer, Int64(count))
                for index in 0..<count {
                    var g = Double(gradient[index])
                    if decoupled { w[index] *= 1 - rate * decay } else { g += decay * w[index] }
                    m[index] = beta1 * m[index] + (1 - beta1) * g
                    v[index] = beta2 * v[index] + (1 - beta2) * g * g
                    w[index] -= rate * (m[index] / c1) / ((v[index] / c2).squareRoot() + epsilon)
                    #expect(abs(Double(weights[index]) - w[index]) < 1e-5)
                }
            }
            #expect(weights.guardHolds && first.guardHolds && second.guardHolds)
        }
    }

    @Test(arguments: [false, true]) func stochasticDescentMatchesItsDefinition(nesterov: Bool) {
        let count = 19
        for family in families {
            var noise = Noise(8)
            let weights = noise.floats(count), velocity = Floats(count)
            var w = weights.values.map(Double.init)
            var v = [Double](repeating: 0, count: count)
            var sgd = lk_sgd(rate: 0.1, momentum: 0.9, decay: 0.01, nesterov: nesterov ? 1 : 0)
            for _ in 0..<3 {
                let gradient = noise.floats(count)
                lk_sgd_step(family, &sgd, weights.pointer, gradient.pointer, velocity.pointer, Int64(count))
                for index in 0..<count {
                    let g = Double(gradient[index]) + 0.01 * w[index]
                    v[index] = 0.9 * v[index] + g
                    w[index] -= 0.1 * (nesterov ? g + 0.9 * v[index] : v[index])
                    #expect(abs(Double(weights[index]) - w[index]) < 1e-5)
                }
            }
        }
    }
}
