/// For estimates of memory, of grids of any size.
extension Int {
    /// The product, or the greatest number there is.
    func multipliedSafely(by other: Int) -> Int {
        let product = multipliedReportingOverflow(by: other)
        return product.overflow ? .max : product.partialValue
    }

    /// The sum, or the greatest number there is.
    func addingSafely(_ other: Int) -> Int {
        let sum = addingReportingOverflow(other)
        return sum.overflow ? .max : sum.partialValue
    }
}
