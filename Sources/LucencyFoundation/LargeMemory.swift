#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Memory of its own for large buffers.
///
/// Mappings that are freed are kept for the next buffer of that size: making the pages of a new one costs as much as the
/// usual filter takes. Keeping hardly raises the peak of such memory: with what is kept, no more is mapped than was once in
/// use without, or a little.
enum LargeMemory {
    /// Bytes from which memory is asked for in huge pages of 2 MiB: with small ones, walking along a column misses the
    /// translation cache at every row. NumPy does the same from 4 MiB on.
    private static let hugeFrom = 1 << 21
    /// Mappings of fewer bytes are kept, so many bytes of them at most.
    private static let keptBelow = 32 << 20, keptAtMost = 48 << 20
    /// Bytes that are kept even at the peak: the few buffers that every item takes anew.
    private static let keptAnyway = 4 << 20

    private struct Mapping {
        // An address is free for whoever takes it from the list.
        let address: UInt
        let bytes: Int
    }

    private struct State {
        /// The longest kept first.
        var kept: [Mapping] = []
        var keptBytes = 0, usedBytes = 0, mostUsedBytes = 0

        mutating func take(_ bytes: Int) -> Mapping? {
            usedBytes += bytes
            mostUsedBytes = max(mostUsedBytes, usedBytes)
            guard let index = kept.lastIndex(where: { $0.bytes == bytes }) else { return nil }
            keptBytes -= bytes
            return kept.remove(at: index)
        }

        mutating func giveBack(_ mapping: Mapping) {
            usedBytes -= mapping.bytes
            kept.append(mapping)
            keptBytes += mapping.bytes
        }

        /// What is too much to keep.
        mutating func surplus() -> [Mapping] {
            let most = min(keptAtMost, max(keptAnyway, mostUsedBytes - usedBytes))
            // An array of its own: one that shared the list's memory would be read while the list changes, which is safe,
            // but which the thread sanitizer cannot know.
            var surplus: [Mapping] = []
            while keptBytes > most, !kept.isEmpty {
                keptBytes -= kept[0].bytes
                surplus.append(kept.removeFirst())
            }
            return surplus
        }
    }
    private static let state = Lock(State())

    /// Memory, and whether it is zeros; nil when there is none.
    static func take(_ bytes: Int) -> (memory: UnsafeMutableRawPointer, isZeroed: Bool)? {
        let (known, surplus) = state.withLock { ($0.take(bytes), $0.surplus()) }
        unmap(surplus)
        if let known, let memory = UnsafeMutableRawPointer(bitPattern: known.address) { return (memory, false) }
        guard let raw = map(bytes) ?? retried(bytes) else {
            state.withLock { $0.usedBytes -= bytes }
            return nil
        }
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
        let mapping = Mapping(address: UInt(bitPattern: memory), bytes: bytes)
        let surplus = state.withLock { state -> [Mapping] in
            guard bytes < keptBelow else {
                state.usedBytes -= bytes
                return [mapping]
            }
            state.giveBack(mapping)
            return state.surplus()
        }
        unmap(surplus)
    }

    private static func map(_ bytes: Int) -> UnsafeMutableRawPointer? {
        let raw = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0)
        return raw == MAP_FAILED ? nil : raw
    }

    /// A mapping after all that is kept was let go.
    private static func retried(_ bytes: Int) -> UnsafeMutableRawPointer? {
        let kept = state.withLock { state -> [Mapping] in
            defer { (state.kept, state.keptBytes) = ([], 0) }
            return state.kept
        }
        unmap(kept)
        return kept.isEmpty ? nil : map(bytes)
    }

    private static func unmap(_ mappings: [Mapping]) {
        for mapping in mappings { munmap(UnsafeMutableRawPointer(bitPattern: mapping.address), mapping.bytes) }
    }

    #if os(Linux)
        /// `MADV_POPULATE_WRITE` (Linux 5.14), which older headers lack.
        private static let populateForWriting: Int32 = 23
    #endif
}
