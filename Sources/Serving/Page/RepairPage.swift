import Foundation
import NIOHTTP1
public import PythonSandbox
public import StatefulTools
import Synchronization

/// A page to try Python repair: a broken program and its tests go in, the repair comes back turn by turn.
///
/// The page is one file that asks no other server. `POST /api/repair` answers with server-sent events: `state` for each
/// state of the program, then `end` or `fault`. The server keeps nothing; the page itself steps back.
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
                return repair(try toolbox.start(submission.repairTask()), submission.sampling)
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
        var temperature: Double
        var seed: UInt64

        init(from decoder: any Decoder) throws {
            let fields = try Fields(decoder)
            try fields.refuse(otherThan: ["program", "tests", "task", "temperature", "seed"])
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
            temperature = try fields.optional("temperature", Double.self, "number") ?? 0
            guard (0...2).contains(temperature) else {
                throw ValidationFailure("out_of_range", at: ["temperature"], "Input should be from 0 to 2")
            }
            seed = try fields.optional("seed", UInt64.self, "integer") ?? 0
            if program.allSatisfy(\.isWhitespace) {
                throw ValidationFailure("too_short", at: ["program"], "There is no program")
            }
        }

        var sampling: SamplingParameters { .commands(temperature: temperature, seed: seed) }

        func repairTask() throws -> ToolTask {
            struct Fields: Encodable {
                var id = "page"
                var prompt: String
                var program: String
                var tests: TestSuite
            }
            let isEmpty = tests.allSatisfy(\.isWhitespace)
            return try ToolTask(
                Fields(
                    prompt: task, program: program,
                    tests: isEmpty ? .doctests(source: program) : .file(source: tests, name: "tests")),
                tool: ToolTask.standardTool)
        }
    }

    /// One state, as the page shows it.
    private struct State: Encodable {
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

        init(_ turn: Turn?, number: Int, _ tool: any Tool, _ verdict: Verdict, start: String) {
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
    }

    private func repair(_ tool: any Tool, _ sampling: SamplingParameters) -> HTTPResponse {
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
            let playing = Task {
                defer { continuation.finish() }
                let count = Mutex(0)
                return try await player.play(tool, sampling: sampling) { turn, now, verdict in
                    let number = count.withLock { count in
                        defer { count += 1 }
                        return count
                    }
                    continuation.yield(State(turn, number: number, now, verdict, start: tool.state))
                }
            }
            defer { playing.cancel() }
            for await state in states { try await writer.send(event: "state", state) }
            do {
                let trace = try await playing.value
                try await writer.send(
                    event: "end", End(solved: trace.solved, exit: trace.exit.rawValue, seconds: trace.seconds))
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

    /// Gives a place back when it is released.
    private final class Place: Sendable {
        private let giveBack: @Sendable () -> Void
        init(_ giveBack: @escaping @Sendable () -> Void) { self.giveBack = giveBack }
        deinit { giveBack() }
    }
}
