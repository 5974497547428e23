import LucencyKernels
import Testing

let passes = [LK_FORWARD, LK_INPUT_GRADIENT, LK_WEIGHT_GRADIENT]
let algorithms = [LK_DIRECT, LK_WINOGRAD2, LK_WINOGRAD4]

/// What is done to the sums before they are stored.
enum Ending: CaseIterable {
    case none, biasResidualLeaky, accumulateRelu
}

/// A pass of a convolution, run serially, with its chunks in a given order.
struct Run {
    var conv: lk_conv
    var pass: lk_pass
    var algorithm: lk_algorithm
    var family: lk_family

    /// Whether nothing was written beyond the sizes that were asked for.
    func callAsFunction(_ data: lk_conv_data, weights: Floats, shuffled: Bool) -> Bool {
        withUnsafePointer(to: conv) { conv in
            let sizes = lk_conv_sizes(conv, pass, algorithm)
            // NaN shows whatever is read before it is written.
            let packed = Floats(sizes.packed, .nan), shared = Floats(sizes.shared, .nan)
            let workers = [Floats(sizes.worker, .nan), Floats(sizes.worker, .nan)]
            for chunk in order(sizes.pack_chunks, shuffled) {
                lk_conv_pack(conv, pass, algorithm, chunk, weights.pointer, packed.pointer)
            }
            var data = data
            data.packed = UnsafePointer(packed.pointer)
            data.shared = shared.pointer
            let chunks = [sizes.chunks.0, sizes.chunks.1, sizes.chunks.2, sizes.chunks.3]
            for phase in 0..<sizes.phases {
                for chunk in order(chunks[Int(phase)], shuffled) {
                    let worker = workers[shuffled ? Int(chunk) % 2 : 0].pointer
                    lk_conv_run(conv, pass, algorithm, family, phase, chunk, &data, worker)
                }
            }
            return packed.guardHolds && shared.guardHolds && workers.allSatisfy(\.guardHolds)
        }
    }

    private func order(_ count: Int32, _ shuffled: Bool) -> [Int32] {
        var generator = Noise(UInt64(count))
        let natural = Array(0..<count)
        guard shuffled else { return natural }
        return natural.map { ($0, generator.uniform()) }.sorted { $0.1 < $1.1 }.map(\.0)
    }
}

@Suite struct ConvolutionTests {
    /// The bound on the largest error, relative to the largest value.
    static let bound = 1e-5

    @Test(arguments: convolutionCases) func everyPathMatchesFloat64AndTheOrderOfChunksDoesNotMatter(
        _ test: ConvolutionCase
    ) {
        var noise = Noise(7)
        let x = noise.blocked(
            images: test.images, channels: test.channels, pixels: test.pixels, stride: test.inputStride)
        let dy = noise.blocked(
            images: test.images, channels: test.outputs, pixels: test.outputPixels, stride: test.outputStride)
        let fanIn = Float(test.channels / test.groups * test.taps)
        let weights = noise.floats(test.weightCount, scale: (2 / fanIn).squareRoot())
        let references = test.reference(x: x, dy: dy, weights: weights)
        let conv = test.value
        #expect(withUnsafePointer(to: conv, lk_conv_valid) == 1)
        for pass in passes {
            let reference = references[Int(pass.rawValue)]
            let bias = noise.floats(max(test.channels, test.outputs))
            let initial: Floats
            switch pass {
            case LK_FORWARD:
                initial = noise.blocked(
                    images: test.images, channels: test.outputs, pixels: test.outputPixels, stride: test.outputStride)
            case LK_INPUT_GRADIENT:
                initial = noise.blocked(
                    images: test.images, channels: test.channels, pixels: test.pixels, stride: test.inputStride)
            default: initial = noise.floats(test.weightCount)
            }
            for algorithm in algorithms where supports(conv, pass, algorithm) {
                for family in families {
                    let run = Run(conv: conv, pass: pass, algorithm: algorithm, family: family)
                    for ending in Ending.allCases {
                        let label = "pass \(pass.rawValue), algorithm \(algorithm.rawValue), \(family), \(ending)"
                        let outputs = [false, true].map { shuffled in
                            let output = ending == .accumulateRelu ? initial.copy() : Floats(reference.count, .nan)
                            var data = lk_conv_data()
                            data.input = UnsafePointer(pass == LK_INPUT_GRADIENT ? dy.pointer : x.pointer)
                            data.output_gradient = UnsafePointer(dy.pointer)
                            data.output = output.pointer
                            if ending == .accumulateRelu { data.accumulate = 1 }
                            if pass != LK_WEIGHT_GRADIENT {
                                switch ending {
                                case .none: break
                                case .biasResidualLeaky:
                                    data.bias = UnsafePointer(bias.pointer)
                                    data.residual = UnsafePointer(initial.pointer)
                                    data.activation = Int32(LK_LEAKY_RELU.rawValue)
                                    data.slope = 0.125
                                case .accumulateRelu: data.activation = Int32(LK_RELU.rawValue)
                                }
                            }
                            #expect(run(data, weights: weights, shuffled: shuffled), "overrun, \(label)")
                            #expect(output.guardHolds, "overrun, \(label)")
                            return output
                        }
                        #expect(outputs[0].bits == outputs[1].bits, "order of chunks, \(label)")
                        let error = difference(
                            test, pass, ending, outputs[0], reference, initial: initial, bias: bias)
                        #expect(error <= Self.bound, "\(label)")
                    }
                }
            }
        }
    }

