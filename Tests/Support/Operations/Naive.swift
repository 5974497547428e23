/// A row-major array of float64 for references: slow, and simple enough to be believed.
public struct Naive: Sendable, Equatable {
    public var shape: [Int]
    public var data: [Double]

    public init(_ shape: [Int], _ data: [Double]) {
        self.shape = shape
        self.data = data
    }

    /// Every element from its index.
    public init(_ shape: [Int], element: ([Int]) -> Double) {
        self.shape = shape
        data = []
        let count = shape.reduce(1, *)
        data.reserveCapacity(count)
        var index = shape.map { _ in 0 }
        for _ in 0..<count {
            data.append(element(index))
            var axis = shape.count - 1
            while axis >= 0 {
                index[axis] += 1
                if index[axis] < shape[axis] { break }
                index[axis] = 0
                axis -= 1
            }
        }
    }

    public static func scalar(_ value: Double) -> Naive { Naive([], [value]) }

    public subscript(index: [Int]) -> Double {
        var offset = 0
        for (position, extent) in zip(index, shape) { offset = offset * extent + position }
        return data[offset]
    }

    public func map(_ body: (Double) -> Double) -> Naive { Naive(shape, data.map(body)) }

    /// N, C and three dimensions, the outer ones 1 where missing.
    var volume: (images: Int, channels: Int, size: [Int]) {
        let spatial = Array(shape.dropFirst(2))
        return (shape[0], shape[1], Array(repeating: 1, count: 3 - spatial.count) + spatial)
    }

    /// Two arrays element by element, extents of 1 and missing outer dimensions repeated.
    static func combine(_ a: Naive, _ b: Naive, _ body: (Double, Double) -> Double) -> Naive {
        let rank = max(a.shape.count, b.shape.count)
        func padded(_ array: Naive) -> [Int] { Array(repeating: 1, count: rank - array.shape.count) + array.shape }
        let left = padded(a), right = padded(b)
        let wideA = Naive(left, a.data), wideB = Naive(right, b.data)
        return Naive(zip(left, right).map { max($0, $1) }) { index in
            body(
                wideA[zip(index, left).map { $1 == 1 ? 0 : $0 }], wideB[zip(index, right).map { $1 == 1 ? 0 : $0 }])
        }
    }

    /// Folds the elements along some dimensions, which stay with extent 1.
    func fold(_ axes: [Int], _ start: Double, _ body: (Double, Double) -> Double) -> Naive {
        var result = Naive(shape.enumerated().map { axes.contains($0) ? 1 : $1 }) { _ in start }
        _ = Naive(shape) { index in
            var offset = 0
            for axis in shape.indices {
                offset = offset * result.shape[axis] + (axes.contains(axis) ? 0 : index[axis])
            }
            result.data[offset] = body(result.data[offset], self[index])
            return 0
        }
        return result
    }

    func dropping(_ axes: [Int]) -> Naive {
        Naive(shape.indices.filter { !axes.contains($0) }.map { shape[$0] }, data)
    }
}
