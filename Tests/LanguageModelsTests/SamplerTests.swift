import Foundation
import Tensors
import Testing

@testable import LanguageModels

@Suite struct SamplerTests {
    let weights: [Float] = [0.5, 0.25, 0.125, 0.0625, 0.0625]
    var logits: Tensor { get throws { try Tensor(weights, shape: [5]).log() } }

    /// How often each of the five tokens comes in 4,000 draws.
    func shares(_ options: SamplingOptions) throws -> [Double] {
        var sampler = Sampler(options)
        var counts = [0, 0, 0, 0, 0]
        for _ in 0..<4000 { counts[try sampler.sample(logits).token] += 1 }
        return counts.map { Double($0) / 4000 }
    }

    @Test func greedyTakesTheLikeliestAndReportsItsLogProbability() throws {
        var sampler = Sampler(SamplingOptions())
        let (token, logProbability) = try sampler.sample(logits)
        #expect(token == 0)
        #expect(abs(logProbability - logf(0.5)) < 1e-6)
    }

    /// Four standard deviations of a share of 4,000 draws are at most 0.032.
    @Test func samplingFollowsTheDistribution() throws {
        for (share, weight) in zip(try shares(SamplingOptions(temperature: 1, seed: 3)), weights) {
            #expect(abs(share - Double(weight)) < 0.032)
        }
    }

    @Test func temperatureSharpensTheDistribution() throws {
        let squares = weights.map { Double($0 * $0) }
        let total = squares.reduce(0, +)
        for (share, square) in zip(try shares(SamplingOptions(temperature: 0.5, seed: 4)), squares) {
            #expect(abs(share - square / total) < 0.032)
        }
    }

    @Test func topPKeepsTheNucleus() throws {
        let shares = try shares(SamplingOptions(temperature: 1, topP: 0.7, seed: 5))
        #expect(shares[2...].allSatisfy { $0 == 0 })
        #expect(abs(shares[0] - 2.0 / 3) < 0.032)
    }

    @Test func aTinyTopPIsGreedy() throws {
        #expect(try shares(SamplingOptions(temperature: 1, topP: 1e-9, seed: 5))[0] == 1)
    }

    @Test func minPDropsTheUnlikely() throws {
        let shares = try shares(SamplingOptions(temperature: 1, minP: 0.3, seed: 6))
        #expect(shares[2...].allSatisfy { $0 == 0 })
        #expect(shares[1] > 0.25)
    }

    @Test func aSeedFixesTheChoices() throws {
        func run(_ seed: UInt64) throws -> [Int] {
            var sampler = Sampler(SamplingOptions(temperature: 1, seed: seed))
            return try (0..<40).map { _ in try sampler.sample(logits).token }
        }
        #expect(try run(1) == run(1))
        #expect(try run(1) != run(2))
    }
}
