import Synchronization
import Testing

@testable import Serving

/// A lock that closures can share.
private final class Locked<Value: Sendable>: Sendable {
    private let value: Mutex<Value>
    init(_ value: Value) { self.value = Mutex(value) }
    func withLock<Result: Sendable>(_ body: (inout Value) -> Result) -> Result { value.withLock { body(&$0) } }
}

@Suite struct FairQueueTests {
    @Test func `a client with many jobs does not hold up one with few`() async throws {
        let queue = FairQueue(limit: 1)
        let order = Locked([String]())
        let gate = AsyncStream.makeStream(of: Void.self)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await queue.run(for: "first") { for await _ in gate.stream {} } }
            while queue.load.running == 0 { await Task.yield() }
            for index in 0..<50 {
                group.addTask { try? await queue.run(for: "greedy") { order.withLock { $0.append("greedy") } } }
                while queue.load.waiting < index + 1 { await Task.yield() }
            }
            for index in 0..<3 {
                group.addTask { try? await queue.run(for: "modest") { order.withLock { $0.append("modest") } } }
                while queue.load.waiting < 50 + index + 1 { await Task.yield() }
            }
            gate.continuation.finish()
        }
        let places = order.withLock { order in order.indices.filter { order[$0] == "modest" } }
        #expect(places == [1, 3, 5])
        #expect(queue.load == (0, 0))
    }

    @Test func `jobs whose client has left never run and block nobody`() async throws {
        let queue = FairQueue(limit: 2)
        let ran = Locked(0)
        let peak = Locked((now: 0, most: 0))
        for _ in 0..<20 {
            let tasks = (0..<50).map { index in
                Task {
                    try await queue.run(for: "\(index % 7)") {
                        peak.withLock {
                            $0.now += 1
                            $0.most = max($0.most, $0.now)
                        }
                        try? await Task.sleep(for: .microseconds(50))
                        peak.withLock { $0.now -= 1 }
                        ran.withLock { $0 += 1 }
                    }
                }
            }
            for (index, task) in tasks.enumerated() where index.isMultiple(of: 2) { task.cancel() }
            for (index, task) in tasks.enumerated() where !index.isMultiple(of: 2) { try await task.value }
            for task in tasks { _ = await task.result }
        }
        #expect(queue.load == (0, 0))
        #expect(peak.withLock { $0.most } <= 2)
        #expect(ran.withLock { $0 } >= 500)
    }
}
