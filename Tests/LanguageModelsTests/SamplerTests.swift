import Foundation
import Tensors
import Testing

@testable import LanguageModels

@Suite struct SamplerTests {
    let weights: [Float] = [0.5, 0.25, 0.125, 0.0625, 0.0625]
    var logits: Tensor { get throws { try Tensor(weights, shape: [5]).log() } }

    /// The kernel's choice, which must be that of libtorch's operations.
    func draw(_ sampler: inout Sampler, allowed: [Int]? = nil) throws -> (token: Int, logProbability: Float) {
        let choice = sampler.next(allowed: allowed.map(TokenList.init))
        let result = try logits.reshaped([1, 5]).chosen([choice])[0]
        let reference = try logits.chosen(choice)
        #expect(result.token == reference.token)
        #expect(abs(result.logProbability - reference.logProbability) < 1e-5)
        return result
    }

    /// How often each of the five tokens comes in 1,000 draws.
    func shares(_ options: SamplingOptions) throws -> [Double] {
        var sampler = Sampler(options)
        var counts = [0, 0, 0, 0, 0]
        for _ in 0..<1000 { counts[try draw(&sampler).token] += 1 }
        return counts.map { Double($0) / 1000 }
    }

    @Test func greedyTakesTheLikeliestAndReportsItsLogProbability() throws {
        var sampler = Sampler(SamplingOptions())
        let (token, logProbability) = try draw(&sampler)
        #expect(token == 0)
        #expect(abs(logProbability - logf(0.5)) < 1e-6)
    }

    /// Four standard deviations of a share of 1,000 draws are at most 0.064.
    @Test func samplingFollowsTheDistribution() throws {
        for (share, weight) in zip(try shares(SamplingOptions(temperature: 1, seed: 3)), weights) {
            #expect(abs(share - Double(weight)) < 0.064)
        }
    }

    @Test func temperatureSharpensTheDistribution() throws {
        let squares = weights.map { Double($0 * $0) }
        let total = squares.reduce(0, +)
        for (share, square) in zip(try shares(SamplingOptions(temperature: 0.5, seed: 4)), squares) {
            #expect(abs(share - square / total) < 0.064)
        }
    }

    @Test func topPKeepsTheNucleus() throws {
        let shares = try shares(SamplingOptions(temperature: 1, topP: 0.7, seed: 5))
        #expect(shares[2...].allSatisfy { $0 == 0 })
        #expect(abs(shares[0] - 2.0 / 3) < 0.064)
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
            return try (0..<40).map { _ in try draw(&sampler).token }
        }
        #expect(try run(1) == run(1))
        #expect(try run(1) != run(2))
    }

    @Test func onlyAllowedTokensAreChosen() throws {
        var sampler = Sampler(SamplingOptions(temperature: 1, seed: 2))
        for _ in 0..<100 { #expect([1, 4].contains(try draw(&sampler, allowed: [1, 4]).token)) }
        var greedy = Sampler(SamplingOptions())
        let (token, logProbability) = try draw(&greedy, allowed: [3, 1])
        #expect(token == 1)
        #expect(abs(logProbability - logf(0.8)) < 1e-6)
    }

    /// Rows longer than a vector and not a multiple of one, values of all sizes, every kind of choice at once.
    @Test func aBatchOfRowsIsChosenAsLibtorchsOperationsDo() throws {
        var random = SplitMix64(state: 8)
        for width in [1, 15, 100, 5_003] {
            let values = (0..<8 * width).map { _ in Float(random.nextUnit() * 30 - 15) }
            let rows = try Tensor(values, shape: [8, width])
            let choices = (0..<8).map { row in
                TokenChoice(
                    allowed: row == 7 ? TokenList(Array(0..<(width + 1) / 2)) : nil,
                    temperature: [0, 1, 0.7, 1.3][row % 4], topP: row == 5 ? 0.9 : 1, minP: row == 6 ? 0.01 : 0,
                    uniform: random.nextUnit())
            }
            for (row, result) in try rows.choose(choices).enumerated() {
                let reference = try rows.narrowed(0, row..<row + 1).reshaped([-1]).chosen(choices[row])
                #expect(result.token == reference.token)
                #expect(abs(result.logProbability - reference.logProbability) < 1e-4)
            }
        }
    }
}
