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

    /// Eight sleeping jobs of calls without a session hold up neither another client nor a session of the same one.
    @Test func `somebody who comes anew finds a place free`() async throws {
        let queue = FairQueue(limit: 4, clientLimit: 3, keyLimit: 2)
        let gate = AsyncStream.makeStream(of: Void.self)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask { try? await queue.run(for: "sleeper") { for await _ in gate.stream {} } }
            }
            while queue.load.running + queue.load.waiting < 8 { await Task.yield() }
            #expect(queue.load == (2, 6))
            for key in [FairQueue.Key(client: "sleeper", session: "s"), FairQueue.Key(client: "other")] {
                try? await queue.run(for: key) { #expect(queue.load.running == 3) }
            }
            gate.continuation.finish()
        }
        #expect(queue.load == (0, 0))
    }

    @Test func `a client's sessions take turns, and clients before them`() async throws {
        let queue = FairQueue(limit: 1)
        let order = Locked([String]())
        let gate = AsyncStream.makeStream(of: Void.self)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await queue.run(for: "first") { for await _ in gate.stream {} } }
            while queue.load.running == 0 { await Task.yield() }
            for (index, name) in ["a1", "a1", "a1", "a2", "b1", "b1"].enumerated() {
                let key = FairQueue.Key(client: String(name.prefix(1)), session: name)
                group.addTask { try? await queue.run(for: key) { order.withLock { $0.append(name) } } }
                while queue.load.waiting < index + 1 { await Task.yield() }
            }
            gate.continuation.finish()
        }
        #expect(order.withLock { $0 } == ["a1", "b1", "a2", "b1", "a1", "a1"])
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
