#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Four complex numbers of four transforms that run side by side.
struct Lanes: BitwiseCopyable {
    var re: SIMD4<Float>
    var im: SIMD4<Float>

    static let zero = Lanes(re: .zero, im: .zero)

    @inline(__always)
    static func + (a: Lanes, b: Lanes) -> Lanes { Lanes(re: a.re + b.re, im: a.im + b.im) }
    @inline(__always)
    static func - (a: Lanes, b: Lanes) -> Lanes { Lanes(re: a.re - b.re, im: a.im - b.im) }
    @inline(__always)
    static func * (a: Lanes, b: Float) -> Lanes { Lanes(re: a.re * b, im: a.im * b) }
    /// Times one complex number.
    @inline(__always)
    static func * (a: Lanes, w: SIMD2<Float>) -> Lanes {
        Lanes(re: a.re * w.x - a.im * w.y, im: a.re * w.y + a.im * w.x)
    }
    /// Times −i.
    @inline(__always)
    var turned: Lanes { Lanes(re: im, im: -re) }
    /// Real and imaginary parts exchanged: the inverse transform is the forward one between two of these.
    @inline(__always)
    var swapped: Lanes { Lanes(re: im, im: re) }
    @inline(__always)
    var conjugate: Lanes { Lanes(re: re, im: -im) }
}

/// The forward transform of a length without large prime factors, `X(k) = Σ x(n) exp(−2πi kn/N)`: Stockham's
/// self-sorting algorithm (decimation in frequency) with radices 4, 2, 3, 5, 7 and a plain sum for other primes.
///
/// Four transforms at a time share every twiddle factor; none depends on what the others hold. Twiddles are rounded from
/// double precision, so the relative error grows with the root of the number of passes only.
struct MixedRadix: Sendable {
    /// Primes up to here are summed plainly; beyond, `Bluestein` takes fewer operations.
    static let largestPrime = 23

    private struct Pass: Sendable {
        let radix: Int
        /// Length of the transforms that this pass cuts, divided by the radix.
        let parts: Int
        /// Transforms that are interleaved already.
        let stride: Int
        /// `exp(−2πi pj/(radix·parts))` for p, then j = 1 ..< radix.
        let twiddles: [SIMD2<Float>]
        /// `exp(−2πi j/radix)`, for the plain sum.
        let roots: [SIMD2<Float>]
    }

    let length: Int
    private let passes: [Pass]

    /// - Returns: nil for a length with a prime factor above `largestPrime`.
    init?(_ length: Int) {
        guard length >= 1 else { return nil }
        var radices: [Int] = [], rest = length
        for radix in [4, 2, 3, 5, 7, 11, 13, 17, 19, 23] {
            while rest % radix == 0 {
                radices.append(radix)
                rest /= radix
            }
        }
        guard rest == 1 else { return nil }
        self.length = length
        var size = length, stride = 1
        passes = radices.map { radix in
            let parts = size / radix, whole = size
            defer {
                size = parts
                stride *= radix
            }
            return Pass(
                radix: radix, parts: parts, stride: stride,
                twiddles: (0..<parts).flatMap { p in (1..<radix).map { Self.root(p * $0, of: whole) } },
                roots: radix > 7 ? (0..<radix).map { Self.root($0, of: radix) } : [])
        }
    }

    /// `exp(−2πi k/n)`, rounded from double precision.
    static func root(_ k: Int, of n: Int) -> SIMD2<Float> {
        let k = k % n
        // Exact at multiples of a quarter turn, and symmetric between the quarters.
        let quarter = 4 * k / n, remainder = 4 * k - quarter * n
        let angle = Double(remainder) / Double(n) * (Double.pi / 2)
        let c = Float(cos(angle)), s = Float(sin(angle))
        switch quarter {
        case 0: return [c, -s]
        case 1: return [-s, -c]
        case 2: return [-c, s]
        default: return [s, c]
        }
    }

