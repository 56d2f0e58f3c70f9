import LanguageModels
import Tensors

/// How fast a model reads and writes on this machine.
///
/// Each figure is the median over rounds. A round goes through all cases in turn, so that a change of the machine's
/// speed meets every case alike.
struct InferenceBenchmark: Sendable {
    struct Row: Codable, Sendable {
        /// `prefill 512`, `decode batch N`, or `turn N`: a turn of one conversation that reads 100 tokens and writes 20.
        var name: String
        var tokensPerSecond: Double
        var slowest: Double
        var fastest: Double
    }

    let model: CausalLM
    let rounds: Int

    init(model: CausalLM, rounds: Int = 5) {
        self.model = model
        self.rounds = rounds
    }

    /// Tokens read before decoding begins, and single tokens decoded in a round.
    private static let (promptLength, contextLength, steps) = (512, 256, 16)
    /// Turns that are measured, in a conversation that begins with ``contextLength`` tokens.
    private static let (turns, turnLength, answerLength) = ([2, 10], 100, 20)
    private static let batches = [1, 4, 16, 64]

    /// - Returns: the figures, and the most bytes that keys and values took at once.
    func run() throws -> (rows: [Row], cacheByteCount: Int) {
        var cacheByteCount = 0
        // Any ids cost the same; these are spread over the vocabulary.
        let ids = (0..<Self.promptLength).map { ($0 * 7919) % model.configuration.vocabularySize }
        var samples: [[Double]] = Array(repeating: [], count: 1 + Self.batches.count + Self.turns.count)
        // The first round warms up and does not count.
        for round in 0...rounds {
            func record(_ index: Int, tokens: Int, _ body: () throws -> Void) rethrows {
                let clock = ContinuousClock()
                let seconds = try clock.measure(body) / .seconds(1)
                if round > 0 { samples[index].append(Double(tokens) / seconds) }
            }
            try record(0, tokens: ids.count) { try read([.init(tokens: ids, cache: model.makeCache())]) }
            let conversation = model.makeCache()
            try read([.init(tokens: Array(ids[..<Self.contextLength]), cache: conversation)])
            for turn in 1...(Self.turns.max() ?? 1) {
                func play() throws {
                    try read([.init(tokens: Array(ids[..<Self.turnLength]), cache: conversation)])
                    for _ in 0..<Self.answerLength { try read([.init(tokens: [ids[7]], cache: conversation)]) }
                }
                if let place = Self.turns.firstIndex(of: turn) {
                    let index = 1 + Self.batches.count + place
                    try record(index, tokens: Self.turnLength + Self.answerLength) { try play() }
                } else {
                    try play()
                }
            }
            for (index, batch) in Self.batches.enumerated() {
                // Each conversation has keys and values of its own; their content does not change what they cost.
                let first = model.makeCache()
                try read([.init(tokens: Array(ids[..<Self.contextLength]), cache: first)])
                let caches = try (0..<batch).map { _ in try first.copy() }
                try record(index + 1, tokens: batch * Self.steps) {
                    for _ in 0..<Self.steps { try read(caches.map { .init(tokens: [ids[7]], cache: $0) }) }
                }
                cacheByteCount = max(cacheByteCount, (caches + [first, conversation]).reduce(0) { $0 + $1.byteCount })
            }
        }
        let names =
            ["prefill \(Self.promptLength)"] + Self.batches.map { "decode batch \($0)" }
            + Self.turns.map { "turn \($0)" }
        let rows = zip(names, samples).map { name, rates in
            let sorted = rates.sorted()
            return Row(
                name: name, tokensPerSecond: sorted[sorted.count / 2], slowest: sorted[0],
                fastest: sorted[sorted.count - 1])
        }
        return (rows, cacheByteCount)
    }

    /// One pass, its likeliest tokens brought to Swift as greedy decoding does.
    private func read(_ segments: [CausalLM.Segment]) throws {
        _ = try model.logits(segments).argmax(1).integers()
    }
}
