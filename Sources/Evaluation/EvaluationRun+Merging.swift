import Runs

extension EvaluationRun {
    /// Joins the shards of one run.
    ///
    /// - Throws: ``EvaluationError`` when they are not all shards of one run; it names the missing ones.
    public init(merging shards: [EvaluationRun]) throws {
        guard var configuration = shards.first?.configuration, let first = configuration.shard else {
            throw EvaluationError(
                .mismatchedShards, "These are no shards: run each part with --shard i/n and name all its folders.")
        }
        configuration.shard = nil
        var parts: [Int: EvaluationRun] = [:]
        for run in shards {
            let shard = try run.shard(of: configuration, count: first.count)
            guard parts.updateValue(run, forKey: shard.index) == nil else {
                throw EvaluationError(.mismatchedShards, "The shard \(shard) is given twice.")
            }
        }
        let missing = (1...first.count).filter { parts[$0] == nil }
        guard missing.isEmpty else {
            throw EvaluationError(
                .mismatchedShards,
                "Of \(first.count) shards these are missing: \(missing.map(String.init).joined(separator: ", ")).")
        }
        let ordered = (1...first.count).compactMap { parts[$0] }
        // Shards were dealt out one by one.
        let rounds = ordered.map(\.tasks.count).max() ?? 0
        let tasks = (0..<rounds).flatMap { round in
            ordered.compactMap { $0.tasks.indices.contains(round) ? $0.tasks[round] : nil }
        }
        self.init(
            configuration: configuration, tasks: tasks, traces: ordered.flatMap(\.traces),
            starts: ordered.flatMap(\.starts))
    }

    /// Which shard of the configuration's run this is.
    ///
    /// - Throws: ``EvaluationError`` when it is none, or not finished.
    private func shard(of whole: EvaluationConfiguration, count: Int) throws -> Shard {
        var own = configuration
        own.shard = nil
        // Another machine may have the same files in another place.
        if InputDigest.haveSameContent(own.inputs, whole.inputs) { own.inputs = whole.inputs }
        guard own == whole, let shard = configuration.shard, shard.count == count else {
            throw EvaluationError(
                .mismatchedShards,
                "The folders hold runs with different settings; only shards of one run can be joined.")
        }
        let missing = tasks.count * configuration.samples - traces.count
        guard missing <= 0 else {
            throw EvaluationError(
                .mismatchedShards,
                "The shard \(shard) still lacks \(missing) episodes; start its command again to finish it.")
        }
        return shard
    }
}
