#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A value that one thread at a time may touch.
///
/// Used instead of `Synchronization.Mutex`, whose futexes the thread sanitizer does not see on Linux: it takes every
/// value under one for a race.
public final class Lock<Value>: @unchecked Sendable {
    // Sendable by hand: the value is only touched between lock and unlock.
    private let value = UnsafeMutablePointer<Value>.allocate(capacity: 1)
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)

    public init(_ value: sending Value) {
        self.value.initialize(to: value)
        pthread_mutex_init(mutex, nil)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        value.deinitialize(count: 1)
        value.deallocate()
        mutex.deallocate()
    }

    /// Calls `body` with the value while no other thread can touch it; not to be called again from within.
    public func withLock<R, E: Error>(_ body: (inout Value) throws(E) -> R) throws(E) -> R {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&value.pointee)
    }
}
