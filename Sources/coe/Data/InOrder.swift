/// Does `work` on all items, several at once, and hands its results on in the order of the items.
func inOrder<Item: Sendable, Output: Sendable>(
    _ items: [Item], _ progress: ProgressLine, _ work: @escaping @Sendable (Item) async throws -> Output,
    each: (Item, Result<Output, any Error>) throws -> Void
) async throws {
    try await withThrowingTaskGroup(of: (Int, Result<Output, any Error>).self) { group in
        var next = 0
        var due = 0
        var waiting: [Int: Result<Output, any Error>] = [:]
        func add() {
            guard next < items.count else { return }
            let index = next
            next += 1
            group.addTask {
                // Awaited inside the tuple, in an optimised build of Swift 6.3.1 the index can come out as 0.
                do {
                    let output = try await work(items[index])
                    return (index, .success(output))
                } catch {
                    return (index, .failure(error))
                }
            }
        }
        for _ in 0..<16 { add() }
        for try await (index, result) in group {
            waiting[index] = result
            add()
            while let result = waiting.removeValue(forKey: due) {
                try each(items[due], result)
                due += 1
                progress.show(due, of: items.count)
            }
        }
    }
}