    /// Transforms; both arrays hold `length` numbers, and both are used.
    /// - Returns: which of them holds the result.
    func execute(
        _ values: UnsafeMutablePointer<Lanes>, _ other: UnsafeMutablePointer<Lanes>
    ) -> UnsafeMutablePointer<Lanes> {
        var source = values, target = other
        for pass in passes {
            pass.twiddles.withUnsafeBufferPointer { twiddles in
                guard let w = twiddles.baseAddress else { return }
                switch pass.radix {
                case 2: Self.pass2(source, target, pass.parts, pass.stride, w)
                case 3: Self.pass3(source, target, pass.parts, pass.stride, w)
                case 4: Self.pass4(source, target, pass.parts, pass.stride, w)
                case 5: Self.pass5(source, target, pass.parts, pass.stride, w)
                case 7: Self.pass7(source, target, pass.parts, pass.stride, w)
                default: Self.passOther(source, target, pass.parts, pass.stride, pass.radix, w, pass.roots)
                }
            }
            swap(&source, &target)
        }
        return source
    }
}

// MARK: Passes

extension MixedRadix {
    private typealias Numbers = UnsafeMutablePointer<Lanes>
    private typealias Twiddles = UnsafePointer<SIMD2<Float>>

    private static func pass2(_ x: Numbers, _ y: Numbers, _ m: Int, _ s: Int, _ twiddles: Twiddles) {
        for p in 0..<m {
            let w = twiddles[p]
            let from = x + s &* p, to = y + 2 &* s &* p
            for q in 0..<s {
                let a = from[q], b = from[q &+ s &* m]
                to[q] = a + b
                to[q &+ s] = (a - b) * w
            }
        }
    }

    private static func pass3(_ x: Numbers, _ y: Numbers, _ m: Int, _ s: Int, _ twiddles: Twiddles) {
        let half = Float(3.0.squareRoot() / 2), far = s &* m
        for p in 0..<m {
            let w = twiddles + 2 &* p
            let from = x + s &* p, to = y + 3 &* s &* p
            for q in 0..<s {
                let a = from[q], b = from[q &+ far], c = from[q &+ 2 &* far]
                let sum = b + c, difference = (b - c).turned * half, middle = a - sum * 0.5
                to[q] = a + sum
                to[q &+ s] = (middle + difference) * w[0]
                to[q &+ 2 &* s] = (middle - difference) * w[1]
            }
        }
    }

    private static func pass4(_ x: Numbers, _ y: Numbers, _ m: Int, _ s: Int, _ twiddles: Twiddles) {
        let far = s &* m
        for p in 0..<m {
            let w = twiddles + 3 &* p
            let w1 = w[0], w2 = w[1], w3 = w[2]
            let from = x + s &* p, to = y + 4 &* s &* p
            for q in 0..<s {
                let a = from[q], b = from[q &+ far], c = from[q &+ 2 &* far], d = from[q &+ 3 &* far]
                let even = a + c, odd = b + d, first = a - c, second = (b - d).turned
                to[q] = even + odd
                to[q &+ s] = (first + second) * w1
                to[q &+ 2 &* s] = (even - odd) * w2
                to[q &+ 3 &* s] = (first - second) * w3
            }
        }
    }

    private static func pass5(_ x: Numbers, _ y: Numbers, _ m: Int, _ s: Int, _ twiddles: Twiddles) {
        let far = s &* m
        let c1 = root(1, of: 5).x, c2 = root(2, of: 5).x, s1 = -root(1, of: 5).y, s2 = -root(2, of: 5).y
        for p in 0..<m {
            let w = twiddles + 4 &* p
            let from = x + s &* p, to = y + 5 &* s &* p
            for q in 0..<s {
                let a = from[q], b = from[q &+ far], c = from[q &+ 2 &* far]
                let d = from[q &+ 3 &* far], e = from[q &+ 4 &* far]
                let p1 = b + e, p2 = c + d, m1 = (b - e).turned, m2 = (c - d).turned
                let r1 = a + p1 * c1 + p2 * c2, r2 = a + p1 * c2 + p2 * c1
                let i1 = m1 * s1 + m2 * s2, i2 = m1 * s2 - m2 * s1
                to[q] = a + p1 + p2
                to[q &+ s] = (r1 + i1) * w[0]
                to[q &+ 2 &* s] = (r2 + i2) * w[1]
                to[q &+ 3 &* s] = (r2 - i2) * w[2]
                to[q &+ 4 &* s] = (r1 - i1) * w[3]
            }
        }
    }

