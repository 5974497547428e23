import LucencyFormats
import LucencyFoundation
import LucencyImaging
import Support
import Testing

@Suite struct StoredSampleTests {
    func samples<T: BitwiseCopyable>(
        _ values: [T], _ type: SampleType, width: Int? = nil, channels: Int = 1, planar: Bool = false
    ) throws -> StoredSamples {
        let width = width ?? values.count / channels
        let bytes = values.withUnsafeBytes { AlignedBuffer(Array($0)) }
        return try StoredSamples(
            width: width, height: values.count / channels / width, samplesPerPixel: channels, type: type,
            planar: planar,
            bytes: bytes)
    }

    func floats(_ samples: StoredSamples, inverted: Bool = false) throws -> [Float] {
        let plane = samples.width * samples.height
        var out = [Float](repeating: -7, count: plane * samples.samplesPerPixel)
        var thrown: (any Error)?
        out.withUnsafeMutableBufferPointer { out in
            guard let base = out.baseAddress else { return }
            do {
                try samples.writePlanes(into: base, planeStride: plane, rowStride: samples.width, inverted: inverted)
            } catch { thrown = error }
        }
        if let thrown { throw thrown }
        return out
    }

    func labels(_ samples: StoredSamples, colorChannels: Int = 1, hasAlpha: Bool = false) throws -> [Int32] {
        var out = [Int32](repeating: -7, count: samples.width * samples.height)
        var thrown: (any Error)?
        out.withUnsafeMutableBufferPointer { out in
            guard let base = out.baseAddress else { return }
            do {
                try samples.writeLabels(
                    into: base, rowStride: samples.width, colorChannels: colorChannels, hasAlpha: hasAlpha)
            } catch { thrown = error }
        }
        if let thrown { throw thrown }
        return out
    }

