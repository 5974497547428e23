import LucencyFoundation
import LucencyTensor
import Support
import Testing

/// Every case of the registry against its reference. The reference is a double-precision program of its own, and gradients
/// are its central differences.
@Suite struct OperationCaseTests {
    @Test(arguments: OperationCases.all)
    func `results and gradients agree with the reference, in every family and layout`(_ item: OperationCase) throws {
        let check = try OperationCheck(item)
        for family in KernelFamily.available {
            for isBlocked in [false, true] {
                for accumulates in [false, true] {
                    var setting = OperationRun.Setting(family)
                    setting.isBlocked = isBlocked
                    setting.accumulates = accumulates
                    let complaints = try check.complaints(setting)
                    #expect(complaints.isEmpty, "\(complaints.joined(separator: "; "))")
                }
            }
        }
    }

    @Test(arguments: OperationCases.all)
    func `bytes do not depend on the number of threads`(_ item: OperationCase) throws {
        for family in KernelFamily.available {
            for isBlocked in [false, true] {
                var setting = OperationRun.Setting(family)
                setting.isBlocked = isBlocked
                let one = try OperationRun(item, setting)
                for threads in [2, 3] {
                    setting.threads = threads
                    let many = try OperationRun(item, setting)
                    #expect(many.output == one.output, "\(item.name) (\(setting))")
                    #expect(many.gradients == one.gradients, "\(item.name) (\(setting))")
                }
            }
        }
    }

    @Test(arguments: OperationCases.all)
    func `dropping results and computing them again changes nothing`(_ item: OperationCase) throws {
        var setting = OperationRun.Setting(.best)
        let kept = try OperationRun(item, setting)
        for recomputation in [Recomputation.cheap, .segments] {
            setting.recomputation = recomputation
            let made = try OperationRun(item, setting)
            #expect(made.output == kept.output)
            #expect(made.gradients == kept.gradients)
        }
    }

    @Test(arguments: OperationCases.all.prefix(3))
    func `a gradient that is wrong by a thousandth is noticed`(_ item: OperationCase) throws {
        let check = try OperationCheck(item)
        #expect(try check.complaints(.init(.portable)).isEmpty)
        #expect(try !check.complaints(.init(.portable), wrongFactor: 1.001).isEmpty)
    }

    @Test func `a wrong result is noticed`() throws {
        let item = try #require(OperationCases.all.first)
        let right = item.reference
        let wrong = item.with { inputs in
            var result = right(inputs)
            result.data[3] += 1e-3
            return result
        }
        #expect(try !OperationCheck(wrong).complaints(.init(.portable)).isEmpty)
    }

    @Test func `case names are different`() {
        #expect(Set(OperationCases.all.map(\.name)).count == OperationCases.all.count)
    }
}
