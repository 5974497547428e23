import LucencyFoundation

/// A plan of our own, of any length: four lines are transformed side by side, in a layout of theirs.
///
/// Rows of an even number of reals are transformed as half as many complex numbers.
final class BuiltInPlan: LinePlan {
    private enum Engine: Sendable {
        case mixed(MixedRadix)
        case chirp(Bluestein)

        init?(_ length: Int) {
            if let mixed = MixedRadix(length) {
                self = .mixed(mixed)
            } else if let chirp = Bluestein(length) {
                self = .chirp(chirp)
            } else {
                return nil
            }
        }

        /// Numbers of each of two working arrays.
        var workLength: Int {
            switch self {
            case .mixed(let mixed): mixed.length
            case .chirp(let chirp): chirp.workLength
            }
        }

        func execute(
            _ values: UnsafeMutablePointer<Lanes>, _ other: UnsafeMutablePointer<Lanes>
        ) -> UnsafeMutablePointer<Lanes> {
            switch self {
            case .mixed(let mixed): mixed.execute(values, other)
            case .chirp(let chirp): chirp.execute(values, other)
            }
        }
    }

    private let length: Int
    private let kind: LineKind
    private let engine: Engine
    /// `exp(−2πi k/length)` for k up to a half, where a row is transformed as half as many numbers; else empty.
    private let halves: [SIMD2<Float>]
    private static let lanes = 4

    init?(_ length: Int, _ kind: LineKind) {
        guard length >= 1, length <= Int32.max else { return nil }
        let isReal = kind == .realToComplex || kind == .complexToReal
        let isHalved = isReal && length % 2 == 0
        guard let engine = Engine(isHalved ? length / 2 : length) else { return nil }
        self.length = length
        self.kind = kind
        self.engine = engine
        halves = isHalved ? (0...length / 2).map { MixedRadix.root($0, of: length) } : []
    }

    /// One number more than a complex transform takes: real rows have the highest frequency, too.
    private var arrayLength: Int { engine.workLength + 1 }
    var scratchCount: Int { (2 * arrayLength * MemoryLayout<Lanes>.stride / 4 + 15) / 16 * 16 }

    private func arrays(
        _ scratch: UnsafeMutablePointer<Float>
    ) -> (UnsafeMutablePointer<Lanes>, UnsafeMutablePointer<Lanes>) {
        let first = UnsafeMutableRawPointer(scratch).assumingMemoryBound(to: Lanes.self)
        return (first, first + arrayLength)
    }

    // MARK: Columns

    func execute(
        columns: Int, at origin: UnsafeMutablePointer<SIMD2<Float>>, step: Int, scratch: UnsafeMutablePointer<Float>
    ) {
        let (values, other) = arrays(scratch)
        for first in stride(from: 0, to: columns, by: Self.lanes) {
            lines(
                values, other, at: UnsafeMutableRawPointer(origin + first).assumingMemoryBound(to: Float.self),
                count: min(Self.lanes, columns - first), across: 2, along: 2 * step)
        }
    }

    private func lines(
        _ values: UnsafeMutablePointer<Lanes>, _ other: UnsafeMutablePointer<Lanes>,
        at origin: UnsafeMutablePointer<Float>,
        count: Int, across: Int, along: Int
    ) {
        Self.gather(values, length, origin, count, across, along)
        let isBackward = kind == .backward
        if isBackward { for n in 0..<length { values[n] = values[n].swapped } }
        let result = engine.execute(values, other)
        if isBackward { for n in 0..<length { result[n] = result[n].swapped } }
        Self.scatter(result, length, origin, count, across, along)
    }

    // MARK: Rows

    func execute(
        rows count: Int, at rows: UnsafeMutablePointer<Float>, stride: Int, scratch: UnsafeMutablePointer<Float>
    ) {
        let (values, other) = arrays(scratch)
        var first = 0
        while first < count {
            let some = min(Self.lanes, count - first), origin = rows + first * stride
            switch kind {
            case .realToComplex: toComplex(values, other, origin, some, stride)
            case .complexToReal: toReals(values, other, origin, some, stride)
            case .forward, .backward: lines(values, other, at: origin, count: some, across: stride, along: 2)
            }
            first += some
        }
    }

