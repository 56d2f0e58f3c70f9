import Foundation
import StatefulTools
import Testing

@Suite struct TraceTests {
    private func trace() async throws -> Trace {
        try await withSandbox { sandbox in
            try await EpisodePlayer(policy: ScriptedPolicy(completions: ["no", "### UP 5"]), sandbox: sandbox)
                .play(try Climb(), sampling: .commands(seed: 7))
        }
    }

    @Test func `a trace survives its JSON line`() async throws {
        let trace = try await trace()
        let line = try JSONEncoder().encode(trace)
        #expect(!line.contains(0x0A))
        #expect(try Trace.read(line) == trace)
    }

    @Test func `a trace gives back its tokens as one sequence`() async throws {
        var trace = try await trace()
        for index in trace.turns.indices {
            trace.turns[index].completion = Completion(
                text: "", promptTokenIDs: [1, 2], tokenIDs: [3], logProbabilities: [-0.5])
        }
        #expect(trace.sequence.tokenIDs == [1, 2, 3, 1, 2, 3])
        #expect(trace.sequence.mask == [false, false, true, false, false, true])
        #expect(trace.sequence.logProbabilities == [0, 0, -0.5, 0, 0, -0.5])
        #expect(trace.tokens == 2)
    }

    @Test(arguments: [
        (#"{"task": "old", "turns": []}"#, "it is a trace of format 1, and this coe reads format 2"),
        (#"{"version": 3}"#, "it is a trace of format 3, and this coe reads format 2"),
        (#"{"version": 2}"#, "it is no trace: the field \"task\" is missing"),
        ("[1]", "it is no trace"), ("{", "it is no trace: it is not JSON"),
    ])
    func `another version and something else are refused with a sentence`(line: String, sentence: String) {
        let error = #expect(throws: ToolTaskError.self) { try Trace.read(Data(line.utf8)) }
        #expect(error?.description.hasPrefix(sentence) == true, "\(error?.description ?? "")")
        #expect(error?.code == .badLine)
    }
}
