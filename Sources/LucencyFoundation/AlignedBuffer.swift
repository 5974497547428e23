#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A fixed-length, contiguous, 64-byte-aligned, copy-on-write buffer of plain numbers.
///
/// Hot loops take `withUnsafeBufferPointer`; the subscript is for tests and small work.
public struct AlignedBuffer<Element: BitwiseCopyable & Sendable>: @unchecked Sendable {
    // Sendable by hand: the storage is only written when this value is its single owner.
    @usableFromInline
    final class Storage {
        @usableFromInline let base: UnsafeMutablePointer<Element>
        /// Length of a mapping of its own; 0 where the heap gave the memory.
        private let mappedBytes: Int
        /// Whether it began as zeros.
        @usableFromInline let isZeroed: Bool

        @usableFromInline
        init(count: Int) {
            let bytes = max(1, count) * MemoryLayout<Element>.stride
            var raw: UnsafeMutableRawPointer?
            // What is large is mapped by itself (`LargeMemory`). In the heap, buffers that come and go from several threads would leave holes of a multiple of what is in use.
            if bytes >= 1 << 17 {
                mappedBytes = bytes
                let taken = LargeMemory.take(bytes)
                raw = taken?.memory
                isZeroed = taken?.isZeroed == true
            } else {
                mappedBytes = 0
                isZeroed = false
                if posix_memalign(&raw, 64, bytes) != 0 { raw = nil }
            }
            guard let raw else {
                // Sizes are checked against the memory budget before any buffer is made; this is the machine failing.
                fatalError("out of memory: \(bytes) bytes")
            }
            base = raw.bindMemory(to: Element.self, capacity: max(1, count))
        }

        deinit {
            if mappedBytes > 0 { LargeMemory.giveBack(base, mappedBytes) } else { free(base) }
        }
    }

    @usableFromInline var storage: Storage
    public let count: Int

    /// A buffer of `count` copies of `value`.
    @inlinable
    public init(repeating value: Element, count: Int) {
        storage = Storage(count: count)
        self.count = count
        if storage.isZeroed, withUnsafeBytes(of: value, { $0.allSatisfy { $0 == 0 } }) { return }
        storage.base.initialize(repeating: value, count: count)
    }

    /// A buffer that `initialize` fills completely.
    @inlinable
    public init(count: Int, initialize: (UnsafeMutableBufferPointer<Element>) throws -> Void) rethrows {
        storage = Storage(count: count)
        self.count = count
        try initialize(UnsafeMutableBufferPointer(start: storage.base, count: count))
    }

    /// A copy of a collection.
    @inlinable
    public init(_ elements: some Collection<Element>) {
        self.init(count: elements.count) { _ = $0.initialize(from: elements) }
    }

    /// Calls `body` with the elements.
    @inlinable
    public func withUnsafeBufferPointer<R>(_ body: (UnsafeBufferPointer<Element>) throws -> R) rethrows -> R {
        defer { withExtendedLifetime(storage) {} }
        return try body(UnsafeBufferPointer(start: storage.base, count: count))
    }

    /// Calls `body` with the elements for changing; copies them first if they are shared.
    @inlinable
    public mutating func withUnsafeMutableBufferPointer<R>(
        _ body: (UnsafeMutableBufferPointer<Element>) throws -> R
    ) rethrows -> R {
        makeUnique()
        defer { withExtendedLifetime(storage) {} }
        return try body(UnsafeMutableBufferPointer(start: storage.base, count: count))
    }

    /// Where the elements lie, for an owner that keeps the buffer alive and to itself.
    package var stableAddress: UnsafeMutablePointer<Element> { storage.base }

    @usableFromInline
    mutating func makeUnique() {
        guard !isKnownUniquelyReferenced(&storage) else { return }
        let copy = Storage(count: count)
        copy.base.update(from: storage.base, count: count)
        storage = copy
    }

    /// The element at `index`, which must be in `0..<count`.
    @inlinable
    public subscript(index: Int) -> Element {
        get {
            precondition(index >= 0 && index < count, "index \(index) outside 0..<\(count)")
            return storage.base[index]
        }
        set {
            precondition(index >= 0 && index < count, "index \(index) outside 0..<\(count)")
            makeUnique()
            storage.base[index] = newValue
        }
    }

    /// The elements as an array, for tests and small buffers.
    public var array: [Element] { withUnsafeBufferPointer(Array.init) }
}

extension AlignedBuffer: Equatable where Element: Equatable {
    public static func == (left: AlignedBuffer, right: AlignedBuffer) -> Bool {
        guard left.count == right.count else { return false }
        if left.storage === right.storage { return true }
        return left.withUnsafeBufferPointer { a in right.withUnsafeBufferPointer { b in a.elementsEqual(b) } }
    }
}
