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

/// What a function may give at a port: a value, or an optional one that is nil where nobody asked for it
/// (`StageContext.wanted`).
public protocol PortOutput: Sendable {
    static var outputType: PortType { get }
    var portValue: (any PortValue)? { get }
}

/// A value that a port can carry.
public protocol PortValue: PortOutput {
    static var portType: PortType { get }
    /// The grid it lies on, where it lies on one.
    var gridGeometry: Geometry? { get }
    /// For models: the item stages that the images it was trained with came through (`StageContext.histories`).
    var trainingHistory: JSONValue? { get }
}

extension PortValue {
    public static var outputType: PortType { portType }
    public var portValue: (any PortValue)? { self }
    public var gridGeometry: Geometry? { nil }
    public var trainingHistory: JSONValue? { nil }
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
    /// Whether it takes all values that are left.
    static var isList: Bool { get }
    static func from(_ value: (any PortValue)?) -> Self?
    static func from(all values: ArraySlice<(any PortValue)?>) -> Self?
}

extension PortInput {
    public static var isList: Bool { false }
    public static func from(all values: ArraySlice<(any PortValue)?>) -> Self? {
        values.first.flatMap { from($0) }
    }
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

extension Optional: PortOutput where Wrapped: PortValue {
    public static var outputType: PortType { Wrapped.portType }
    public var portValue: (any PortValue)? { self }
}

/// Any number of values at one port, which stands last: `in: {models: [a, b]}`, or one name with `over`.
extension Array: PortInput where Element: PortInput {
    public static var portType: PortType { Element.portType }
    public static var isOptional: Bool { false }
    public static var isList: Bool { true }
    /// A list is put together from the values of its port; a single one is none.
    public static func from(_ value: (any PortValue)?) -> [Element]? { nil }
    public static func from(all values: ArraySlice<(any PortValue)?>) -> [Element]? {
        let list = values.compactMap { Element.from($0) }
        return list.count == values.count ? list : nil
    }
}

/// A named place where a value goes in or comes out.
public struct Port: Hashable, Sendable {
    public let name: String
    public let type: PortType
    public let isOptional: Bool
    /// Whether it takes any number of values, at least one.
    public let isList: Bool
    /// For collectors: `training`, `validation` …; streams of one group come from one source.
    public let group: String?

    public init(
        _ name: String, _ type: PortType, isOptional: Bool = false, isList: Bool = false, group: String? = nil
    ) {
        self.name = name
        self.type = type
        self.isOptional = isOptional
        self.isList = isList
        self.group = group
    }
}

/// What is known about a value before it exists: enough to say how much memory it will take.
public struct ValueEstimate: Sendable {
    public var size: GridSize
    public var channels: Int
    /// The grid itself, where it is known already.
    public var geometry: Geometry?
    /// The value, where it exists already, as whole values do.
    public var known: (any PortValue)?

    public init(size: GridSize, channels: Int = 1) {
        self.size = size
        self.channels = channels
    }

    public init(geometry: Geometry, channels: Int = 1) {
        size = geometry.size
        self.channels = channels
        self.geometry = geometry
    }

    /// Of a value that exists; it takes no further memory.
    public init(known: any PortValue) {
        size = GridSize(1, 1)
        channels = 1
        self.known = known
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
    /// Output ports that something reads; nil where all of them are wanted.
    public let wanted: Set<String>?
    /// For collectors: by input port, the item stages that its values came through, as `{uses, with}`.
    public let histories: [String: JSONValue]
    let leftOut = LeftOut()

    public init(
        pool: ThreadPool = .serial, seed: UInt64 = 0, stage: String = "", item: String = "",
        sourceGeometry: Geometry? = nil, kernels: KernelFamily = .portable, work: LongWork = LongWork(),
        wanted: Set<String>? = nil, histories: [String: JSONValue] = [:]
    ) {
        self.pool = pool
        self.seed = seed
        self.stage = stage
        self.item = item
        self.sourceGeometry = sourceGeometry
        self.kernels = kernels
        self.work = work
        self.wanted = wanted
        self.histories = histories
    }

    /// Whether something reads an output port.
    public func wants(_ port: String) -> Bool { wanted?.contains(port) ?? true }

    /// For collectors while they finish: says that what they give lacks an item that came to them in order, because it does
    /// not fit the others. The run tells it, counts the collector as failed, and writes what it gives.
    /// - Parameter item: the item's relative name.
    public func leaveOut(_ item: String, because reason: Diagnostic) { leftOut.add(item, reason) }
}

/// Items that a collector left out, in the order in which it did so.
final class LeftOut: Sendable {
    private let entries = Lock<[(item: String, reason: Diagnostic)]>([])

    func add(_ item: String, _ reason: Diagnostic) { entries.withLock { $0.append((item, reason)) } }

    var all: [(item: String, reason: Diagnostic)] { entries.withLock { $0 } }
}