    private func supports(_ conv: lk_conv, _ pass: lk_pass, _ algorithm: lk_algorithm) -> Bool {
        withUnsafePointer(to: conv) { lk_conv_supports($0, pass, algorithm) == 1 }
    }

    /// The largest error relative to the largest value; infinite where an unused lane is not zero or memory between images
    /// was touched.
    private func difference(
        _ test: ConvolutionCase, _ pass: lk_pass, _ ending: Ending, _ output: Floats, _ reference: [Double],
        initial: Floats, bias: Floats
    ) -> Double {
        var largest = 0.0
        var error = 0.0
        let forward = pass == LK_FORWARD, plain = pass == LK_WEIGHT_GRADIENT
        let stride = forward ? test.outputStride : test.inputStride
        let pixels = forward ? test.outputPixels : test.pixels
        let channels = forward ? test.outputs : test.channels
        for index in 0..<reference.count {
            var expected = reference[index]
            if !plain {
                let at = index % stride
                guard at < (channels + 15) / 16 * pixels * 16 else {
                    if !output[index].isNaN { return .infinity }
                    continue
                }
                let channel = at / (pixels * 16) * 16 + at % 16
                guard channel < channels else {
                    if output[index] != 0 { return .infinity }
                    continue
                }
                if ending == .biasResidualLeaky {
                    expected += Double(bias[channel]) + Double(initial[index])
                    if expected < 0 { expected *= 0.125 }
                }
            }
            if ending == .accumulateRelu {
                expected += Double(initial[index])
                if !plain { expected = max(expected, 0) }
            }
            largest = max(largest, abs(expected))
            let apart = abs(Double(output[index]) - expected)
            error = apart <= error ? error : apart
        }
        return error.isNaN ? .infinity : error / largest
    }

    @Test func fourByFourTilesMeetTheBoundAt512Channels() {
        let test = ConvolutionCase(channels: 512, size: [1, 12, 12], outputs: 48)
        everyPathMatchesFloat64AndTheOrderOfChunksDoesNotMatter(test)
    }

    @Test func inconsistentDescriptionsAreRefused() {
        func valid(_ change: (inout lk_conv) -> Void) -> Bool {
            var conv = ConvolutionCase().value
            change(&conv)
            return lk_conv_valid(&conv) == 1
        }
        #expect(valid { _ in })
        #expect(!valid { $0.n = 0 })
        #expect(!valid { $0.groups = 3 })
        #expect(!valid { $0.sw = 0 })
        #expect(!valid { $0.kh = 30 })
        #expect(!valid { $0.kw = .max })
        #expect(!valid { $0.ph0 = -1 })
        #expect(!valid { $0.pad_mode = 3 })
        #expect(!valid { ($0.pad_mode, $0.ph0) = (Int32(LK_REFLECT.rawValue), 8) })
    }

