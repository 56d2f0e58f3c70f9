import Dispatch
import Foundation
import Synchronization

/// A thread of its own for libtorch, as the executor of an actor.
///
/// libtorch's OpenMP keeps a team of worker threads for every thread that calls it, and idle teams spin. Calls from
/// the many threads of Swift's pool would therefore fight for the cores; from one thread there is one team.
public final class ComputeThread: SerialExecutor {
    private let jobs = Mutex<[UnownedJob]>([])
    private let signal = DispatchSemaphore(value: 0)

    /// Starts the thread; it ends with the last reference to this object.
    public init() {
        let thread = Thread { [weak self, signal] in
            while true {
                signal.wait()
                guard let self, self.runNext() else { return }
            }
        }
        thread.name = "coe.compute"
        // The matrix library keeps its packing buffers on the stack.
        thread.stackSize = 16 << 20
        thread.start()
    }

    deinit { signal.signal() }

    /// Runs a job of an actor on this thread, after the earlier ones.
    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        jobs.withLock { $0.append(job) }
        signal.signal()
    }

    /// Runs `body` on this thread and returns its result or throws its error.
    public func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await Runner(thread: self).run(body)
    }

    private actor Runner {
        let thread: ComputeThread
        nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

        init(thread: ComputeThread) { self.thread = thread }

        func run<Result>(_ body: @Sendable () throws -> Result) throws -> Result { try body() }
    }

    private func runNext() -> Bool {
        guard let job = jobs.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) else { return false }
        job.runSynchronously(on: asUnownedSerialExecutor())
        return true
    }
}
