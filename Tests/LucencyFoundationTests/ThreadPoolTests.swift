import LucencyFoundation
import Synchronization
import Testing

@Suite struct ThreadPoolTests {
    @Test func `a thread that the system refuses is told`() {
        #expect(!startThread(stackBytes: 1 << 52) {})
    }

    @Test func `a pool counts the threads that run, and asks for no more than sense`() {
        #expect(ThreadPool(threads: 0).threads == 1)
        #expect(ThreadPool(threads: 3).threads == 3)
        #expect(ThreadPool(threads: .max).threads <= ThreadPool.maximumThreads)
    }

    @Test func `every index is visited once`() {
        let pool = ThreadPool(threads: 4)
        for count in [0, 1, 2, 7, 1000] {
            let visits = (0..<count).map { _ in Counter() }
            pool.forEach(count) { visits[$0].value.add(1, ordering: .relaxed) }
            #expect(visits.allSatisfy { $0.value.load(ordering: .relaxed) == 1 })
        }
    }

    @Test func `a helper that is slow to let go of a loop does not keep its body alive`() {
        // Loops of little work end while helpers are still on their way out.
        let pool = ThreadPool(threads: 4)
        let counter = Counter()
        for _ in 0..<20_000 { pool.forEach(3) { _ in counter.value.add(1, ordering: .relaxed) } }
        #expect(counter.value.load(ordering: .relaxed) == 60_000)
    }

    @Test func `the error of the lowest index is thrown, after all others have ended`() {
        struct Failure: Error, Equatable { var index: Int }
        let pool = ThreadPool(threads: 3)
        let visited = Counter()
        let error = #expect(throws: Failure.self) {
            try pool.forEach(100) { index in
                visited.value.add(1, ordering: .relaxed)
                if index % 30 == 17 { throw Failure(index: index) }
            }
        }
        #expect(error?.index == 17)
        #expect(visited.value.load(ordering: .relaxed) == 100)
    }

    @Test func `loops within loops end`() {
        let pool = ThreadPool(threads: 3)
        let counter = Counter()
        pool.forEach(8) { _ in pool.forEach(8) { _ in counter.value.add(1, ordering: .relaxed) } }
        #expect(counter.value.load(ordering: .relaxed) == 64)
    }

    private final class Counter: Sendable {
        let value = Atomic<Int>(0)
    }
}
