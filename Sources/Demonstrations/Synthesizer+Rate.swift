extension Synthesizer {
    /// How many demonstrations a second are made, over `count` of them; nothing is written.
    public func rate(count: Int, workers: Int) async throws -> Double {
        let start = ContinuousClock.now
        var made = 0
        try await run(workers: workers) { index, demonstration in
            if demonstration != nil { made += 1 }
            return made < count && index < 20 * count
        }
        return Double(made) / ((ContinuousClock.now - start) / .seconds(1))
    }
}
