import LucencyFoundation
import LucencyImaging

/// A kind of value that flows between stages. Two ports fit when their kinds are equal.
public struct PortType: Hashable, Sendable {
    /// `image`, `labels`, `probabilities`, `table`, `model`.
    public let name: String
    /// Bytes that a value on a grid takes, for admission; nil for small values.
    let bytesPerPixel: Int

    public init(_ name: String, bytesPerPixel: Int = 0) {
        self.name = name
        self.bytesPerPixel = bytesPerPixel
    }
}

/// A value that a port can carry.
public protocol PortValue: Sendable {
    static var portType: PortType { get }
    /// The grid it lies on, where it lies on one.
    var gridGeometry: Geometry? { get }
}

extension PortValue {
    public var gridGeometry: Geometry? { nil }
}

extension Image: PortValue {
    public static var portType: PortType { PortType("image", bytesPerPixel: 4) }
    public var gridGeometry: Geometry? { geometry }
}

extension LabelMap: PortValue {
    public static var portType: PortType { PortType("labels", bytesPerPixel: 4) }
    public var gridGeometry: Geometry? { geometry }
}

extension ProbabilityMap: PortValue {
    public static var portType: PortType { PortType("probabilities", bytesPerPixel: 4) }
    public var gridGeometry: Geometry? { geometry }
}

/// What a function may take at a port: a value, or an optional one.
public protocol PortInput: Sendable {
    static var portType: PortType { get }
    static var isOptional: Bool { get }
    static func from(_ value: (any PortValue)?) -> Self?
}

extension PortValue {
    public static var isOptional: Bool { false }
    public static func from(_ value: (any PortValue)?) -> Self? { value as? Self }
}

extension Image: PortInput {}
extension LabelMap: PortInput {}
extension ProbabilityMap: PortInput {}

extension Optional: PortInput where Wrapped: PortValue {
    public static var portType: PortType { Wrapped.portType }
    public static var isOptional: Bool { true }
    public static func from(_ value: (any PortValue)?) -> Wrapped?? { .some(value as? Wrapped) }
}

/// A named place where a value goes in or comes out.
public struct Port: Hashable, Sendable {
    public let name: String
    public let type: PortType
    public let isOptional: Bool
    /// For collectors: `training`, `validation` …; streams of one group come from one source.
    public let group: String?

    public init(_ name: String, _ type: PortType, isOptional: Bool = false, group: String? = nil) {
        self.name = name
        self.type = type
        self.isOptional = isOptional
        self.group = group
    }
}

/// What is known about a value before it exists: enough to say how much memory it will take.
public struct ValueEstimate: Hashable, Sendable {
    public var size: GridSize
    public var channels: Int
    /// The grid itself, where it is known already.
    public var geometry: Geometry?

    public init(size: GridSize, channels: Int = 1) {
        self.size = size
        self.channels = channels
    }

    public init(geometry: Geometry, channels: Int = 1) {
        size = geometry.size
        self.channels = channels
        self.geometry = geometry
    }

    func bytes(as type: PortType) -> Int {
        let pixels = size.count.multipliedReportingOverflow(by: max(1, channels) * type.bytesPerPixel)
        return pixels.overflow ? .max : pixels.partialValue
    }
}

/// What surrounds a stage while it runs.
public struct StageContext: Sendable {
    /// Threads for inner loops.
    public let pool: ThreadPool
    /// Seed of the run, or of the variant.
    public let seed: UInt64
    /// The stage's name in the pipeline, for random streams.
    public let stage: String
    /// The item's relative name, for random streams and messages; empty for whole values.
    public let item: String
    /// Geometry of the item's main image as it was read.
    public let sourceGeometry: Geometry?
    /// Family of numeric kernels that the run was asked for.
    public let kernels: KernelFamily
    /// For collectors that work long.
    public let work: LongWork

    public init(
        pool: ThreadPool = .serial, seed: UInt64 = 0, stage: String = "", item: String = "",
        sourceGeometry: Geometry? = nil, kernels: KernelFamily = .portable, work: LongWork = LongWork()
    ) {
        self.pool = pool
        self.seed = seed
        self.stage = stage
        self.item = item
        self.sourceGeometry = sourceGeometry
        self.kernels = kernels
        self.work = work
    }
}
