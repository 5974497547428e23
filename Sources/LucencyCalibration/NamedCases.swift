import LucencyFoundation

/// The result of one case of a data set.
protocol NamedCase {
    var name: String { get }
}

extension Array where Element: NamedCase {
    /// Where a result belongs among others, which are in ascending order of their names.
    /// - Throws: `Diagnostic` when there is one of that name already.
    func place(of result: Element) throws(Diagnostic) -> Int {
        var low = 0, high = count
        while low < high {
            let middle = (low + high) / 2
            if self[middle].name < result.name { low = middle + 1 } else { high = middle }
        }
        if low < count, self[low].name == result.name {
            throw Diagnostic(.duplicateName, "there are two cases named \"\(result.name)\"")
        }
        return low
    }
}

extension CaseResult: NamedCase {}
extension QualityResult: NamedCase {}
extension CalibrationCase: NamedCase {}
extension BoneSuppressionResult: NamedCase {}
