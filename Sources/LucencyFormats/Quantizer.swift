import LucencyFoundation
import LucencyImaging

/// Turns an image's floats into the samples of a file: exactly, rounded (with `round`), or mapped to the full range (with
/// `rescale`).
package struct Quantizer: Sendable {
    /// What is written: an integer type of 8, 16 or 32 bits, or `float32`.
    package let target: SampleType
    private let format: String
    /// `written = (value − low) · scale`, rounded to nearest; nil writes values as they are.
    private let mapping: (low: Double, scale: Double)?
    private let alphaMapping: (low: Double, scale: Double)?
    private let hasAlpha: Bool
    /// Whether fractions are rounded, half to even, instead of refused.
    private let rounds: Bool

    /// Chooses the samples for an image.
    ///
    /// Without `bits` the stored depth is kept: the smallest supported type that holds the stored type. An image that no
    /// file stands behind takes the smallest unsigned type that holds all its values, else `float32` if the format has it.
    /// With `round`, images of stored floats take the smallest unsigned type too, and values count as rounded.
    ///
    /// With `rescale`, the stored integer type's range is mapped to the full range if the values lie within it (so a
    /// series keeps one scale), else the image's own minimum...maximum. Opacity is mapped from the stored range, else 0...1.
    /// - Parameters:
    ///   - supported: what the format can store.
    ///   - format: its name, for messages.
    /// - Throws: `.unsupportedFeature`, or `.wouldLoseData` naming the first value that would be lost and the remedy.
    package init(for image: Image, options: WriteOptions, supported: [SampleType], format: String) throws(Diagnostic) {
        self.format = format
        hasAlpha = image.colorModel.hasAlpha
        rounds = options.round
        try Self.requireOneMeaning(options)
        target = try Self.choose(image, options, supported, format)
        guard options.isMapped, let full = target.integerRange else {
            guard !options.isMapped else {
                let name = options.unit ? "unit" : "rescale"
                throw Diagnostic(.badArgument, "`\(name)` has no meaning for float samples", remedy: "leave it out")
            }
            mapping = nil
            alphaMapping = nil
            return
        }
        let colors = hasAlpha ? image.channels - 1 : image.channels
        let own = Self.range(of: image, channels: 0..<colors)
        let stored = options.unit ? 0...1 : image.origin?.stored.integerRange
        if options.unit, own.lowerBound < 0 || own.upperBound > 1 {
            throw Diagnostic(
                .wouldLoseData,
                "`unit` stores values of 0...1, and there are values from \(own.lowerBound) to \(own.upperBound)",
                remedy: "write `rescale: true`, which stores their own range")
        }
        func map(_ range: ClosedRange<Double>) -> (Double, Double) {
            let width = range.upperBound - range.lowerBound
            return (range.lowerBound, width > 0 ? (full.upperBound - full.lowerBound) / width : 0)
        }
        func contains(_ range: ClosedRange<Double>?, _ values: ClosedRange<Double>) -> ClosedRange<Double>? {
            range.flatMap { $0.contains(values.lowerBound) && $0.contains(values.upperBound) ? $0 : nil }
        }
        mapping = map(contains(stored, own) ?? own)
        if hasAlpha {
            let opacity = Self.range(of: image, channels: colors..<image.channels)
            guard let range = contains(stored, opacity) ?? contains(0...1, opacity) else {
                throw Diagnostic(
                    .wouldLoseData, "opacities from \(opacity.lowerBound) to \(opacity.upperBound) have no scale")
            }
            alphaMapping = map(range)
        } else {
            alphaMapping = nil
        }
    }

    /// Writes rows of one plane, interleaved (y, x, c), native endian.
    ///
    /// - Parameters:
    ///   - out: room for `rows.count * width * channels` samples of `target`.
    ///   - channel: only this channel (planar files); nil writes all, interleaved.
    /// - Throws: `.wouldLoseData` naming the first value that the target cannot hold.
    package func encode(
        _ image: Image, z: Int = 0, rows: Range<Int>, channel: Int? = nil, into out: UnsafeMutableRawPointer
    ) throws(Diagnostic) {
        switch (target.kind, target.unpackedBytes) {
        case (.unsigned, 1): try integers(image, z, rows, channel, out, UInt8.self)
        case (.unsigned, 2): try integers(image, z, rows, channel, out, UInt16.self)
        case (.unsigned, _): try integers(image, z, rows, channel, out, UInt32.self)
        case (.signed, 1): try integers(image, z, rows, channel, out, Int8.self)
        case (.signed, 2): try integers(image, z, rows, channel, out, Int16.self)
        case (.signed, _): try integers(image, z, rows, channel, out, Int32.self)
        case (.float, _):
            let out = out.assumingMemoryBound(to: Float.self)
            try each(image, z, rows, channel) { source, start, step, _ in
                for x in 0..<image.size.x { out[start &+ x &* step] = source[x] }
                return nil
            }
        }
    }

    /// Probabilities 0...1 as integers of the full range, rounded to nearest; or unchanged as `float32`.
    /// - Parameter out: room for as many samples of `target` (`uint8`, `uint16` or `float32`).
    package static func encode(
        probabilities values: UnsafeBufferPointer<Float>, as target: SampleType, into out: UnsafeMutableRawPointer
    ) {
        switch (target.kind, target.unpackedBytes) {
        case (.float, _):
            let out = out.assumingMemoryBound(to: Float.self)
            for i in 0..<values.count { out[i] = values[i] }
        case (_, 1): unit(values, 255, out.assumingMemoryBound(to: UInt8.self))
        default: unit(values, 65535, out.assumingMemoryBound(to: UInt16.self))
        }
    }

    private static func unit<T: FixedWidthInteger>(
        _ values: UnsafeBufferPointer<Float>, _ full: Float, _ out: UnsafeMutablePointer<T>
    ) {
        for i in 0..<values.count {
            let scaled = values[i] * full
            let bounded = scaled > 0 ? (scaled < full ? scaled : full) : 0
            out[i] = T(truncatingIfNeeded: (bounded + 0x1p23).bitPattern)
        }
    }

    private func integers<T: FixedWidthInteger>(
        _ image: Image, _ z: Int, _ rows: Range<Int>, _ channel: Int?, _ raw: UnsafeMutableRawPointer, _: T.Type
    ) throws(Diagnostic) {
        let out = raw.assumingMemoryBound(to: T.self)
        let low = Double(T.min), high = Double(T.max), width = image.size.x
        try each(image, z, rows, channel) { source, start, step, plane in
            let out = out + start
            if let mapping = hasAlpha && plane == image.channels - 1 ? alphaMapping : mapping {
                // Targets of a mapping are unsigned, so that adding 2^52 leaves the rounded integer in the low bits.
                let offset = mapping.low, scale = mapping.scale
                for x in 0..<width {
                    let value = (Double(source[x]) - offset) * scale
                    let bounded = value > 0 ? (value < high ? value : high) : 0
                    out[x &* step] = T(truncatingIfNeeded: (bounded + 0x1p52).bitPattern)
                }
                return nil
            }
            if rounds { return Self.round(source, out, step, width) }
            var good = true
            if T.isSigned || T.bitWidth > 16 {
                for x in 0..<width {
                    let value = Double(source[x])
                    let stored = T(min(max(value, low), high))
                    out[x &* step] = stored
                    good = good && Double(stored) == value
                }
            } else {
                // As above with 2^23; whatever lies outside, or has a fraction, does not come back equal.
                var difference: UInt32 = 0
                if step == 1 {
                    for x in 0..<width { difference |= Self.store(source[x], out, x) }
                } else {
                    for x in 0..<width { difference |= Self.store(source[x], out, x &* step) }
                }
                // Minus zero differs in its sign only, and is none.
                good = difference & 0x7fff_ffff == 0
            }
            return good ? nil : (0..<width).first { Double(out[$0 &* step]) != Double(source[$0]) }
        }
    }

    /// Stores a row rounded, half to even.
    /// - Returns: the first column whose rounded value the samples cannot hold.
    private static func round<T: FixedWidthInteger>(
        _ source: UnsafePointer<Float>, _ out: UnsafeMutablePointer<T>, _ step: Int, _ width: Int
    ) -> Int? {
        var good = true
        if T.isSigned || T.bitWidth > 16 {
            let low = Double(T.min), high = Double(T.max)
            for x in 0..<width {
                let value = Double(source[x]).rounded(.toNearestOrEven)
                out[x &* step] = T(min(max(value, low), high))
                good = good && value >= low && value <= high
            }
        } else if step == 1 {
            for x in 0..<width { good = storeRounded(source[x], out, x) && good }
        } else {
            for x in 0..<width { good = storeRounded(source[x], out, x &* step) && good }
        }
        return good
            ? nil
            : (0..<width).first { column in
                let value = Double(source[column]).rounded(.toNearestOrEven)
                return !(value >= Double(T.min) && value <= Double(T.max))
            }
    }

    /// Stores the low bits of a value that is rounded by adding 2^23, having been bounded to where that works.
    /// - Returns: whether the rounded value lies in the range of an unsigned type of at most 16 bits, whose greatest value is
    ///   odd, so that half a step beyond it rounds away from it.
    @inline(__always)
    private static func storeRounded<T: FixedWidthInteger>(
        _ value: Float, _ out: UnsafeMutablePointer<T>, _ index: Int
    ) -> Bool {
        let high = Float(T.max)
        let bounded = value > 0 ? (value < high ? value : high) : 0
        out[index] = T(truncatingIfNeeded: (bounded + 0x1p23).bitPattern)
        return value >= -0.5 && value < high + 0.5
    }

    /// Stores a value's low bits.
    /// - Returns: in which bits the stored value and the given one differ.
    @inline(__always)
    private static func store<T: FixedWidthInteger>(
        _ value: Float, _ out: UnsafeMutablePointer<T>, _ index: Int
    ) -> UInt32 {
        let stored = T(truncatingIfNeeded: (value + 0x1p23).bitPattern)
        out[index] = stored
        return Float(Int32(truncatingIfNeeded: stored)).bitPattern ^ value.bitPattern
    }

    /// Calls `body` with each row of each channel, and where its samples go; `body` returns the first lost column.
    private func each(
        _ image: Image, _ z: Int, _ rows: Range<Int>, _ channel: Int?,
        _ body: (UnsafePointer<Float>, _ start: Int, _ step: Int, _ plane: Int) -> Int?
    ) throws(Diagnostic) {
        let size = image.size
        guard z >= 0, z < size.z, rows.lowerBound >= 0, rows.upperBound <= size.y,
            channel.map({ $0 >= 0 && $0 < image.channels }) ?? true
        else { throw Diagnostic(.regionOutside, "rows \(rows) of plane \(z) lie outside the grid of \(size)") }
        let planes = channel.map { $0..<$0 + 1 } ?? 0..<image.channels
        let lost: Diagnostic? = image.pixels.withUnsafeBufferPointer { pixels in
            guard let base = pixels.baseAddress else { return nil }
            for row in rows {
                for plane in planes {
                    let source = base + ((plane &* size.z &+ z) &* size.y &+ row) &* size.x
                    let start = (row &- rows.lowerBound) &* size.x &* planes.count &+ (plane &- planes.lowerBound)
                    if let x = body(source, start, planes.count, plane) {
                        return Self.loss(image, source[x], (x, row, z), plane, target, format, rounds)
                    }
                }
            }
            return nil
        }
        if let lost { throw lost }
    }
}

