import Foundation
import NIOHTTP1
public import PythonSandbox
public import StatefulTools
import Synchronization

/// A page to try Python repair: a broken program and its tests go in, the repair comes back turn by turn.
///
/// The page is one file that asks no other server. `POST /api/repair` answers with server-sent events: `state` for each
/// state of the program, then `end` or `fault`. A greedy attempt comes first; where it fails, the others follow, sampled
/// and all at once, and `end` names the best. The server keeps nothing; the page itself steps back.
public final class RepairPage: HTTPService {
    private let player: EpisodePlayer
    private let toolbox: Toolbox
    private let running = Mutex(0)
    /// Repairs at the same time.
    private static let limit = 8
    private static let programBytes = 64 << 10

    /// A page whose repairs the policy plays.
    ///
    /// - Parameter toolbox: holds the tool of ``ToolTask/standardTool``.
    public init(policy: any Policy, sandbox: PythonSandbox, toolbox: Toolbox, options: EpisodeOptions) {
        player = EpisodePlayer(policy: policy, sandbox: sandbox, options: options)
        self.toolbox = toolbox
    }

    public func respond(to request: HTTPRequest) async -> HTTPResponse {
        switch (request.method, request.path) {
        case (.GET, "/"):
            var page = HTTPResponse.text(
                String(decoding: PackageResources.page_html, as: UTF8.self), type: "text/html; charset=utf-8")
            // Nothing from elsewhere, nothing to elsewhere, in no other page's frame.
            page.headers.add(
                name: "content-security-policy",
                value: "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; "
                    + "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
            page.headers.add(name: "referrer-policy", value: "no-referrer")
            return page
        case (.GET, "/health"): return .json(["status": "healthy"])
        case (.GET, "/api/policy"): return .json(["policy": player.policy.name])
        case (.POST, "/api/repair"):
            do {
                let submission = try decodeRequest(Submission.self, request.body)
                return repair(try toolbox.start(submission.repairTask()), submission)
            } catch let error as WireError {
                let sentence = error.errors?.first.map { "\($0.loc.joined(separator: ".")): \($0.msg)" }
                return .fault(.unprocessableEntity, sentence ?? error.message)
            } catch {
                return .fault(.unprocessableEntity, (error as? ToolTaskError)?.description ?? "It can't be read.")
            }
        case (_, "/"), (_, "/health"), (_, "/api/policy"), (_, "/api/repair"):
            return .fault(.methodNotAllowed, "This path does not take \(request.method.rawValue).")
        default: return .fault(.notFound, "There is nothing at this path.")
        }
    }

    /// What the page sends.
    private struct Submission: Decodable {
        var program: String
        var tests: String
        var task: String
        /// Of the file, as the tests import it; nil where they do not.
        var module: String?
        var attempts: Int
        var temperature: Double
        var seed: UInt64

        init(from decoder: any Decoder) throws {
            let fields = try Fields(decoder)
            try fields.refuse(otherThan: ["program", "tests", "task", "file", "attempts", "temperature", "seed"])
            func text(_ key: String) throws -> String {
                let text = try fields.required(key, String.self, "string")
                guard text.utf8.count <= RepairPage.programBytes else {
                    throw ValidationFailure(
                        "string_too_long", at: [key], "At most \(RepairPage.programBytes) bytes are taken")
                }
                return text
            }
            program = try text("program")
            tests = try text("tests")
            task = try fields.limited("task", to: 4096) ?? ""
            attempts = try fields.optional("attempts", Int.self, "integer") ?? 8
            guard (1...16).contains(attempts) else {
                throw ValidationFailure("out_of_range", at: ["attempts"], "Input should be from 1 to 16")
            }
            temperature = try fields.optional("temperature", Double.self, "number") ?? 0
            guard (0...2).contains(temperature) else {
                throw ValidationFailure("out_of_range", at: ["temperature"], "Input should be from 0 to 2")
            }
            seed = try fields.optional("seed", UInt64.self, "integer") ?? 0
            if program.allSatisfy(\.isWhitespace) {
                throw ValidationFailure("too_short", at: ["program"], "There is no program")
            }
            let file = try fields.limited("file", to: 255) ?? ""
            module = file.isEmpty ? Self.module(imported: tests, from: program) : Self.module(of: file)
            if let module, module.wholeMatch(of: /[A-Za-z0-9_]+/) == nil {
                throw ValidationFailure("bad_name", at: ["file"], "\(module) is no name that tests can import")
            }
        }

        private static func module(of file: String) -> String {
            let name = file.split { "/\\".contains($0) }.last.map(String.init) ?? file
            return name.hasSuffix(".py") ? String(name.dropLast(3)) : name
        }

        /// The module whose names the program defines, as the tests import it.
        private static func module(imported tests: String, from program: String) -> String? {
            let definition = /(?:async\s+)?(?:def|class)\s+(\w+)|(\w+)\s*(?::[^=]*)?=/
            let names = program.split(whereSeparator: \.isNewline).compactMap { line in
                line.prefixMatch(of: definition).map { String($0.1 ?? $0.2 ?? "") }
            }
            for line in tests.split(whereSeparator: \.isNewline) {
                if let found = line.firstMatch(of: /^\s*from\s+(\w+)\s+import\s+\(?\s*(\w+|\*)/) {
                    if found.2 == "*" || names.contains(String(found.2)) { return String(found.1) }
                } else if let found = line.firstMatch(of: /^\s*import\s+(\w+)(?:\s+as\s+(\w+))?/) {
                    let used = String(found.2 ?? found.1) + "."
                    if names.contains(where: { tests.contains(used + $0) }) { return String(found.1) }
                }
            }
            return nil
        }

        /// The first attempt is greedy when nothing else is said; the others differ from it and from each other.
        func sampling(_ attempt: Int) -> SamplingParameters {
            let warmth = attempt == 1 || temperature > 0 ? temperature : 1
            return .commands(temperature: warmth, seed: seed &+ UInt64(attempt - 1))
        }

        func repairTask() throws -> ToolTask {
            struct Fields: Encodable {
                var id = "page"
                var prompt: String
                var program: String
                var moduleName: String
                var tests: TestSuite

                enum CodingKeys: String, CodingKey {
                    case id, prompt, program, tests
                    case moduleName = "module_name"
                }
            }
            let isEmpty = tests.allSatisfy(\.isWhitespace)
            return try ToolTask(
                Fields(
                    prompt: task, program: program, moduleName: module ?? "program",
                    tests: isEmpty ? .doctests(source: program) : .file(source: tests, name: "tests")),
                tool: ToolTask.standardTool)
        }
    }

    /// One state, as the page shows it.
    private struct State: Encodable {
        /// From 1.
        var attempt: Int
        var turn: Int
        var command: String?
        var error: String?
        var program: String
        var feedback: String
        var passed: Bool
        var testsPassed: Int
        var testsTotal: Int
        /// The change since the pasted program.
        var diff: String

        init(
            _ turn: Turn?, attempt: Int, number: Int, _ tool: any Tool, _ verdict: Verdict, start: String
        ) {
            self.attempt = attempt
            self.turn = number
            command = turn.map { $0.command ?? $0.completion.text }
            error = turn?.error
            program = tool.state
            feedback = verdict.feedback
            passed = verdict.passed
            testsPassed = verdict.checks.count(where: \.passed)
            testsTotal = verdict.checks.count
            diff = unifiedDiff(from: start, to: tool.state, oldName: "before", newName: "after")
        }
    }

    private struct End: Encodable {
        var solved: Bool
        var exit: String
        var seconds: Double
        /// The best attempt: the one that passes with the smallest change, else the one that passes the most tests.
        var attempt: Int
    }

    private func repair(_ tool: any Tool, _ submission: Submission) -> HTTPResponse {
        let isAdmitted = running.withLock { running in
            if running >= Self.limit { return false }
            running += 1
            return true
        }
        guard isAdmitted else { return .fault(.tooManyRequests, "Too many repairs run already; try again later.") }
        let place = Place { [self] in running.withLock { $0 -= 1 } }
        return .events { [player] writer in
            defer { withExtendedLifetime(place) {} }
            let (states, continuation) = AsyncStream.makeStream(of: State.self)
            @Sendable func play(_ attempt: Int) async throws -> (trace: Trace, attempt: Int) {
                let count = Mutex(0)
                let sampling = submission.sampling(attempt)
                let trace = try await player.play(tool, sampling: sampling) { turn, now, verdict in
                    let number = count.withLock { count in
                        defer { count += 1 }
                        return count
                    }
                    continuation.yield(
                        State(turn, attempt: attempt, number: number, now, verdict, start: tool.state))
                }
                return (trace, attempt)
            }
            let begin = ContinuousClock.now
            let playing = Task {
                defer { continuation.finish() }
                let first = try await play(1)
                if first.trace.solved || submission.attempts == 1 { return [first] }
                return try await withThrowingTaskGroup(of: (trace: Trace, attempt: Int).self) { group in
                    for attempt in 2...submission.attempts { group.addTask { try await play(attempt) } }
                    return try await group.reduce(into: [first]) { $0.append($1) }
                }
            }
            defer { playing.cancel() }
            for await state in states { try await writer.send(event: "state", state) }
            do {
                let played = try await playing.value
                guard let best = played.min(by: { Self.rank($0) < Self.rank($1) }) else { return }
                try await writer.send(
                    event: "end",
                    End(
                        solved: best.trace.solved, exit: best.trace.exit.rawValue,
                        seconds: (ContinuousClock.now - begin) / .seconds(1), attempt: best.attempt))
            } catch let error as SandboxError where error.code == .unusableTests {
                try await writer.send(event: "fault", ["detail": error.description])
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                // The words of other faults may name paths of this machine.
                let detail = "The model or the sandbox failed; this is a fault of the server, not of your program."
                try await writer.send(event: "fault", ["detail": detail])
            }
        }
    }

    /// Less is better.
    private static func rank(_ played: (trace: Trace, attempt: Int)) -> (Int, Int, Int) {
        let trace = played.trace
        let verdicts = trace.turns.map(\.verdict) + [trace.initialVerdict].compactMap { $0 }
        let passing = verdicts.map { $0.checks.count(where: \.passed) }.max() ?? 0
        let change = unifiedDiff(from: trace.initialState, to: trace.finalState, oldName: "", newName: "").utf8.count
        return (trace.solved ? 0 : 1, trace.solved ? change : -passing, played.attempt)
    }

    /// Gives a place back when it is released.
    private final class Place: Sendable {
        private let giveBack: @Sendable () -> Void
        init(_ giveBack: @escaping @Sendable () -> Void) { self.giveBack = giveBack }
        deinit { giveBack() }
    }
}