    @Test func `every type becomes the same numbers in float32`() throws {
        #expect(try floats(samples([0, 7, 255] as [UInt8], .uint8)) == [0, 7, 255])
        #expect(try floats(samples([0, 7, 65535] as [UInt16], .uint16)) == [0, 7, 65535])
        #expect(
            try floats(samples([0, 4_294_967_040] as [UInt32], SampleType(.unsigned, bits: 32))) == [0, 4_294_967_040])
        #expect(try floats(samples([1 << 63, 3] as [UInt64], SampleType(.unsigned, bits: 64))) == [0x1p63, 3])
        #expect(try floats(samples([-128, 127] as [Int8], SampleType(.signed, bits: 8))) == [-128, 127])
        #expect(try floats(samples([-32768, 5] as [Int16], SampleType(.signed, bits: 16))) == [-32768, 5])
        #expect(try floats(samples([.min, 5] as [Int32], SampleType(.signed, bits: 32))) == [-0x1p31, 5])
        #expect(try floats(samples([.min, 5] as [Int64], SampleType(.signed, bits: 64))) == [-0x1p63, 5])
        #expect(try floats(samples([0.1, -2] as [Float], .float32)) == [0.1, -2])
        #expect(try floats(samples([0.5, -2] as [Double], SampleType(.float, bits: 64))) == [0.5, -2])
        // 1, -2, 65504, smallest subnormal, -0 in half precision.
        let halves = try floats(samples([0x3c00, 0xc000, 0x7bff, 1, 0x8000] as [UInt16], SampleType(.float, bits: 16)))
        #expect(halves == [1, -2, 65504, 0x1p-24, 0])
        #expect(halves[4].sign == .minus)
    }

    @Test func `values that float32 cannot hold are refused with pixel and value`() throws {
        let wide = diagnostic {
            _ = try floats(samples([1, 2, 3, 16_777_217] as [UInt32], SampleType(.unsigned, bits: 32), width: 2))
        }
        #expect(wide?.code == .inexactValue)
        #expect(wide?.message == "pixel (1, 1) is 16777217 (uint32), which float32 cannot hold exactly")
        let large = diagnostic { _ = try floats(samples([.max] as [UInt64], SampleType(.unsigned, bits: 64))) }
        #expect(large?.message.contains("18446744073709551615") == true)
        #expect(
            diagnostic { _ = try floats(samples([.max] as [Int64], SampleType(.signed, bits: 64))) }?.code
                == .inexactValue)
        #expect(
            diagnostic { _ = try floats(samples([0.1] as [Double], SampleType(.float, bits: 64))) }?.code
                == .inexactValue)
        #expect(
            diagnostic { _ = try floats(samples([1e300] as [Double], SampleType(.float, bits: 64))) }?.code
                == .inexactValue)
        #expect(diagnostic { _ = try floats(samples([0, .nan] as [Float], .float32)) }?.code == .notFinite)
        #expect(
            diagnostic { _ = try floats(samples([-.infinity] as [Double], SampleType(.float, bits: 64))) }?.code
                == .notFinite)
        let half = diagnostic { _ = try floats(samples([0, 0x7c00] as [UInt16], SampleType(.float, bits: 16))) }
        #expect(half?.message == "pixel (1, 0) is inf")
    }

    @Test func `min is white turns values round by their significant bits`() throws {
        #expect(try floats(samples([0, 1] as [UInt8], SampleType(.unsigned, bits: 1)), inverted: true) == [1, 0])
        #expect(
            try floats(samples([0, 4095] as [UInt16], SampleType(.unsigned, bits: 12)), inverted: true) == [4095, 0])
        #expect(try floats(samples([.max] as [UInt64], SampleType(.unsigned, bits: 64)), inverted: true) == [0])
        // Only the first channel is intensity; the second is opacity.
        #expect(try floats(samples([0, 9] as [UInt8], .uint8, channels: 2), inverted: true) == [255, 9])
        #expect(
            diagnostic { _ = try floats(samples([0] as [Int8], SampleType(.signed, bits: 8)), inverted: true) }?.code
                == .unsupportedFeature)
    }

    @Test func `chunky and planar samples give the same planes`() throws {
        #expect(try floats(samples([1, 2, 3, 4, 5, 6] as [UInt8], .uint8, channels: 3)) == [1, 4, 2, 5, 3, 6])
        #expect(
            try floats(samples([1, 4, 2, 5, 3, 6] as [UInt8], .uint8, channels: 3, planar: true)) == [1, 4, 2, 5, 3, 6])
    }

    @Test func `a window is cut to what is there`() throws {
        let samples = try samples([0, 1, 2, 3, 4, 5, 6, 7, 8] as [UInt8], .uint8, width: 3)
        var out = [Float](repeating: -1, count: 8)
        out.withUnsafeMutableBufferPointer { out in
            guard let base = out.baseAddress else { return }
            _ = diagnostic {
                try samples.writePlanes(
                    into: base, planeStride: 8, rowStride: 4, window: .init(x: 1, y: 1, width: 9, height: 9))
            }
        }
        #expect(out == [4, 5, -1, -1, 7, 8, -1, -1])
    }

    @Test func `labels are integers of 32 bits, gray and opaque`() throws {
        #expect(try labels(samples([0, 2.0, -3] as [Float], .float32)) == [0, 2, -3])
        #expect(try labels(samples([7, 7, 7, 9, 9, 9] as [UInt8], .uint8, channels: 3), colorChannels: 3) == [7, 9])
        #expect(try labels(samples([7, 255, 9, 255] as [UInt8], .uint8, channels: 2), hasAlpha: true) == [7, 9])
        let fraction = diagnostic { _ = try labels(samples([1, 0.5] as [Float], .float32)) }
        #expect(fraction?.code == .badLabel && fraction?.message.contains("pixel (1, 0) is 0.5") == true)
        #expect(
            diagnostic { _ = try labels(samples([1 << 31] as [UInt32], SampleType(.unsigned, bits: 32))) }?.code
                == .badLabel)
        #expect(
            diagnostic { _ = try labels(samples([.min] as [Int64], SampleType(.signed, bits: 64))) }?.code == .badLabel)
        #expect(
            diagnostic { _ = try labels(samples([.nan] as [Double], SampleType(.float, bits: 64))) }?.code == .badLabel)
        let color = diagnostic { _ = try labels(samples([7, 7, 8] as [UInt8], .uint8, channels: 3), colorChannels: 3) }
        #expect(color?.code == .channelMismatch)
        let clear = diagnostic { _ = try labels(samples([7, 254] as [UInt8], .uint8, channels: 2), hasAlpha: true) }
        #expect(clear?.code == .channelMismatch)
        #expect(
            diagnostic { _ = try labels(samples([7, 254] as [UInt8], .uint8, channels: 2)) }?.code == .channelMismatch)
    }

    @Test func `facts do not depend on where bands are cut`() throws {
        let values = (0..<100_000).map { UInt16(truncatingIfNeeded: $0 &* 7919) }
        let whole = try samples(values, .uint16).facts()
        var statistics = StoredStatistics()
        values.withUnsafeBytes { bytes in
            for start in stride(from: 0, to: bytes.count, by: 30_002) {
                statistics.add(
                    UnsafeRawBufferPointer(rebasing: bytes[start..<min(bytes.count, start + 30_002)]), type: .uint16)
            }
        }
        #expect(statistics.facts() == whole)
        #expect(whole.mean == values.reduce(0.0) { $0 + Double($1) } / 100_000)
        #expect(whole.min == Double(values.min() ?? 0) && whole.max == Double(values.max() ?? 0))
    }

    @Test func `facts of every type`() throws {
        let signed = try samples([-5, 3, 5] as [Int32], SampleType(.signed, bits: 32)).facts()
        #expect(signed.min == -5 && signed.max == 5 && signed.mean == 1)
        let wide = try samples([0, .max] as [UInt64], SampleType(.unsigned, bits: 64)).facts()
        #expect(wide.max == 0x1p64 && wide.mean == 0x1p63)
        let many = (0..<37).map { Float($0) - 18 }
        let floats = try samples(many, .float32).facts()
        #expect(floats.min == -18 && floats.max == 18 && floats.mean == 0)
        for position in [0, 20, 36] {
            var broken = many
            broken[position] = .nan
            let facts = try samples(broken, .float32).facts()
            #expect(facts.min.isNaN && facts.max.isNaN && facts.mean.isNaN)
        }
    }
}

