import LucencyFoundation
import LucencyImaging

/// A world of test images whose truth is known exactly.
///
/// A picture depends on the phantom's settings, the seed and its index alone: not on threads, on which products are
/// asked for, or on how many pictures are rendered.
public protocol Phantom: Sendable {
    /// What it renders; the first is the image.
    var products: [PhantomProduct] { get }
    /// The grid of the products that have none of their own.
    /// - Throws: `Diagnostic` when the size or spacing is not possible.
    var geometry: Geometry { get throws }
    /// Looks for settings that do not fit together.
    /// - Throws: `Diagnostic` that names the setting.
    func check() throws
    /// Names of what is known of every picture in words and numbers, such as its class; empty where there is nothing.
    var factNames: [String] { get }
    /// What is known of a picture, by the names in `factNames`; cheap, as nothing is rendered. The settings have passed
    /// `check`.
    func facts(seed: UInt64, index: Int) -> [String: JSONValue]
    /// Memory in bytes that rendering takes at most beside the products themselves, roughly; 0 where it is little. The
    /// settings have passed `check`.
    func scratchBytes(_ wanted: Set<String>) -> Int
    /// Renders the products asked for (and may add others).
    /// - Throws: `Diagnostic` when something cannot be drawn.
    func render(_ wanted: Set<String>, draws: inout PhantomDraws, pool: ThreadPool) throws -> [String: PhantomValue]
}

extension Phantom {
    public func check() throws { _ = try geometry }

    public var factNames: [String] { [] }

    public func facts(seed: UInt64, index: Int) -> [String: JSONValue] { [:] }

    public func scratchBytes(_ wanted: Set<String>) -> Int { 0 }

    /// The picture with a number: its products by name, and every parameter that was drawn.
    /// - Parameters:
    ///   - wanted: names of products; all where left out.
    /// - Throws: `Diagnostic` as `render`.
    public func callAsFunction(
        seed: UInt64, index: Int, _ wanted: Set<String>? = nil, pool: ThreadPool = .serial
    ) throws -> (values: [String: PhantomValue], drawn: JSONValue) {
        var draws = PhantomDraws(seed: seed, index: index)
        let values = try render(wanted ?? Set(products.map(\.name)), draws: &draws, pool: pool)
        return (values, draws.record)
    }
}

/// Bytes of so many 4-byte numbers; at most 2⁶⁰, whatever the settings.
func bytes(ofNumbers numbers: Double) -> Int { numbers > 0 ? Int(min(4 * numbers, 0x1p60)) : 0 }

/// One thing that a phantom renders.
public struct PhantomProduct: Hashable, Sendable {
    /// What kind of value it is, and how it is stored in files.
    public enum Kind: Hashable, Sendable {
        /// Whole intensities that so many bits hold, 8 or 16.
        case image(channels: Int, bits: Int)
        /// Fractions and negative values count: 32-bit floating point.
        case floatImage(channels: Int)
        case labels
        case probabilities(classes: Int)
    }

    /// Port and folder: camelCase.
    public let name: String
    public let kind: Kind
    /// One line for `lucency phantom --list` and the docs.
    public let summary: String
    /// Where its grid is not the phantom's own, such as a low-resolution version.
    public let geometry: Geometry?

    public init(_ name: String, _ kind: Kind, _ summary: String, geometry: Geometry? = nil) {
        self.name = name
        self.kind = kind
        self.summary = summary
        self.geometry = geometry
    }
}

/// A rendered product.
public enum PhantomValue: Sendable, Equatable {
    case image(Image)
    case labels(LabelMap)
    case probabilities(ProbabilityMap)

    /// The value, if it is an image.
    public var image: Image? { if case .image(let image) = self { image } else { nil } }
    /// The value, if it is a label map.
    public var labels: LabelMap? { if case .labels(let labels) = self { labels } else { nil } }
    /// The value, if it is a probability map.
    public var probabilities: ProbabilityMap? { if case .probabilities(let map) = self { map } else { nil } }
}
