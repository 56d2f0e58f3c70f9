import PythonSandbox
import StatefulTools
import Testing

/// The state machine alone: no policy, no sandbox.
@Suite struct EpisodeTests {
    /// Plays completions; when they are used up, the context is full.
    private func play(
        _ completions: [String], from start: Climb, _ options: EpisodeOptions = EpisodeOptions(endsAtFirstPass: false)
    ) throws -> Episode {
        var episode = Episode(start, options: options)
        var rest = completions[...]
        var action = episode.begin()
        while true {
            switch action {
            case .judge(let tool):
                action = episode.receive(try #require(tool as? Climb).verdict)
            case .respond:
                guard let completion = rest.popFirst() else {
                    episode.end(.contextFull)
                    return episode
                }
                action = episode.receive(Completion(text: completion))
            case .end: return episode
            }
        }
    }

    @Test func `the first solving turn earns one, later ones nothing, EXIT ends`() throws {
        let episode = try play(["### UP 5", "### SHIFT", "### EXIT", "### UP 1"], from: Climb())
        #expect(Trace(episode).rewards == [1, 0, 0])
        #expect(episode.exit == .exit && episode.turns.count == 3 && episode.tool.state == "5 left")
    }

    @Test func `a malformed command costs its turn and is answered with what is wrong`() throws {
        let episode = try play(["I go up", "### UP 77", "### EXIT"], from: Climb())
        #expect(Trace(episode).rewards == [-0.5, 0, 0])
        #expect(episode.turns[0].command == nil)
        #expect(episode.turns[0].feedback?.contains("Error: no command") == true)
        #expect(episode.turns[1].command == "### UP 77" && episode.turns[1].effect == nil)
        #expect(episode.turns[1].feedback == "0\nError: 77 is too far\nNot there.")
        #expect(episode.tool.state == "0")
    }

    @Test func `the turn limit ends the episode, and its last turn is charged`() throws {
        let options = EpisodeOptions(turns: 4, endsAtFirstPass: false)
        let episode = try play(Array(repeating: "### UP 9", count: 20), from: Climb(), options)
        #expect(episode.turns.count == 4 && episode.exit == .turnLimit)
        #expect(Trace(episode).rewards == [0, 0, 0, -0.5])
        #expect(episode.turns.last?.feedback == nil)
    }

    @Test func `a full context ends without EXIT too`() throws {
        let episode = try play(["### UP 5"], from: Climb())
        #expect(episode.exit == .contextFull)
        #expect(Trace(episode).rewards == [0.5])
    }

    @Test func `the episode ends at the first pass unless the rules say otherwise`() throws {
        let episode = try play(["### UP 5"], from: Climb(), EpisodeOptions())
        #expect(episode.exit == .passed && Trace(episode).rewards == [1])
        #expect(try play([], from: Climb(5), EpisodeOptions()).exit == .passed)
        #expect(try play(["### UP 5", "### EXIT"], from: Climb()).exit == .exit)
    }

    @Test func `a command that changes nothing is told so and not judged again`() throws {
        let episode = try play(["### STAY", "### EXIT"], from: Climb())
        #expect(episode.turns[0].error == "the command changed nothing" && episode.turns[0].effect == .unchanged)
        #expect(episode.turns[0].state == nil)
        #expect(episode.turns[0].feedback == "0\nError: the command changed nothing\nNot there.")
    }

    @Test func `a turn holds the state after it where that changed, and the trace the states before`() throws {
        let trace = Trace(try play(["### UP 2", "no", "### UP 3", "### EXIT"], from: Climb()))
        #expect(trace.turns.map(\.state) == ["2", nil, "5", nil])
        #expect(trace.statesBefore == ["0", "2", "2", "5"])
        #expect(trace.finalState == "5" && trace.solved)
    }

    @Test func `a reply may show the change since the last message alone`() throws {
        let options = EpisodeOptions(endsAtFirstPass: false, prompt: .brief)
        let episode = try play(["### UP 2", "### UP 2", "### EXIT"], from: Climb(), options)
        #expect(episode.turns[0].feedback == "0 -> 2\nNot there.")
        #expect(episode.turns[1].feedback == "2 -> 4\nNot there.")
    }

    @Test func `the opening follows the style`() throws {
        let start = try Climb()
        #expect(
            start.messages("Not there.", .compact).map(\.content)
                == [Climb.instruction, "To 5\n0\nNot there."])
        #expect(start.messages("Not there.", .brief).map(\.role) == [.user])
    }

    @Test func `guidance leaves out commands tried in this state, and EXIT until the state passes`() throws {
        var episode = Episode(try Climb(), options: EpisodeOptions())
        _ = episode.begin()
        _ = episode.receive(try Climb().verdict)
        #expect(episode.guidance.grammar?.accepts("### UP 3") == true)
        #expect(episode.guidance.grammar?.accepts("### EXIT") == false)
        #expect(episode.guidance.resamples == EpisodeOptions.standardResamples)
        _ = episode.receive(Completion(text: "### UP 3"))
        _ = episode.receive(try Climb(3).verdict)
        // Another state: nothing was tried in it.
        #expect(episode.guidance.grammar?.accepts("### UP 3") == true)
        let free = Episode(try Climb(), options: EpisodeOptions(isConstrained: false))
        #expect(free.guidance.grammar == nil)
        let paper = Episode(try Climb(), options: EpisodeOptions(endsAtFirstPass: false))
        #expect(paper.guidance.grammar?.accepts("### EXIT") == true)
    }

    @Test func `commands tried in a state are left out while it lasts, until each was tried`() throws {
        var episode = Episode(try Climb(), options: EpisodeOptions(turns: 20))
        _ = episode.begin()
        _ = episode.receive(try Climb().verdict)
        _ = episode.receive(Completion(text: "### STAY"))
        let grammar = try #require(episode.guidance.grammar)
        #expect(grammar.accepts("### UP 1") && !grammar.accepts("### STAY"))

        let game = try Maze()
        var stuck = Episode(game, options: EpisodeOptions(turns: 20))
        _ = stuck.begin()
        _ = stuck.receive(game.verdict)
        for command in ["### LEFT", "### RIGHT"] {
            #expect(stuck.guidance.grammar?.accepts(command) == true)
            _ = stuck.receive(Completion(text: command))
            #expect(stuck.guidance.grammar?.accepts(command) == (command == "### RIGHT"))
        }
        #expect(stuck.guidance.grammar?.accepts("### LEFT") == true)
    }
}

/// A tool with two commands that lead nowhere.
private struct Maze: Tool {
    static let name = "maze"
    static let summary = ""
    static let instruction = ""

    var task = ToolTask(id: "maze", tool: name)
    var verdict: Verdict { Verdict(passed: false, feedback: "", progress: 0) }
    var state: String { "" }

    init(_ task: ToolTask) throws { self.task = task }
    init() throws { try self.init(ToolTask(id: "maze", tool: Self.name)) }

    mutating func apply(_ command: String) throws(CommandFault) -> Effect { .unchanged }
    func grammar(allowsExit: Bool) -> Grammar? { .oneOf(["### LEFT", "### RIGHT"]) }
    func judge(in sandbox: PythonSandbox) async throws -> Verdict { verdict }
    func opening(_ feedback: String, _ style: PromptStyle) -> String { "" }
    func reply(_ feedback: String, since shown: String, _ style: PromptStyle) -> String { "" }
}