@Suite struct QuantizerTests {
    let types: [SampleType] = [.uint8, .uint16, .float32, SampleType(.signed, bits: 16)]

    @Test func `the stored depth is kept where the format has it`() throws {
        func target(_ stored: SampleType?, _ types: [SampleType], _ value: Float = 3) throws -> SampleType {
            try Quantizer(
                for: testImage(2, 1, stored: stored) { _ in value }, options: .init(), supported: types, format: "tiff"
            )
            .target
        }
        #expect(try target(.uint8, types) == .uint8)
        #expect(try target(SampleType(.unsigned, bits: 12), types) == .uint16)
        #expect(try target(SampleType(.signed, bits: 12), types) == SampleType(.signed, bits: 16))
        #expect(try target(.float32, types, 0.5) == .float32)
        #expect(try target(nil, types) == .uint8)
        #expect(try target(nil, types, 300) == .uint16)
        #expect(try target(nil, types, 0.5) == .float32)
        // Without signed samples, values decide.
        #expect(try target(SampleType(.signed, bits: 16), [.uint8, .uint16]) == .uint8)
        #expect(diagnostic { _ = try target(nil, [.uint8, .uint16], 0.5) }?.code == .wouldLoseData)
        #expect(
            diagnostic { _ = try target(SampleType(.signed, bits: 16), [.uint8, .uint16], -1) }?.code == .wouldLoseData)
    }

    @Test func `what would be lost is named with pixel and remedy`() throws {
        func encode(_ values: [Float], bits: Int?) throws -> [UInt8] {
            let image = try testImage(values.count, 1, stored: .uint8) { values[$0] }
            let quantizer = try Quantizer(for: image, options: .init(bits: bits), supported: types, format: "png")
            var out = [UInt8](repeating: 0, count: values.count * 4)
            var thrown: (any Error)?
            out.withUnsafeMutableBytes { out in
                guard let base = out.baseAddress else { return }
                do { try quantizer.encode(image, rows: 0..<1, into: base) } catch { thrown = error }
            }
            if let thrown { throw thrown }
            return Array(out.prefix(values.count))
        }
        #expect(try encode([0, 255, 7], bits: 8) == [0, 255, 7])
        let fraction = diagnostic { _ = try encode([1, 2.5], bits: nil) }
        #expect(fraction?.message == "pixel (1, 0) is 2.5, which has a fraction for 8-bit PNG samples")
        #expect(fraction?.remedy?.hasPrefix("round the values (`round: true`)") == true)
        #expect(fraction?.remedy?.contains("rescale") == true)
        let large = diagnostic { _ = try encode([1, 256], bits: 8) }
        #expect(large?.message == "pixel (1, 0) is 256.0, which is too large for 8-bit PNG samples")
        #expect(large?.remedy?.hasPrefix("write 16 bits") == true)
        #expect(diagnostic { _ = try encode([-1], bits: 8) }?.message.contains("is negative") == true)
        #expect(diagnostic { _ = try encode([-1], bits: 12) }?.code == .unsupportedFeature)
    }

    @Test(
        arguments: [
            SampleType.uint8, .uint16, SampleType(.unsigned, bits: 32), SampleType(.signed, bits: 8),
            SampleType(.signed, bits: 16), SampleType(.signed, bits: 32),
        ], [1, 3])
    func `rounding goes to the nearest, half to even, up to the ends of the range`(
        type: SampleType, channels: Int
    ) throws {
        let range = try #require(type.integerRange)
        let low = Float(range.lowerBound), high = Float(range.upperBound)
        func rounded(_ values: [Float]) throws -> [Float] {
            let image = try Image(
                geometry: Geometry(size: GridSize(values.count / channels, 1)),
                colorModel: channels == 1 ? .gray : .rgb, pixels: AlignedBuffer(values),
                origin: Origin(stored: type))
            let quantizer = try Quantizer(for: image, options: .init(round: true), supported: [type], format: "tiff")
            #expect(quantizer.target == type)
            var out = [UInt8](repeating: 0, count: values.count * 4)
            var thrown: (any Error)?
            var stored: [Float] = []
            out.withUnsafeMutableBytes { out in
                guard let base = out.baseAddress else { return }
                do { try quantizer.encode(image, rows: 0..<1, into: base) } catch { thrown = error }
                for i in 0..<values.count {
                    let place = i / (values.count / channels) + i % (values.count / channels) * channels
                    switch (type.kind, type.bits) {
                    case (.unsigned, 8): stored.append(Float(out[place]))
                    case (.unsigned, 16): stored.append(Float(out.load(fromByteOffset: 2 * place, as: UInt16.self)))
                    case (.unsigned, _): stored.append(Float(out.load(fromByteOffset: 4 * place, as: UInt32.self)))
                    case (_, 8): stored.append(Float(out.load(fromByteOffset: place, as: Int8.self)))
                    case (_, 16): stored.append(Float(out.load(fromByteOffset: 2 * place, as: Int16.self)))
                    default: stored.append(Float(out.load(fromByteOffset: 4 * place, as: Int32.self)))
                    }
                }
            }
            if let thrown { throw thrown }
            return stored
        }
        var values: [Float] = [0, 0.5, 1.5, 2.5, 2.4999998, 2.5000002, 99.49, 99.51, 0.49999997, -0.5, -0.25, 100.5]
        if type.bits < 32 { values += [high, high - 0.5, high + 0.49, low - 0.49, low, low + 0.5] }
        let expected = values.map { $0.rounded(.toNearestOrEven) + 0 }
        #expect(try rounded(values) == expected)
        var beyond: [Float] = [2 * high, -2 * high - 2]
        if type.bits < 32 { beyond += [high + 0.5, (low - 0.5).nextDown] }
        for value in beyond {
            let lost = diagnostic { _ = try rounded([1, 2, value, 0, 3, 0.5]) }
            #expect(lost?.code == .wouldLoseData)
            #expect(lost?.message.contains("the values reach from") == true)
        }
    }

    @Test func `rounding refuses what lies beyond the range, with how far, and another mapping beside it`() throws {
        let image = try testImage(3, 1, stored: .uint8) { [0.4, 255.7, -3.25][$0] }
        var bytes = [UInt8](repeating: 0, count: 3)
        let quantizer = try Quantizer(
            for: image, options: .init(round: true), supported: [.uint8, .uint16], format: "png")
        var lost: Diagnostic?
        bytes.withUnsafeMutableBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            lost = diagnostic { try quantizer.encode(image, rows: 0..<1, into: base) }
        }
        let message =
            "pixel (1, 0) is 255.7, which is too large for 8-bit PNG samples of 0...255; the values reach from "
            + "-3.25 to 255.7"
        #expect(lost?.message == message)
        #expect(lost?.remedy?.contains("`normalize` with `method: {uses: window, with: {low: 0, high: 255}}`") == true)
        #expect(lost?.remedy?.contains("round: true") == false)
        let others = [
            WriteOptions(rescale: true, round: true), WriteOptions(unit: true, round: true),
            WriteOptions(float: true, round: true),
        ]
        for options in others {
            let refused = diagnostic {
                _ = try Quantizer(for: image, options: options, supported: types, format: "tiff")
            }
            #expect(refused?.code == .badArgument)
            #expect(refused?.message.hasPrefix("`round` and") == true)
        }
    }

    @Test func `rescale maps the stored range, else the image's own`() throws {
        func rescaled(_ values: [Float], _ stored: SampleType?, bits: Int?) throws -> [UInt8] {
            let image = try testImage(values.count, 1, stored: stored) { values[$0] }
            let quantizer = try Quantizer(
                for: image, options: .init(bits: bits, rescale: true), supported: [.uint8, .uint16], format: "png")
            var out = [UInt8](repeating: 0, count: values.count)
            var thrown: (any Error)?
            out.withUnsafeMutableBytes { out in
                guard let base = out.baseAddress, quantizer.target == .uint8 else { return }
                do { try quantizer.encode(image, rows: 0..<1, into: base) } catch { thrown = error }
            }
            if let thrown { throw thrown }
            return out
        }
        #expect(try rescaled([0, 65535, 32768], .uint16, bits: 8) == [0, 255, 128])
        #expect(try rescaled([0, 1], SampleType(.unsigned, bits: 1), bits: nil) == [0, 255])
        #expect(try rescaled([-1, 1, 0], .uint8, bits: 8) == [0, 255, 128])
        #expect(try rescaled([0.25, 0.25], nil, bits: 8) == [0, 0])
        let unknown = diagnostic { _ = try rescaled([0.25, 0.5], nil, bits: nil) }
        #expect(unknown?.code == .wouldLoseData && unknown?.remedy?.contains("bits: 8") == true)
    }
}
