import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A fixed set of threads that share the chunks of one loop at a time.
///
/// The caller of `forEach` works too, so a pool of one thread runs everything in the caller, and nested loops cannot
/// deadlock. Results must not depend on who runs which chunk: cut work by the problem's shape, never by thread count.
public final class ThreadPool: Sendable {
    /// Runs everything in the calling thread.
    public static let serial = ThreadPool(threads: 1)

    /// More threads than this are never started: no machine has so many processors. Where the address space is limited
    /// (`ulimit -v`), half of it is left to the work itself.
    public static let maximumThreads: Int = {
        var limits = rlimit()
        #if canImport(Darwin)
            let known = getrlimit(RLIMIT_AS, &limits) == 0
        #else
            let known = getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limits) == 0
        #endif
        // A stack, and what the allocator sets apart for a thread.
        let bytesPerThread: UInt64 = 72 << 20
        return known ? Int(min(1024, max(1, UInt64(limits.rlim_cur) / 2 / bytesPerThread))) : 1024
    }()

    /// How many threads a loop may use, the caller included.
    public let threads: Int
    private let queue: Queue

    /// - Parameter threads: at least 1; `threads - 1` helpers are started, or as many as the system allows.
    public init(threads: Int) {
        let queue = Queue()
        var started = 1
        while started < min(threads, Self.maximumThreads), startThread({ queue.help() }) { started += 1 }
        self.threads = started
        self.queue = queue
    }

    deinit { queue.close() }

    /// Calls `body` once for every index below `count`, in no particular order, and returns when all are done.
    ///
    /// If calls throw, the error of the lowest index is rethrown after all others have ended.
    public func forEach(_ count: Int, _ body: @Sendable (Int) throws -> Void) throws {
        try share(count) { index, _ in try body(index) }
    }

    /// As `forEach`, for bodies that cannot fail.
    public func forEach(_ count: Int, _ body: @Sendable (Int) -> Void) {
        // The body cannot throw, so neither can the loop.
        try? share(count) { index, _ in body(index) }
    }

    /// As `forEach`, with the number of the thread that makes the call, below `threads`: no two calls at the same time
    /// have the same one, so it can choose working memory.
    public func forEachWorker(_ count: Int, _ body: @Sendable (_ index: Int, _ worker: Int) -> Void) {
        try? share(count) { index, worker in body(index, worker) }
    }

    private func share(_ count: Int, _ body: @Sendable (_ index: Int, _ worker: Int) throws -> Void) throws {
        guard count > 1, threads > 1 else {
            for index in 0..<max(0, count) { try body(index, 0) }
            return
        }
        try withoutActuallyEscaping(body) { body in
            let job = Job(count: count, body: body)
            queue.post(job)
            job.work(as: 0)
            queue.withdraw(job)
            let error = job.waitForHelpers()
            // A helper may hold the job a moment longer than it works on it; it must not hold the closure.
            job.release()
            if let error { throw error }
        }
    }

    private final class Job: @unchecked Sendable {
        // Sendable by hand: counters are atomic, `failure` is guarded by the mutex, `body` changes once, after all work.
        let count: Int
        private var body: (@Sendable (Int, Int) throws -> Void)?
        let next = Atomic<Int>(0)
        /// Helpers at work now, and how many ever came: that number is the worker's. Each comes at most once.
        let helpers = Monitor((working: 0, arrived: 0))
        /// As in `helpers`, to look at without the lock.
        let working = Atomic<Int>(0)
        private let failure = Lock<(index: Int, error: any Error)?>(nil)

        init(count: Int, body: @escaping @Sendable (Int, Int) throws -> Void) {
            self.count = count
            self.body = body
        }

        /// Lets go of the closure; only once no thread works on the job and none can take it.
        func release() { body = nil }

        func work(as worker: Int) {
            guard let body else { return }
            while true {
                let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
                guard index < count else { return }
                do {
                    try body(index, worker)
                } catch {
                    failure.withLock { if index < $0?.index ?? .max { $0 = (index, error) } }
                }
            }
        }

        func waitForHelpers() -> (any Error)? {
            lookAgain { working.load(ordering: .relaxed) > 0 }
            helpers.wait { $0.working == 0 }
            return failure.withLock { $0?.error }
        }
    }

    private final class Queue: Sendable {
        private let state = Monitor((jobs: [Job](), closed: false))
        /// Counts loops, so that a helper sees without the lock that another one began.
        private let posts = Atomic<Int>(0)

        func post(_ job: Job) {
            state.update { $0.jobs.append(job) }
            posts.add(1, ordering: .relaxed)
        }
        func withdraw(_ job: Job) { state.update { $0.jobs.removeAll { $0 === job } } }
        func close() { state.update { $0.closed = true } }

        func help() {
            while let (job, worker) = take() {
                job.work(as: worker)
                withdraw(job)
                job.helpers.update { $0.working -= 1 }
                job.working.subtract(1, ordering: .relaxed)
                let seen = posts.load(ordering: .relaxed)
                lookAgain { posts.load(ordering: .relaxed) == seen }
            }
        }

        private func take() -> (Job, worker: Int)? {
            state.wait(until: { $0.closed || !$0.jobs.isEmpty }) { state in
                guard let job = state.jobs.last else { return nil }
                let worker = job.helpers.update { helpers in
                    helpers.working += 1
                    job.working.add(1, ordering: .relaxed)
                    helpers.arrived += 1
                    return helpers.arrived
                }
                return (job, worker)
            }
        }
    }
}

