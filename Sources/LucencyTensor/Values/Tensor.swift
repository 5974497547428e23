import LucencyFoundation

/// A contiguous, row-major array of float32 with a shape. A value: copies share memory until one of them changes.
public struct Tensor: Hashable, Sendable {
    public let shape: Shape
    public package(set) var buffer: AlignedBuffer<Float>

    /// - Throws: `Diagnostic` when the number of elements is not that of the shape.
    public init(_ shape: Shape, _ buffer: AlignedBuffer<Float>) throws(Diagnostic) {
        guard buffer.count == shape.count else {
            throw Diagnostic(.shapeMismatch, "\(buffer.count) numbers do not fill a tensor of shape \(shape)")
        }
        self.shape = shape
        self.buffer = buffer
    }

    /// A tensor from numbers in row-major order.
    /// - Throws: `Diagnostic` when their number is not that of the shape.
    public init(_ dimensions: [Int], _ numbers: some Collection<Float>) throws(Diagnostic) {
        try self.init(Shape(dimensions), AlignedBuffer(numbers))
    }

    /// A tensor filled with one number.
    public init(_ shape: Shape, repeating value: Float) {
        self.shape = shape
        buffer = AlignedBuffer(repeating: value, count: shape.count)
    }

    /// A scalar.
    public init(_ value: Float) { self.init(.scalar, repeating: value) }

    package init(trusted shape: Shape, initialize: (UnsafeMutableBufferPointer<Float>) -> Void) {
        self.shape = shape
        buffer = AlignedBuffer(count: shape.count, initialize: initialize)
    }

    /// The numbers as an array, for tests and small tensors.
    public var array: [Float] { buffer.array }

    /// The single number of a tensor with one element; NaN for any other.
    public var scalar: Float { shape.count == 1 ? buffer[0] : .nan }

    /// The same numbers under another shape.
    /// - Throws: `Diagnostic` when the counts differ.
    public func reshaped(_ dimensions: [Int]) throws(Diagnostic) -> Tensor {
        try Tensor(Shape(dimensions), buffer)
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(shape) }
}
