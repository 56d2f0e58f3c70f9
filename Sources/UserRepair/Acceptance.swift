import Foundation
import StatefulTools
public import UserRunner

/// A repair that passes all tests, made as small as it can be, with what a person should know about it.
public struct AcceptedRepair: Hashable, Sendable {
    public var program: String
    /// Full sentences.
    public var warnings: [String] = []
    /// Characters edited.
    public var distance = 0
    /// Changes that were taken back because no test needs them.
    public var droppedChanges = 0
}

/// Chooses among programs that pass.
public struct Acceptance: Sendable {
    /// Runs of the tests that shrinking may take.
    static let shrinkRuns = 20

    public let runner: UserRunner
    public let program: UserProgram

    public init(runner: UserRunner, program: UserProgram) {
        self.runner = runner
        self.program = program
    }

    /// What came of the candidates.
    public struct Result: Sendable {
        /// The smallest repair that passes; nil where none is accepted.
        public var repair: AcceptedRepair?
        /// A program that passes but only repeats what the tests want, and why.
        public var rejected: (program: String, reasons: [String])?
    }

    /// The smallest of the programs that pass, shrunk. Each is confirmed by a second run of the tests. One that only
    /// repeats what the tests want is never accepted.
    public func choose(among candidates: [String]) async throws -> Result {
        var result = Result()
        var seen: Set<String> = []
        let sized = candidates.filter { seen.insert($0).inserted }.map {
            ($0, Hunks(from: program.text, to: $0).distance)
        }
        for (candidate, _) in sized.sorted(by: { $0.1 < $1.1 }) {
            guard try await passes(candidate, again: true) else { continue }
            let (small, dropped) = try await shrink(candidate)
            guard let data = program.encoded(small) else { continue }
            let warnings = try await warnings(data, small)
            let strong = warnings.filter(\.strong)
            if !strong.isEmpty {
                result.rejected = result.rejected ?? (small, strong.map(\.text))
                continue
            }
            let distance = Hunks(from: program.text, to: small).distance
            result.repair = AcceptedRepair(
                program: small, warnings: warnings.map(\.text), distance: distance, droppedChanges: dropped)
            return result
        }
        return result
    }

    private func passes(_ text: String, again: Bool = false) async throws -> Bool {
        guard let data = program.encoded(text) else { return false }
        return try await runner.judge(data, details: again).passed
    }

    /// Takes each change back while all tests pass, the largest first.
    private func shrink(_ candidate: String) async throws -> (program: String, dropped: Int) {
        let hunks = Hunks(from: program.text, to: candidate)
        guard hunks.hunks.count > 1 else { return (candidate, 0) }
        var dropped: Set<Int> = []
        let order = hunks.hunks.indices.sorted {
            (hunks.hunks[$0].new.count + hunks.hunks[$0].old.count, $0)
                > (hunks.hunks[$1].new.count + hunks.hunks[$1].old.count, $1)
        }
        for index in order.prefix(Self.shrinkRuns) {
            if dropped.count + 1 == hunks.hunks.count { break }
            let attempt = dropped.union([index])
            if try await passes(hunks.text(without: attempt)) { dropped = attempt }
        }
        return (hunks.text(without: dropped), dropped.count)
    }

    private func warnings(_ data: Data, _ text: String) async throws -> [RepairWarning] {
        let reached = try await runner.judge(data, trace: true).reached
        return try await runner.warnings(
            before: program.data, after: data, added: Hunks(from: program.text, to: text).addedLines, reached: reached)
    }
}