/// Waits for something short before going to sleep, which costs more: the loops of one computation follow each other closely.
/// Some tens of microseconds at the most, in which others may have the processor.
private func lookAgain(while isPending: () -> Bool) {
    var patience = 300
    while patience > 0, isPending() {
        sched_yield()
        patience -= 1
    }
}

/// A value that threads change under a lock and wait upon.
public final class Monitor<Value: Sendable>: @unchecked Sendable {
    // Sendable by hand: `value` is only touched between lock and unlock.
    private var value: Value
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    public init(_ value: Value) {
        self.value = value
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// Changes the value and wakes all who wait.
    public func update<R>(_ change: (inout Value) throws -> R) rethrows -> R {
        pthread_mutex_lock(mutex)
        defer {
            pthread_cond_broadcast(condition)
            pthread_mutex_unlock(mutex)
        }
        return try change(&value)
    }

    /// Blocks until `ready` holds, then calls `change` before anyone else can.
    @discardableResult
    public func wait<R>(until ready: (Value) -> Bool, _ change: (inout Value) throws -> R) rethrows -> R {
        pthread_mutex_lock(mutex)
        defer {
            pthread_cond_broadcast(condition)
            pthread_mutex_unlock(mutex)
        }
        while !ready(value) { pthread_cond_wait(condition, mutex) }
        return try change(&value)
    }

    /// Blocks until `ready` holds.
    public func wait(until ready: (Value) -> Bool) {
        pthread_mutex_lock(mutex)
        while !ready(value) { pthread_cond_wait(condition, mutex) }
        pthread_mutex_unlock(mutex)
    }
}

/// Starts a detached thread.
/// - Returns: whether the system allowed it; if not, `body` will never be called.
public func startThread(stackBytes: Int = 1 << 23, _ body: @escaping @Sendable () -> Void) -> Bool {
    final class Box {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setstacksize(&attributes, stackBytes)
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    #if canImport(Darwin)
        var thread: pthread_t?
        let enter: @convention(c) (UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? = { raw in
            Unmanaged<Box>.fromOpaque(raw).takeRetainedValue().body()
            return nil
        }
    #else
        var thread = pthread_t()
        let enter: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { raw in
            if let raw { Unmanaged<Box>.fromOpaque(raw).takeRetainedValue().body() }
            return nil
        }
    #endif
    let box = Unmanaged.passRetained(Box(body))
    let isRunning = pthread_create(&thread, &attributes, enter, box.toOpaque()) == 0
    if !isRunning { box.release() }
    pthread_attr_destroy(&attributes)
    return isRunning
}
