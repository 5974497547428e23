import LucencyFoundation
import LucencyImaging

/// One way in which annotations differ from the truth.
///
/// Geometry and label table stay as they are. What a step makes of ignored pixels does not matter: `LabelCorruption`
/// keeps them ignored.
public protocol LabelCorruptionStep: Sendable {
    /// Looks for settings that are not possible.
    /// - Throws: `Diagnostic` that names the setting.
    func check() throws
    /// The classes that its settings name; empty where they name none.
    var namedClasses: [Int] { get }
    /// The labels as such an annotator would have drawn them.
    /// - Throws: `Diagnostic` when a setting is not possible, or metric where the spacing is only assumed.
    func callAsFunction(_ labels: LabelMap, random: inout PhiloxStream, pool: ThreadPool) throws -> LabelMap
}

extension LabelCorruptionStep {
    public var namedClasses: [Int] { [] }

    /// What a class in a step's settings may be.
    public static var classLimits: ClosedRange<Double> { 1...Double(Int32.max) }
}

/// Spoils a label map on purpose, so that methods for noisy, weak and partial labels can be compared on equal terms.
///
/// The result depends on the labels, the steps and the random stream alone. Each step has a stream of its own, so that
/// the settings of one do not change what another draws.
public struct LabelCorruption: Sendable {
    /// Applied in this order.
    public var steps: [any LabelCorruptionStep]
    /// What ignored pixels are called in the result. `LabelMap.ignoreLabel` is what Lucency's stages know; a value such as
    /// 255 suits files that cannot hold negative numbers.
    public var ignoreValue: Int

    public init(_ steps: [any LabelCorruptionStep], ignoreValue: Int = Int(LabelMap.ignoreLabel)) {
        self.steps = steps
        self.ignoreValue = ignoreValue
    }

    /// - Throws: `Diagnostic` when a step's settings or the ignore value are not possible, or a step names the class that
    ///   has the ignore value.
    public func check() throws {
        for step in steps { try step.check() }
        guard ignoreValue == Int(LabelMap.ignoreLabel) || (1...Int(Int32.max)).contains(ignoreValue) else {
            throw Diagnostic(
                .badArgument, "ignored pixels cannot have the value \(ignoreValue)",
                remedy: "give a value above all classes, such as 255, or \(LabelMap.ignoreLabel)")
        }
        guard !steps.contains(where: { $0.namedClasses.contains(ignoreValue) }) else {
            throw Diagnostic(
                .badArgument, "\(ignoreValue) is the value of ignored pixels, and a class of one of the steps",
                remedy: "choose an ignore value above all classes")
        }
    }

    /// - Throws: `Diagnostic` as the steps do, or when a class has the value that ignored pixels should get.
    public func callAsFunction(
        _ labels: LabelMap, random: PhiloxStream, pool: ThreadPool = .serial
    ) throws -> LabelMap {
        try check()
        var random = random, current = labels
        for step in steps {
            var own = PhiloxStream(seed: random.next())
            current = try step(current, random: &own, pool: pool).ignoring(where: current)
        }
        guard ignoreValue != Int(LabelMap.ignoreLabel) else { return current }
        return try current.renamingIgnored(to: Int32(ignoreValue))
    }

    /// Where two label maps of equal size differ: 0 same, 1 changed. Pixels that the second one ignores count as same.
    /// - Throws: `Diagnostic` when the sizes differ.
    public static func changes(from before: LabelMap, to after: LabelMap, ignoreValue: Int) throws -> LabelMap {
        try before.geometry.requireMatch(after.geometry, "the labels before and after")
        let changed = AlignedBuffer<Int32>(count: before.labels.count) { out in
            before.labels.withUnsafeBufferPointer { before in
                after.labels.withUnsafeBufferPointer { after in
                    for i in 0..<out.count {
                        out[i] = after[i] != before[i] && Int(after[i]) != ignoreValue ? 1 : 0
                    }
                }
            }
        }
        return try LabelMap(
            geometry: before.geometry, labels: changed,
            table: [
                0: LabelClass(name: "same", color: [0, 0, 0]), 1: LabelClass(name: "changed", color: [255, 255, 255]),
            ])
    }
}
