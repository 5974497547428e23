/// Small linear systems whose matrix is symmetric and positive definite.
package enum PositiveSystem {
    /// By Cholesky's factorisation, of the lower half of the matrix; nil where it is not positive definite.
    package static func solve(_ matrix: [Double], _ right: [Double]) -> [Double]? {
        let size = right.count
        var lower = matrix
        for column in 0..<size {
            for row in column..<size {
                var value = matrix[row * size + column]
                for k in 0..<column { value -= lower[row * size + k] * lower[column * size + k] }
                if row == column {
                    guard value > 0, value.isFinite else { return nil }
                    lower[row * size + column] = value.squareRoot()
                } else {
                    lower[row * size + column] = value / lower[column * size + column]
                }
            }
        }
        var solution = right
        for row in 0..<size {
            for k in 0..<row { solution[row] -= lower[row * size + k] * solution[k] }
            solution[row] /= lower[row * size + row]
        }
        for row in (0..<size).reversed() {
            for k in row + 1..<max(size, row + 1) { solution[row] -= lower[k * size + row] * solution[k] }
            solution[row] /= lower[row * size + row]
        }
        return solution
    }
}
