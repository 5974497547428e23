import LucencyFoundation
import Testing

@Suite struct LockTests {
    @Test func `threads that count under a lock lose nothing`() {
        let count = Lock(0)
        ThreadPool(threads: 4).forEach(1000) { _ in count.withLock { $0 += 1 } }
        #expect(count.withLock { $0 } == 1000)
    }

    @Test func `an error leaves the lock open`() {
        struct Failure: Error {}
        let lock = Lock(1)
        #expect(throws: Failure.self) { try lock.withLock { _ in throw Failure() } }
        #expect(lock.withLock { $0 } == 1)
    }
}
