#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Memory of its own for large buffers.
///
/// A few mappings of moderate size are kept when they are freed, for the next buffer of that size: making the pages of a
/// new one costs more than the usual filter takes. What is kept is little, and stays the same however long a program runs.
enum LargeMemory {
    /// Bytes from which memory is asked for in huge pages of 2 MiB: with small ones, walking along a column misses the
    /// translation cache at every row. NumPy does the same from 4 MiB on.
    private static let hugeFrom = 1 << 21
    /// Mappings of fewer bytes are kept, so many bytes of them at most.
    private static let keptBelow = 5 << 20, keptAtMost = 6 << 20

    private struct Mapping {
        // An address is free for whoever takes it from the list.
        let address: UInt
        let bytes: Int
    }
    private static let kept = Lock([Mapping]())

    /// Memory, and whether it is zeros; nil when there is none.
    static func take(_ bytes: Int) -> (memory: UnsafeMutableRawPointer, isZeroed: Bool)? {
        if bytes < keptBelow {
            let known = kept.withLock { list -> Mapping? in
                list.lastIndex { $0.bytes == bytes }.map { list.remove(at: $0) }
            }
            if let known, let memory = UnsafeMutableRawPointer(bitPattern: known.address) { return (memory, false) }
        }
        guard let raw = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0), raw != MAP_FAILED
        else { return nil }
        #if os(Linux)
            // Both calls are advice: without them pages are made when they are first written.
            if bytes >= hugeFrom { madvise(raw, bytes, MADV_HUGEPAGE) }
            // All of it will be written, so its pages are made at once: one by one costs twice as much. What is very large
            // may have been claimed by a file that then delivers less.
            if bytes <= 1 << 26 { madvise(raw, bytes, populateForWriting) }
        #endif
        return (raw, true)
    }

    static func giveBack(_ memory: UnsafeMutableRawPointer, _ bytes: Int) {
        guard bytes < keptBelow else {
            munmap(memory, bytes)
            return
        }
        // The longest kept go first.
        let surplus = kept.withLock { list -> [Mapping] in
            list.append(Mapping(address: UInt(bitPattern: memory), bytes: bytes))
            var total = list.reduce(0) { $0 + $1.bytes }, count = 0
            while total > keptAtMost {
                total -= list[count].bytes
                count += 1
            }
            defer { list.removeFirst(count) }
            return Array(list.prefix(count))
        }
        for mapping in surplus { munmap(UnsafeMutableRawPointer(bitPattern: mapping.address), mapping.bytes) }
    }

    #if os(Linux)
        /// `MADV_POPULATE_WRITE` (Linux 5.14), which older headers lack.
        private static let populateForWriting: Int32 = 23
    #endif
}
