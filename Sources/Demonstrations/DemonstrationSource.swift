/// Makes demonstrations, each from its own draw of a seed, so that neither the number of workers nor an interruption
/// changes them.
public protocol DemonstrationSource: Sendable {
    /// The demonstration of one draw, from 0; nil when the draw gave none.
    func demonstration(_ index: Int) async throws -> Demonstration?
}

extension DemonstrationSource {
    /// Makes demonstrations from draw `start` on, many at once, and hands them on in the order of their draws until
    /// `body` returns false. The seed alone decides what is handed on, and memory does not grow with the number.
    ///
    /// - Parameters:
    ///   - workers: how many are made at once.
    ///   - body: gets the draw and its demonstration.
    public func run(
        from start: Int = 0, workers: Int, _ body: (Int, Demonstration?) async throws -> Bool
    ) async throws {
        try await withThrowingTaskGroup(of: (Int, Demonstration?).self) { group in
            var next = start
            var due = start
            var waiting: [Int: Demonstration?] = [:]
            // A slow draw, such as a program that never ends, must not leave the others idle.
            let ahead = max(workers, 1) * 16
            var running = 0
            while true {
                while running < max(workers, 1) * 2, next < due + ahead {
                    let index = next
                    group.addTask {
                        // Awaited inside the tuple, the index can come out as 0 in optimised builds of Swift 6.3.1.
                        let made = try await demonstration(index)
                        return (index, made)
                    }
                    next += 1
                    running += 1
                }
                guard let (index, result) = try await group.next() else { return }
                running -= 1
                waiting.updateValue(result, forKey: index)
                while let result = waiting.removeValue(forKey: due) {
                    if try await !body(due, result) {
                        group.cancelAll()
                        return
                    }
                    due += 1
                }
            }
        }
    }
}
