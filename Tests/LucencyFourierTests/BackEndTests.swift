import LucencyFoundation
import LucencyFourier
import LucencyImaging
import Support
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

@Suite("Fourier back ends")
struct BackEndTests {
    /// The transform by its definition, in double precision: `x` fastest, frequencies 0...x/2 along x.
    private static func direct(_ values: [Float], _ size: GridSize) -> [SIMD2<Double>] {
        func axis(_ numbers: [SIMD2<Double>], _ n: Int, step: Int, keep: Int) -> [SIMD2<Double>] {
            let waves = (0..<n).map { k -> SIMD2<Double> in
                let angle = -2 * Double.pi * Double(k) / Double(n)
                return [cos(angle), sin(angle)]
            }
            let outer = numbers.count / (n * step)
            var result = [SIMD2<Double>](repeating: .zero, count: outer * keep * step)
            for o in 0..<outer {
                for k in 0..<keep {
                    for s in 0..<step {
                        var sum = SIMD2<Double>.zero
                        for i in 0..<n {
                            let a = numbers[(o * n + i) * step + s], w = waves[k * i % n]
                            sum += [a.x * w.x - a.y * w.y, a.x * w.y + a.y * w.x]
                        }
                        result[(o * keep + k) * step + s] = sum
                    }
                }
            }
            return result
        }
        let width = size.x / 2 + 1
        var numbers = axis(values.map { [Double($0), 0] }, size.x, step: 1, keep: width)
        numbers = axis(numbers, size.y, step: width, keep: size.y)
        return axis(numbers, size.z, step: width * size.y, keep: size.z)
    }

    /// Values around zero, so that no error hides behind the mean.
    private static func values(_ size: GridSize) throws -> AlignedBuffer<Float> {
        AlignedBuffer(try Samples.noise(size).pixels.array.map { $0 - 126 })
    }

    private static func numbers(_ spectrum: Spectrum) -> [SIMD2<Double>] {
        var result: [SIMD2<Double>] = []
        for z in 0..<spectrum.size.z {
            for y in 0..<spectrum.size.y {
                for x in 0..<spectrum.width { result.append(SIMD2<Double>(spectrum[x, y, z])) }
            }
        }
        return result
    }

    /// The root of the mean square difference, relative to that of the expected numbers.
    private static func error(_ found: [SIMD2<Double>], _ expected: [SIMD2<Double>]) -> Double {
        guard found.count == expected.count else { return .infinity }
        let difference = zip(found, expected).reduce(0) { $0 + (($1.0 - $1.1) * ($1.0 - $1.1)).sum() }
        let total = expected.reduce(0) { $0 + ($1 * $1).sum() }
        return (difference / total).squareRoot()
    }

    @Test(
        "Every length up to 130 has the spectrum of the definition, as a row and as a column, and returns",
        arguments: FourierBackEnd.available)
    func lengths(backEnd: FourierBackEnd) throws {
        // Squares and cubes of primes, large primes and twice them, on top of all small lengths.
        for length in Array(1...130) + [169, 243, 343, 361, 509, 529, 1018, 1021] {
            for size in [GridSize(length, 1), GridSize(1, length)] {
                let values = try Self.values(size), transform = try FourierTransform(size: size, backEnd: backEnd)
                let spectrum = try transform.forward(values)
                let error = Self.error(Self.numbers(spectrum), Self.direct(values.array, size))
                #expect(error < 5e-7, "\(size): \(error)")
                let returned = try transform.inverse(spectrum).array
                let worst = zip(returned, values.array).reduce(0) { max($0, abs($1.0 - $1.1)) }
                let largest = values.array.reduce(0) { max($0, abs($1)) }
                #expect(worst <= 2e-6 * largest, "\(size): \(worst)")
            }
        }
    }

    @Test(
        "Planes and volumes have the spectrum of the definition",
        arguments: FourierBackEnd.available,
        [GridSize(12, 10), GridSize(15, 29), GridSize(62, 7, 6), GridSize(5, 1, 37)])
    func grids(backEnd: FourierBackEnd, size: GridSize) throws {
        let values = try Self.values(size)
        let spectrum = try FourierTransform(size: size, backEnd: backEnd).forward(values)
        #expect(Self.error(Self.numbers(spectrum), Self.direct(values.array, size)) < 5e-7)
    }

    @Test(
        "The built-in back end agrees with FFTW to single precision",
        .enabled(if: FourierBackEnd.available.contains(.fftw)),
        arguments: [
            GridSize(512, 512), GridSize(480, 270), GridSize(1021, 64), GridSize(64, 1021), GridSize(2310, 3),
            GridSize(60, 49, 44), GridSize(1, 4096),
        ])
    func agreement(size: GridSize) throws {
        let values = try Self.values(size)
        let ours = try FourierTransform(size: size, backEnd: .builtIn)
        let theirs = try FourierTransform(size: size, backEnd: .fftw)
        let spectrum = try theirs.forward(values)
        #expect(Self.error(Self.numbers(try ours.forward(values)), Self.numbers(spectrum)) < 5e-7)
        let (a, b) = (try ours.inverse(spectrum).array, try theirs.inverse(spectrum).array)
        let largest = b.reduce(0) { max($0, abs($1)) }
        #expect(zip(a, b).allSatisfy { abs($0 - $1) <= 2e-6 * largest })
    }