extension Quantizer {
    private static func choose(
        _ image: Image, _ options: WriteOptions, _ supported: [SampleType], _ format: String
    ) throws(Diagnostic) -> SampleType {
        let name = format.uppercased()
        if options.float {
            guard supported.contains(.float32), options.bits == nil || options.bits == 32 else {
                throw Diagnostic(
                    .unsupportedFeature, "\(name) cannot store \(options.bits ?? 32)-bit float samples",
                    remedy: supported.contains(.float32) ? "use `bits: 32` with `float`" : "write `.tif` instead")
            }
            return .float32
        }
        let stored = image.origin?.stored
        let integers = supported.filter { $0.kind != .float }.sorted { $0.bits < $1.bits }
        let unsigned = integers.filter { $0.kind == .unsigned }
        if let bits = options.bits {
            let fits = integers.filter { $0.bits == bits && (!options.isMapped || $0.kind == .unsigned) }
            guard
                let chosen = fits.first(where: { $0.kind == stored?.kind })
                    ?? fits.first(where: { $0.kind == .unsigned })
            else {
                let known = unsigned.map { "\($0.bits)" }.joined(separator: ", ")
                throw Diagnostic(
                    .unsupportedFeature, "\(name) is not written with \(bits) bits here; it can have \(known)")
            }
            return chosen
        }
        if let stored, stored.kind != .float {
            let kinds = options.isMapped ? unsigned : integers.filter { $0.kind == stored.kind }
            if let keep = kinds.first(where: { $0.bits >= stored.bits }) { return keep }
        }
        guard !options.isMapped else {
            throw Diagnostic(
                .wouldLoseData, "there is no stored depth to rescale to", remedy: "say `bits: 8` or `bits: 16`")
        }
        let canFloat = supported.contains(.float32) && !options.round
        if stored?.kind == .float, canFloat { return .float32 }
        if let chosen = unsigned.first(where: { firstLoss(image, $0, options.round) == nil }) { return chosen }
        if canFloat { return .float32 }
        let widest = unsigned.last ?? .uint16
        guard let index = firstLoss(image, widest, options.round) else { return widest }
        let size = image.size
        throw loss(
            image, image.pixels[index], (index % size.x, index / size.x % size.y, index / (size.x * size.y) % size.z),
            index / size.count, widest, format, options.round)
    }