    private func toComplex(
        _ values: UnsafeMutablePointer<Lanes>, _ other: UnsafeMutablePointer<Lanes>,
        _ origin: UnsafeMutablePointer<Float>,
        _ count: Int, _ stride: Int
    ) {
        guard !halves.isEmpty else {
            for n in 0..<length {
                var reals = SIMD4<Float>.zero
                for lane in 0..<count { reals[lane] = origin[lane &* stride &+ n] }
                values[n] = Lanes(re: reals, im: .zero)
            }
            let result = engine.execute(values, other)
            Self.scatter(result, length / 2 + 1, origin, count, stride, 2)
            return
        }
        // Even samples are the real parts, odd ones the imaginary parts.
        let half = length / 2
        Self.gather(values, half, origin, count, stride, 2)
        let result = engine.execute(values, other)
        result[half] = result[0]
        for k in 0...half / 2 {
            let a = result[k], b = result[half - k].conjugate
            let even = (a + b) * 0.5, odd = (a - b).turned * 0.5
            let c = even + odd * halves[k], d = even.conjugate + odd.conjugate * halves[half - k]
            result[half - k] = d
            result[k] = c
        }
        Self.scatter(result, half + 1, origin, count, stride, 2)
    }

    private func toReals(
        _ values: UnsafeMutablePointer<Lanes>, _ other: UnsafeMutablePointer<Lanes>,
        _ origin: UnsafeMutablePointer<Float>,
        _ count: Int, _ stride: Int
    ) {
        Self.gather(values, length / 2 + 1, origin, count, stride, 2)
        // The mean is real, whatever stands there; so is the highest frequency of an even length.
        values[0].im = .zero
        guard !halves.isEmpty else {
            for k in 1..<max(1, length / 2 + 1) {
                values[length - k] = values[k].conjugate.swapped
                values[k] = values[k].swapped
            }
            values[0] = values[0].swapped
            let result = engine.execute(values, other)
            for n in 0..<length {
                let reals = result[n].im
                for lane in 0..<count { origin[lane &* stride &+ n] = reals[lane] }
            }
            return
        }
        let half = length / 2
        values[half].im = .zero
        for k in 0...half / 2 {
            let a = values[k], b = values[half - k].conjugate
            let even = a + b, odd = a - b
            // i·conj(w)·odd, and the same for the mirrored number, whose sum and difference are these conjugated.
            let w = halves[k], v = halves[half - k]
            let c = even + odd * SIMD2(w.y, w.x), d = even.conjugate - odd.conjugate * SIMD2(v.y, v.x)
            values[half - k] = d.swapped
            values[k] = c.swapped
        }
        let result = engine.execute(values, other)
        for n in 0..<half { result[n] = result[n].swapped }
        Self.scatter(result, half, origin, count, stride, 2)
    }

    // MARK: Lanes

    /// Brings lines of complex numbers together; `across` and `along` are floats from line to line and from number to
    /// number.
    private static func gather(
        _ values: UnsafeMutablePointer<Lanes>, _ length: Int, _ origin: UnsafeMutablePointer<Float>, _ count: Int,
        _ across: Int, _ along: Int
    ) {
        guard count == lanes else {
            for n in 0..<length {
                var number = Lanes.zero
                for lane in 0..<count {
                    number.re[lane] = origin[lane &* across &+ n &* along]
                    number.im[lane] = origin[lane &* across &+ n &* along &+ 1]
                }
                values[n] = number
            }
            return
        }
        for n in 0..<length {
            let a = origin + n &* along, b = a + across, c = b + across, d = c + across
            values[n] = Lanes(re: [a[0], b[0], c[0], d[0]], im: [a[1], b[1], c[1], d[1]])
        }
    }

    private static func scatter(
        _ values: UnsafeMutablePointer<Lanes>, _ length: Int, _ origin: UnsafeMutablePointer<Float>, _ count: Int,
        _ across: Int, _ along: Int
    ) {
        guard count == lanes else {
            for n in 0..<length {
                let number = values[n]
                for lane in 0..<count {
                    origin[lane &* across &+ n &* along] = number.re[lane]
                    origin[lane &* across &+ n &* along &+ 1] = number.im[lane]
                }
            }
            return
        }
        for n in 0..<length {
            let number = values[n]
            let a = origin + n &* along, b = a + across, c = b + across, d = c + across
            (a[0], a[1]) = (number.re[0], number.im[0])
            (b[0], b[1]) = (number.re[1], number.im[1])
            (c[0], c[1]) = (number.re[2], number.im[2])
            (d[0], d[1]) = (number.re[3], number.im[3])
        }
    }
}
