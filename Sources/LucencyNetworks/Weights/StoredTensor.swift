import LucencyFoundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A named tensor as a file holds it: its numbers are read when they are asked for.
public struct StoredTensor: Sendable {
    public private(set) var name: String
    public let elementType: ElementType
    /// Sizes of the axes, outermost first; empty for a single number.
    public let shape: [Int]
    /// How many numbers the tensor has.
    public let count: Int

    let source: ByteSource
    /// Where the first number lies, in bytes.
    let offset: Int
    /// Numbers between neighbours along each axis, where the tensor is a view; nil: row-major without gaps.
    let strides: [Int]?

    /// More axes than this are refused, as PyTorch does.
    static let maximumAxes = 64

    /// Checks that the tensor lies within its source.
    /// - Throws: `Diagnostic` without a name of its own when a size is negative or the numbers do not lie in the bytes.
    init(
        name: String, elementType: ElementType, shape: [Int], source: ByteSource, offset: Int, byteCount: Int,
        strides: [Int]? = nil, start: Int = 0
    ) throws(Diagnostic) {
        func damaged(_ reason: String) -> Diagnostic { source.problem(.damagedFile, "tensor '\(name)': \(reason)") }
        guard shape.count <= Self.maximumAxes else { throw damaged("it has \(shape.count) axes") }
        guard let count = Self.count(of: shape) else { throw damaged("the shape \(shape) is not possible") }
        guard offset >= 0, byteCount >= 0, offset <= source.count, byteCount <= source.count - offset else {
            throw damaged("it lies outside the file")
        }
        let width = elementType.byteCount
        guard let span = Self.span(shape, strides, count: count), start >= 0,
            span <= byteCount / width, start <= byteCount / width - span
        else { throw damaged("\(count) numbers of \(elementType.rawValue) do not lie in \(byteCount) bytes") }
        self.name = name
        self.elementType = elementType
        self.shape = shape
        self.count = count
        self.source = source
        self.offset = offset + start * width
        self.strides = strides.flatMap { count == 0 || Self.isContiguous(shape, $0) ? nil : $0 }
    }

    /// A tensor from memory.
    /// - Parameter bytes: the numbers, row-major and little-endian.
    /// - Throws: `Diagnostic` when their number is not the shape's.
    public init(name: String, elementType: ElementType, shape: [Int], bytes: [UInt8]) throws(Diagnostic) {
        try self.init(
            name: name, elementType: elementType, shape: shape, source: ByteSource(bytes), offset: 0,
            byteCount: bytes.count)
        guard byteCount == bytes.count else {
            throw Diagnostic(.sizeMismatch, "tensor '\(name)': \(bytes.count) bytes do not fill the shape \(shape)")
        }
    }

    /// A float32 tensor from memory.
    /// - Throws: `Diagnostic` when the number of values is not the shape's.
    public init(name: String, shape: [Int], floats: AlignedBuffer<Float>) throws(Diagnostic) {
        let bytes = floats.withUnsafeBufferPointer { Array(UnsafeRawBufferPointer($0)) }
        try self.init(name: name, elementType: .float32, shape: shape, bytes: bytes)
    }

    /// The same tensor under another name.
    public func renamed(_ name: String) -> StoredTensor {
        var copy = self
        copy.name = name
        return copy
    }

    /// Bytes of all numbers, without gaps.
    public var byteCount: Int { count * elementType.byteCount }

    /// Bytes that must be read for it; more than `byteCount` where a view leaves out what lies between.
    var spannedBytes: Int { max(count, Self.span(shape, strides, count: count) ?? 0) * elementType.byteCount }

    // MARK: Numbers

    /// The numbers as float32, row-major: float64 and integers beyond ±2²⁴ are rounded to the nearest.
    /// - Throws: `Diagnostic` when the file cannot be read, or (unless `allowingNonFinite`) when a number is NaN, infinite or
    ///   too large for float32.
    public func floats(allowingNonFinite: Bool = false) throws(Diagnostic) -> AlignedBuffer<Float> {
        try requireMemory(for: max(count * 4, spannedBytes))
        var failure: Diagnostic?
        let buffer = AlignedBuffer<Float>(count: count) { floats in
            var done = 0
            do throws(Diagnostic) {
                try forEachPiece { piece throws(Diagnostic) in
                    let part = UnsafeMutableBufferPointer(
                        rebasing: floats[done..<done + piece.count / elementType.byteCount])
                    elementType.convert(piece, to: part)
                    if !allowingNonFinite, let index = part.firstIndex(where: { !$0.isFinite }) {
                        throw source.problem(
                            .notFinite,
                            "tensor '\(name)': number \(done + index) is not finite, or too large for float32",
                            remedy: "the weights are those of a training that diverged, or the file is damaged")
                    }
                    done += part.count
                }
            } catch { failure = error }
        }
        if let failure { throw failure }
        return buffer
    }

