import Foundation
import LanguageModels
import Tensors

/// How far a model in another precision is from the same model in full precision, on given texts.
struct PrecisionComparison: Codable, Sendable {
    /// e to the mean negative log-probability of a learned token: in full precision, in the other one.
    private(set) var perplexity: [Double] = [0, 0]
    /// Of the learned tokens, the share whose likeliest token is the same.
    private(set) var greedyAgreement = 0.0
    /// The largest difference of a learned token's log-probability.
    private(set) var largestDifference = 0.0
    /// Learned tokens.
    private(set) var tokens = 0

    /// The other perplexity over the full one, less 1.
    var perplexityChange: Double { perplexity[1] / perplexity[0] - 1 }

    /// - Parameter texts: Token ids, and for each whether it counts (what the model is to write).
    init(full: CausalLM, other: CausalLM, texts: [(tokens: [Int], mask: [Bool])]) throws {
        var sums = [0.0, 0.0]
        var agreed = 0
        for text in texts {
            let targets = text.tokens.indices.filter { $0 > 0 && text.mask[$0] }
            guard let first = targets.first, let last = targets.last else { continue }
            let scores = try [full, other].map { try Self.scores($0, text.tokens[...last], targets, from: first) }
            for (a, b) in zip(scores[0], scores[1]) {
                sums[0] += Double(a.logProbability)
                sums[1] += Double(b.logProbability)
                largestDifference = max(largestDifference, abs(Double(a.logProbability - b.logProbability)))
                if a.likeliest == b.likeliest { agreed += 1 }
            }
            tokens += targets.count
        }
        guard tokens > 0 else { return }
        perplexity = sums.map { exp(-$0 / Double(tokens)) }
        greedyAgreement = Double(agreed) / Double(tokens)
    }

    /// The log-probability of each target and the likeliest token in its place.
    private static func scores(
        _ model: CausalLM, _ tokens: ArraySlice<Int>, _ targets: [Int], from first: Int
    ) throws -> [(logProbability: Float, likeliest: Int)] {
        let cache = model.makeCache()
        let segment = CausalLM.Segment(
            tokens: Array(tokens.dropLast()), cache: cache, outputCount: tokens.count - first)
        let rows = try Tensor(targets.map { $0 - first }).to(.int64, on: model.device)
        let logits = try model.logits([segment]).selected(0, rows)
        let index = try Tensor(targets.map { tokens[$0] }).to(.int64, on: model.device).reshaped([-1, 1])
        let values = try logits.logSoftmax(1).gathered(1, index).floats()
        return try zip(values, logits.argmax(1).integers()).map { ($0, $1) }
    }
}