    private static func pass7(_ x: Numbers, _ y: Numbers, _ m: Int, _ s: Int, _ twiddles: Twiddles) {
        let far = s &* m
        let c1 = root(1, of: 7).x, c2 = root(2, of: 7).x, c3 = root(3, of: 7).x
        let s1 = -root(1, of: 7).y, s2 = -root(2, of: 7).y, s3 = -root(3, of: 7).y
        for p in 0..<m {
            let w = twiddles + 6 &* p
            let from = x + s &* p, to = y + 7 &* s &* p
            for q in 0..<s {
                let a = from[q], b = from[q &+ far], c = from[q &+ 2 &* far], d = from[q &+ 3 &* far]
                let e = from[q &+ 4 &* far], f = from[q &+ 5 &* far], g = from[q &+ 6 &* far]
                let p1 = b + g, p2 = c + f, p3 = d + e
                let m1 = (b - g).turned, m2 = (c - f).turned, m3 = (d - e).turned
                let r1 = a + p1 * c1 + p2 * c2 + p3 * c3, i1 = m1 * s1 + m2 * s2 + m3 * s3
                let r2 = a + p1 * c2 + p2 * c3 + p3 * c1, i2 = m1 * s2 - m2 * s3 - m3 * s1
                let r3 = a + p1 * c3 + p2 * c1 + p3 * c2, i3 = m1 * s3 - m2 * s1 + m3 * s2
                to[q] = a + p1 + p2 + p3
                to[q &+ s] = (r1 + i1) * w[0]
                to[q &+ 2 &* s] = (r2 + i2) * w[1]
                to[q &+ 3 &* s] = (r3 + i3) * w[2]
                to[q &+ 4 &* s] = (r3 - i3) * w[3]
                to[q &+ 5 &* s] = (r2 - i2) * w[4]
                to[q &+ 6 &* s] = (r1 - i1) * w[5]
            }
        }
    }

    /// A prime radix: pairs of opposite inputs share their cosines and sines.
    private static func passOther(
        _ x: Numbers, _ y: Numbers, _ m: Int, _ s: Int, _ radix: Int, _ twiddles: Twiddles, _ roots: [SIMD2<Float>]
    ) {
        let far = s &* m, half = radix / 2
        roots.withUnsafeBufferPointer { roots in
            withUnsafeTemporaryAllocation(of: Lanes.self, capacity: 2 * half) { pairs in
                for p in 0..<m {
                    let w = twiddles + (radix &- 1) &* p
                    let from = x + s &* p, to = y + radix &* s &* p
                    for q in 0..<s {
                        let a = from[q]
                        var sum = a
                        for k in 1...half {
                            let b = from[q &+ k &* far], c = from[q &+ (radix &- k) &* far]
                            pairs[2 &* k &- 2] = b + c
                            pairs[2 &* k &- 1] = (b - c).turned
                            sum = sum + pairs[2 &* k &- 2]
                        }
                        to[q] = sum
                        for j in 1...half {
                            var even = a, odd = Lanes.zero, at = 0
                            for k in 1...half {
                                at &+= j
                                if at >= radix { at &-= radix }
                                even = even + pairs[2 &* k &- 2] * roots[at].x
                                odd = odd - pairs[2 &* k &- 1] * roots[at].y
                            }
                            to[q &+ j &* s] = (even + odd) * w[j &- 1]
                            to[q &+ (radix &- j) &* s] = (even - odd) * w[radix &- j &- 1]
                        }
                    }
                }
            }
        }
    }
}