    @Test func theChoiceIsSupportedAndTakesWinogradWhereItWins() {
        func choice(_ test: ConvolutionCase, _ pass: lk_pass = LK_FORWARD) -> lk_algorithm {
            var conv = test.value
            return lk_conv_choose(&conv, pass)
        }
        #expect(choice(.init(channels: 64, size: [1, 128, 128], outputs: 64)) == LK_WINOGRAD4)
        #expect(choice(.init(channels: 1, size: [1, 128, 128], outputs: 64)) == LK_DIRECT)
        #expect(choice(.init(channels: 512, size: [1, 4, 4], outputs: 512)) == LK_DIRECT)
        for test in convolutionCases {
            for pass in passes { #expect(supports(test.value, pass, choice(test, pass))) }
        }
    }

    @Test func aTransposedConvolutionIsTheInputGradientOfAnOrdinaryOne() {
        // 2 channels of 1x2 pixels to 1 channel of 2x4, kernel = stride = 2: every input pixel paints its kernel.
        let test = ConvolutionCase(
            channels: 1, size: [1, 2, 4], outputs: 2, kernel: [1, 2, 2], stride: [1, 2, 2], before: [0, 0, 0])
        let weights = Floats([1, 2, 3, 4, 10, 20, 30, 40])
        let input = Floats(test.outputStride)
        input[0] = 1
        input[1] = 2
        input[16] = -1
        for family in families {
            let output = Floats(test.inputStride)
            var data = lk_conv_data()
            data.input = UnsafePointer(input.pointer)
            data.output = output.pointer
            let run = Run(conv: test.value, pass: LK_INPUT_GRADIENT, algorithm: LK_DIRECT, family: family)
            #expect(run(data, weights: weights, shuffled: false))
            #expect((0..<8).map { output[$0 * 16] } == [21, 42, -1, -2, 63, 84, -3, -4])
        }
    }

    /// FNV-1a of the bits of an output.
    private func hash(_ output: Floats) -> UInt64 {
        output.bits.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }

    @Test func portableResultsAreTheSameBitsOnAnyMachine() {
        // Recorded on x86-64; a compiler that fuses multiply-adds, as on ARM, would change them.
        let golden: [[UInt64]] = [
            [0xDB6B_E44C_9BD6_CDFB, 0x883E_F84F_8906_B1C4, 0x4901_03B4_E761_EF96],
            [0xE59D_C6C2_05AF_9730, 0xA335_D8E5_19F4_8A59, 0x87DA_4878_4BB7_F2B5],
            [0xBAD6_A77A_BC23_1600, 0x2CA5_6D4A_9C1E_E1E3, 0xD718_3518_2199_3BEE],
        ]
        var test = ConvolutionCase(channels: 19, size: [1, 11, 14], outputs: 21)
        test.images = 2
        var noise = Noise(9)
        // Uniform numbers: exact everywhere, unlike logarithms.
        func uniform(_ count: Int) -> Floats { Floats((0..<count).map { _ in Float(noise.uniform() * 2 - 1) }) }
        let x = uniform(test.images * test.inputStride), dy = uniform(test.images * test.outputStride)
        let weights = uniform(test.weightCount)
        for (pass, row) in zip(passes, golden) {
            for (algorithm, expected) in zip(algorithms, row) {
                let count = [dy.count, x.count, weights.count][Int(pass.rawValue)]
                let output = Floats(count)
                var data = lk_conv_data()
                data.input = UnsafePointer(pass == LK_INPUT_GRADIENT ? dy.pointer : x.pointer)
                data.output_gradient = UnsafePointer(dy.pointer)
                data.output = output.pointer
                let run = Run(conv: test.value, pass: pass, algorithm: algorithm, family: LK_PORTABLE)
                #expect(run(data, weights: weights, shuffled: false))
                #expect(hash(output) == expected, "pass \(pass.rawValue), algorithm \(algorithm.rawValue)")
            }
        }
    }
}
