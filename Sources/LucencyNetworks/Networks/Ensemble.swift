import LucencyFoundation
import LucencyTensor

/// Several networks for the same images and classes whose probabilities are averaged (Lakshminarayanan et al. 2017,
/// equation 3). Its result is the logarithm of the mean, so that softmax gives the mean itself.
///
/// The parameters of member `i` are named `i.…`.
public struct Ensemble: Network {
    public static let kind = "ensemble"

    /// One network, as model files write networks.
    public struct Member: Codable, Hashable, Sendable {
        public var uses: String
        public var with: JSONValue

        public init(uses: String, with: JSONValue) {
            self.uses = uses
            self.with = with
        }
    }

    public var members: [Member] = []

    public init() {}

    public init(_ members: [Member]) { self.members = members }

    /// - Throws: `DiagnosticList` when a member is none that is known.
    private func networks() throws(DiagnosticList) -> [any Network] {
        var networks: [any Network] = []
        for member in members { networks.append(try NetworkRegistry.network(member.uses, member.with)) }
        return networks
    }

    private var first: (any Network)? { (try? networks())?.first }

    public var axes: Int { first?.axes ?? 2 }
    public var inputChannels: Int { first?.inputChannels ?? 1 }

    public var sizeMultiple: [Int] {
        let all = (try? networks())?.map(\.sizeMultiple) ?? []
        return (0..<axes).map { axis in
            all.map { $0.indices.contains(axis) ? $0[axis] : 1 }.reduce(1) { leastCommonMultiple($0, $1) }
        }
    }

    public func fitted(axes: Int, inputChannels: Int, classes: Int) -> Ensemble {
        guard let all = try? networks() else { return self }
        return Ensemble(
            all.map { network in
                let fitted: any Network = network.fitted(axes: axes, inputChannels: inputChannels, classes: classes)
                let settings = (try? JSONValue(encoding: fitted)) ?? [:]
                return Member(uses: type(of: fitted).kind, with: settings)
            })
    }

    public func problems() -> [Diagnostic] {
        var check = SettingCheck(Self.kind)
        check.require(!members.isEmpty && members.count <= 64, "needs 1 to 64 members, found \(members.count)")
        check.require(!members.contains { $0.uses == Self.kind }, "a member cannot be an ensemble itself")
        guard check.problems.isEmpty else { return check.problems }
        do throws(DiagnosticList) {
            let all = try networks()
            check.require(Set(all.map(\.axes)).count == 1, "members differ in dimensions")
            check.require(Set(all.map(\.inputChannels)).count == 1, "members differ in channels")
            return check.problems
        } catch { return error.diagnostics }
    }

    public func callAsFunction(_ x: Value, _ scope: Scope) throws(Diagnostic) -> [Value] {
        try check(x)
        let networks: [any Network]
        do throws(DiagnosticList) { networks = try self.networks() } catch {
            throw error.diagnostics.first ?? Diagnostic(.badValue, "ensemble: a member is not known")
        }
        let tape = scope.tape
        var sum: Value?
        for (index, network) in networks.enumerated() {
            guard let logits = try network(x, scope[index]).first else { continue }
            let probabilities = try tape.softmax(logits)
            if let before = sum { sum = try tape.add(before, probabilities) } else { sum = probabilities }
        }
        guard let sum else { throw Diagnostic(.badArgument, "ensemble: the members have no result") }
        // Far below what softmax can tell from 0, so that the logarithm is finite.
        let mean = try tape.clamp(try tape.scale(sum, by: 1 / Float(networks.count)), to: 1e-30...1)
        return [try tape.logarithm(mean)]
    }
}

private func leastCommonMultiple(_ a: Int, _ b: Int) -> Int {
    var (x, y) = (max(1, a), max(1, b))
    while y != 0 { (x, y) = (y, x % y) }
    return max(1, a) / x * max(1, b)
}
