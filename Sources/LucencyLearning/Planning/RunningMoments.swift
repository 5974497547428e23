/// Mean and standard deviation of values that come in parts.
///
/// Parts are joined by the formula of Chan, Golub and LeVeque (1979), in double precision.
struct RunningMoments: Codable, Hashable, Sendable {
    private(set) var count = 0
    private(set) var mean = 0.0
    /// Sum of squared distances from the mean.
    private var squares = 0.0

    init() {}

    /// - Parameter labels: as many as values; then only those count whose label is above 0.
    init(_ values: UnsafeBufferPointer<Float>, where labels: UnsafeBufferPointer<Int32>? = nil) {
        var sum = 0.0
        for index in values.indices {
            if let labels, labels[index] <= 0 { continue }
            sum += Double(values[index])
            count &+= 1
        }
        guard count > 0 else { return }
        mean = sum / Double(count)
        for index in values.indices {
            if let labels, labels[index] <= 0 { continue }
            let distance = Double(values[index]) - mean
            squares += distance * distance
        }
    }

    /// Of the population: divided by n; 0 of nothing.
    var deviation: Double { count > 0 ? (squares / Double(count)).squareRoot() : 0 }

    mutating func merge(_ other: RunningMoments) {
        guard other.count > 0 else { return }
        guard count > 0 else {
            self = other
            return
        }
        let total = count + other.count, distance = other.mean - mean
        let part = Double(other.count) / Double(total)
        squares += other.squares + distance * distance * Double(count) * part
        mean += distance * part
        count = total
    }
}