    /// The numbers as they are stored: row-major, little-endian, without gaps.
    public func bytes() throws(Diagnostic) -> [UInt8] {
        try requireMemory(for: max(byteCount, spannedBytes))
        var bytes: [UInt8] = []
        bytes.reserveCapacity(byteCount)
        try forEachPiece { piece in bytes.append(contentsOf: piece) }
        return bytes
    }

    /// Calls `body` with the stored bytes, row-major and without gaps, in aligned pieces of whole numbers.
    func forEachPiece(_ body: (UnsafeRawBufferPointer) throws(Diagnostic) -> Void) throws(Diagnostic) {
        let total = byteCount, pieceBytes = min(1 << 20, total)
        guard total > 0 else { return }
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: pieceBytes, alignment: 64)
        defer { piece.deallocate() }
        var view = try strides.map { strides throws(Diagnostic) in
            StridedReader(
                bytes: try source.bytes(at: offset, count: spannedBytes(strides)), shape: shape, strides: strides,
                width: elementType.byteCount)
        }
        var done = 0
        while done < total {
            let part = UnsafeMutableRawBufferPointer(rebasing: piece[..<min(pieceBytes, total - done)])
            if view != nil { view?.read(into: part) } else { try source.read(at: offset + done, into: part) }
            try body(UnsafeRawBufferPointer(part))
            done += part.count
        }
    }

    private func spannedBytes(_ strides: [Int]) -> Int {
        (Self.span(shape, strides, count: count) ?? 0) * elementType.byteCount
    }

    /// A buffer that the machine cannot have would end the process; a sparse file can be larger than any memory.
    private func requireMemory(for bytes: Int) throws(Diagnostic) {
        let memory = sysconf(Int32(_SC_PHYS_PAGES)).multipliedReportingOverflow(by: sysconf(Int32(_SC_PAGESIZE)))
        guard memory.overflow || memory.partialValue <= 0 || bytes <= memory.partialValue else {
            throw source.problem(.tooLarge, "tensor '\(name)' needs \(bytes >> 30) GiB, more than this machine has")
        }
    }

    // MARK: Layout

    /// The product of the sizes, or nil when one is negative or 8 bytes for each number would not be countable.
    static func count(of shape: [Int]) -> Int? {
        guard shape.allSatisfy({ $0 >= 0 }) else { return nil }
        if shape.contains(0) { return 0 }
        var count = 1
        for size in shape {
            let product = count.multipliedReportingOverflow(by: size)
            guard !product.overflow, product.partialValue <= .max / 16 else { return nil }
            count = product.partialValue
        }
        return count
    }

    /// How many numbers lie from the first to the last, both included; nil when that is not possible.
    private static func span(_ shape: [Int], _ strides: [Int]?, count: Int) -> Int? {
        guard let strides, count > 0 else { return count }
        guard strides.count == shape.count else { return nil }
        var last = 0
        for (size, stride) in zip(shape, strides) {
            let step = (size - 1).multipliedReportingOverflow(by: stride)
            let sum = last.addingReportingOverflow(step.partialValue)
            guard stride >= 0, !step.overflow, !sum.overflow, sum.partialValue < .max / 16 else { return nil }
            last = sum.partialValue
        }
        return last + 1
    }

    private static func isContiguous(_ shape: [Int], _ strides: [Int]) -> Bool {
        var expected = 1
        for (size, stride) in zip(shape, strides).reversed() where size != 1 {
            if stride != expected { return false }
            expected *= size
        }
        return true
    }
}

/// Walks a view row-major and copies its numbers together.
private struct StridedReader {
    let bytes: [UInt8]
    let shape: [Int]
    let strides: [Int]
    /// Bytes of one number.
    let width: Int
    /// The next number's place along each axis.
    var position: [Int]
    /// Where it lies, in numbers.
    var index = 0

    init(bytes: [UInt8], shape: [Int], strides: [Int], width: Int) {
        self.bytes = bytes
        self.shape = shape
        self.strides = strides
        self.width = width
        position = [Int](repeating: 0, count: shape.count)
    }

    /// Fills `target`, which takes whole numbers and no more than are left.
    mutating func read(into target: UnsafeMutableRawBufferPointer) {
        bytes.withUnsafeBytes { source in
            for start in stride(from: 0, to: target.count, by: width) {
                for byte in 0..<width { target[start &+ byte] = source[index &* width &+ byte] }
                var axis = shape.count - 1
                while axis >= 0 {
                    position[axis] += 1
                    index += strides[axis]
                    if position[axis] < shape[axis] { break }
                    index -= strides[axis] * shape[axis]
                    position[axis] = 0
                    axis -= 1
                }
            }
        }
    }
}