    private static func requireOneMeaning(_ options: WriteOptions) throws(Diagnostic) {
        let others = [("rescale", options.rescale), ("unit", options.unit), ("float", options.float)]
        guard options.round, let other = others.first(where: \.1)?.0 else { return }
        throw Diagnostic(
            .badArgument, "`round` and `\(other)` exclude each other",
            remedy: other == "float" ? "leave one of them out" : "leave `round` out: `\(other)` rounds what it maps")
    }

    /// Index of the first value that an integer type cannot hold: exactly, or rounded.
    private static func firstLoss(_ image: Image, _ type: SampleType, _ rounds: Bool) -> Int? {
        guard let range = type.integerRange else { return nil }
        let low = Float(range.lowerBound), high = Double(range.upperBound)
        if rounds {
            return image.pixels.withUnsafeBufferPointer { values in
                values.firstIndex { !range.contains(Double($0).rounded(.toNearestOrEven)) }
            }
        }
        return image.pixels.withUnsafeBufferPointer { values in
            values.firstIndex { !($0 >= low && Double($0) <= high && $0.rounded(.towardZero) == $0) }
        }
    }

    private static func range(of image: Image, channels: Range<Int>) -> ClosedRange<Double> {
        let count = image.size.count
        return image.pixels.withUnsafeBufferPointer { values in
            var low = Float.infinity, high = -Float.infinity
            for i in channels.lowerBound * count..<channels.upperBound * count {
                low = values[i] < low ? values[i] : low
                high = values[i] > high ? values[i] : high
            }
            return low <= high ? Double(low)...Double(high) : 0...0
        }
    }

