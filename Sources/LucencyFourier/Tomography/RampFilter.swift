import LucencyFoundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// How the ramp filter of a back-projection falls off towards the highest frequency: the more, the less noise and the
/// less detail.
public enum RampWindow: String, CaseIterable, Hashable, Sendable {
    /// The ramp up to half a cycle per bin (Ramachandran and Lakshminarayanan 1971).
    case ramLak = "ram-lak"
    /// sin(πf)/(πf) (Shepp and Logan 1974).
    case sheppLogan = "shepp-logan"
    /// cos(πf).
    case cosine
    /// 0.54 + 0.46 cos(2πf).
    case hamming
    /// 0.5 + 0.5 cos(2πf).
    case hann

    /// The factor at a frequency in cycles per bin, 0...½.
    public func factor(at frequency: Double) -> Double {
        let angle = Double.pi * frequency
        return switch self {
        case .ramLak: 1
        case .sheppLogan: angle == 0 ? 1 : sin(angle) / angle
        case .cosine: cos(angle)
        case .hamming: 0.54 + 0.46 * cos(2 * angle)
        case .hann: 0.5 + 0.5 * cos(2 * angle)
        }
    }
}

/// The ramp filter of bins a unit apart, made from its band-limited kernel in space: h(0) = ¼, h(n) = −1/(πn)² for odd n
/// and 0 for even n (Kak and Slaney 1988, eq. 3.61). A ramp drawn in frequency instead would be 0 at frequency 0 and shift
/// the whole reconstruction.
struct RampFilter: Sendable {
    /// Values in one period, a power of two.
    let length: Int
    /// Real factors at the frequencies 0...length/2, divided by the length for the transform back.
    let response: [Float]
    private let forward: any LinePlan
    private let backward: any LinePlan

    /// - Parameter length: even.
    /// - Throws: `Diagnostic` when a transform of that length is not possible.
    init(_ window: RampWindow, length: Int) throws(Diagnostic) {
        self.length = length
        forward = try PlanCache.plan(length, .realToComplex)
        backward = try PlanCache.plan(length, .complexToReal)
        let waves = (0..<length).map { cos(2 * .pi * Double($0) / Double(length)) }
        let odd = stride(from: 1, to: length / 2, by: 2).map { (n: $0, value: -2 / (.pi * .pi * Double($0 * $0))) }
        response = (0...length / 2).map { k in
            var sum = 0.25
            for tap in odd { sum += tap.value * waves[(k &* tap.n) & (length - 1)] }
            return Float(sum * window.factor(at: Double(k) / Double(length)) / Double(length))
        }
    }

    /// Floats of memory that filtering works in.
    var scratchCount: Int { lineCount + max(forward.scratchCount, backward.scratchCount) }
    /// Floats of a line, the first of that memory: the values, and room for a spectrum.
    private var lineCount: Int { (length + 2 + 15) / 16 * 16 }

    /// Filters values in place; they are taken to repeat.
    /// - Parameter line: `scratchCount` floats, aligned to 64 bytes.
    func apply(_ line: UnsafeMutablePointer<Float>) {
        forward.execute(rows: 1, at: line, stride: lineCount, scratch: line + lineCount)
        response.withUnsafeBufferPointer { response in
            for k in 0..<response.count {
                line[2 &* k] *= response[k]
                line[2 &* k &+ 1] *= response[k]
            }
        }
        backward.execute(rows: 1, at: line, stride: lineCount, scratch: line + lineCount)
    }
}