    @Test("Energy is kept (Parseval)", arguments: FourierBackEnd.available, [GridSize(96, 50), GridSize(67, 31, 3)])
    func parseval(backEnd: FourierBackEnd, size: GridSize) throws {
        let values = try Self.values(size)
        let spectrum = try FourierTransform(size: size, backEnd: backEnd).forward(values)
        var energy = 0.0
        for z in 0..<size.z {
            for y in 0..<size.y {
                for x in 0..<spectrum.width {
                    let number = SIMD2<Double>(spectrum[x, y, z])
                    // All columns but the first, and the last of an even width, stand for two.
                    energy += (x == 0 || 2 * x == size.x ? 1 : 2) * (number * number).sum()
                }
            }
        }
        let expected = values.array.reduce(0) { $0 + Double($1) * Double($1) } * Double(size.count)
        #expect(abs(energy - expected) < 1e-6 * expected)
    }

    @Test(
        "A line's result does not depend on its neighbours, be they not numbers",
        arguments: FourierBackEnd.available, [LineKind.realToComplex, .complexToReal, .forward, .backward])
    func independence(backEnd: FourierBackEnd, kind: LineKind) throws {
        for length in [12, 35, 29, 58] {
            let plan = try PlanCache.plan(length, kind, backEnd)
            let isRow = kind == .realToComplex || kind == .complexToReal
            // Floats of a row, or complex numbers of a line of columns.
            let stride = 64, lines = isRow ? 7 : PlanCache.columnsAtOnce
            var random = PhiloxStream(seed: 3, stream: "lines")
            let start = (0..<(isRow ? lines * stride : 2 * length * lines)).map { _ in Float(random.normal()) }
            func index(_ line: Int, _ n: Int) -> Int { isRow ? line * stride + n : 2 * (n * lines + line) }
            /// One line alone, all others being something else.
            func result(_ line: Int, others: Float?) -> [Float] {
                var memory = AlignedBuffer(start)
                memory.withUnsafeMutableBufferPointer { memory in
                    guard let base = memory.baseAddress else { return }
                    if let others {
                        for other in 0..<lines where other != line {
                            for n in 0..<(isRow ? stride : length) {
                                memory[index(other, n)] = others
                                if !isRow { memory[index(other, n) + 1] = others }
                            }
                        }
                    }
                    plan.withScratch { scratch in
                        if isRow {
                            plan.execute(rows: lines, at: base, stride: stride, scratch: scratch)
                        } else {
                            plan.execute(
                                columns: lines,
                                at: UnsafeMutableRawPointer(base).assumingMemoryBound(to: SIMD2<Float>.self),
                                step: lines, scratch: scratch)
                        }
                    }
                }
                let numbers = kind == .realToComplex ? 2 * (length / 2 + 1) : length
                return (0..<numbers).flatMap { n -> [Float] in
                    isRow ? [memory[index(line, n)]] : [memory[index(line, n)], memory[index(line, n) + 1]]
                }
            }
            for line in 0..<lines {
                let together = result(line, others: nil)
                let isFinite = together.allSatisfy { $0.isFinite }
                #expect(isFinite)
                #expect(result(line, others: .nan) == together, "\(length), line \(line)")
                #expect(result(line, others: 1e30) == together, "\(length), line \(line)")
            }
        }
    }

    @Test(
        "The imaginary parts of the mean and of the highest frequency count for nothing",
        arguments: FourierBackEnd.available)
    func imaginaryParts(backEnd: FourierBackEnd) throws {
        for width in [1, 2, 7, 8, 58] {
            let transform = try FourierTransform(size: GridSize(width, 1), backEnd: backEnd)
            var spectrum = try transform.forward(Samples.noise(GridSize(width, 1)).pixels)
            let expected = try transform.inverse(spectrum)
            spectrum[0, 0].y = 3
            if width % 2 == 0 { spectrum[width / 2, 0].y = -7 }
            #expect(try transform.inverse(spectrum) == expected, "\(width)")
        }
    }

    @Test("A build names its back ends, the standard one first")
    func names() {
        #expect(FourierBackEnd.available.first == FourierBackEnd.standard)
        #expect(FourierBackEnd.available.contains(.builtIn))
        #expect(FourierLibrary.description.hasPrefix(FourierBackEnd.standard.rawValue))
        #if FFTW
            #expect(FourierBackEnd.standard == .fftw && FourierLibrary.version?.hasPrefix("3.") == true)
        #else
            #expect(FourierBackEnd.standard == .builtIn && FourierLibrary.version == nil)
            #expect(
                refusal {
                    try FourierTransform(size: GridSize(4, 4), backEnd: .fftw).forward(
                        AlignedBuffer(repeating: 0, count: 16))
                } != nil)
        #endif
    }
}