    private static func loss(
        _ image: Image, _ value: Float, _ pixel: (x: Int, y: Int, z: Int), _ channel: Int, _ target: SampleType,
        _ format: String, _ rounds: Bool
    ) -> Diagnostic {
        let place = image.size.isPlanar ? "(\(pixel.x), \(pixel.y))" : "(\(pixel.x), \(pixel.y), \(pixel.z))"
        let number = Double(value)
        let fraction = !rounds && value.rounded() != value
        let range = target.integerRange ?? 0...0
        let why = fraction ? "has a fraction" : number < range.lowerBound ? "is negative" : "is too large"
        let fits = range.contains(number.rounded(.toNearestOrEven))
        var remedies = fraction && fits ? ["round the values (`round: true`)"] : []
        if !fraction, number >= 0, number.rounded(.toNearestOrEven) <= 65535, target.bits < 16 {
            remedies.append("write 16 bits (`bits: 16`)")
        }
        remedies.append("map the values to the full range (`rescale: true`)")
        remedies.append(format == "png" ? "write `.tif` with `float: true`" : "write `float: true`")
        let channelText = image.channels > 1 ? " of channel \(channel)" : ""
        var extent = ""
        if rounds, target.kind != .float {
            let own = Self.range(of: image, channels: 0..<image.channels)
            let (low, high) = (Int(range.lowerBound), Int(range.upperBound))
            extent = " of \(low)...\(high); the values reach from \(Float(own.lowerBound)) to \(Float(own.upperBound))"
            remedies.insert(
                "cut what lies beyond: `normalize` with `method: {uses: window, with: {low: \(low), high: \(high)}}`, then "
                    + "`unit: true` instead of `round`", at: remedies.count - 2)
        }
        return Diagnostic(
            .wouldLoseData,
            "pixel \(place)\(channelText) is \(value), which \(why) for \(target.bits)-bit \(format.uppercased()) samples\(extent)",
            remedy: remedies.joined(separator: ", or "))
    }
}

extension WriteOptions {
    /// Whether values are mapped to the full range of the target.
    fileprivate var isMapped: Bool { rescale || unit }
}
