public import Episodes
import Foundation
import LineEditor
import NIOHTTP1
public import PythonSandbox
import RepairTasks
import Synchronization

/// A page to try it: a broken program and its tests go in, the repair comes back turn by turn.
///
/// The page is one file without any request to elsewhere. `POST /api/repair` answers with server-sent events: `state`
/// for each state of the program, `end` or `fault` at last. Nothing is kept here; stepping back is the page's own.
public final class RepairPage: HTTPService {
    private let policy: any Policy
    private let sandbox: PythonSandbox
    private let options: EpisodeOptions
    private let running = Mutex(0)
    /// Repairs at the same time.
    private static let limit = 8
    private static let programBytes = 64 << 10

    public init(policy: any Policy, sandbox: PythonSandbox, options: EpisodeOptions) {
        self.policy = policy
        self.sandbox = sandbox
        self.options = options
    }

    public func drain() async {
        while running.withLock({ $0 }) > 0, !Task.isCancelled { try? await Task.sleep(for: .milliseconds(50)) }
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
        case (.GET, "/api/policy"): return .json(["policy": policy.name])
        case (.POST, "/api/repair"):
            do {
                return repair(try decodeRequest(Submission.self, request.body))
            } catch {
                let sentence = error.errors?.first.map { "\($0.loc.joined(separator: ".")): \($0.msg)" }
                return .fault(.unprocessableEntity, sentence ?? error.message)
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

        var repairTask: RepairTask {
            let isEmpty = tests.allSatisfy(\.isWhitespace)
            return RepairTask(
                id: "page", prompt: task, program: program,
                tests: isEmpty ? .doctests(source: program) : .file(source: tests, name: "tests"))
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
        /// From the program as it was pasted.
        var diff: String
    }

    private struct End: Encodable {
        var solved: Bool
        var exit: String
        var seconds: Double
    }

    private func repair(_ submission: Submission) -> HTTPResponse {
        let isAdmitted = running.withLock { running in
            if running >= Self.limit { return false }
            running += 1
            return true
        }
        guard isAdmitted else { return .fault(.tooManyRequests, "Too many repairs run already; try again later.") }
        let place = Place { [self] in running.withLock { $0 -= 1 } }
        let runner = EpisodeRunner(policy: policy, sandbox: sandbox, options: options)
        let task = submission.repairTask
        let sampling = SamplingParameters(
            temperature: submission.temperature, seed: submission.seed, stop: ["\n"])
        return .events { writer in
            defer { withExtendedLifetime(place) {} }
            let (states, continuation) = AsyncStream.makeStream(of: State.self)
            let playing = Task {
                defer { continuation.finish() }
                let count = Mutex(0)
                return try await runner.play(task, sampling: sampling) { turn, program, report in
                    let number = count.withLock { count in
                        defer { count += 1 }
                        return count
                    }
                    continuation.yield(
                        State(
                            turn: number, command: turn.map { $0.command?.description ?? $0.completion.text },
                            error: turn?.error, program: program.text, feedback: Prompt.feedback(report),
                            passed: report.passed, testsPassed: report.tests.count { $0.status == .passed },
                            testsTotal: report.tests.count,
                            diff: unifiedDiff(
                                from: task.program, to: program.text, oldName: "before", newName: "after")))
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

    /// Gives a place back when it goes, however that comes.
    private final class Place: Sendable {
        private let giveBack: @Sendable () -> Void
        init(_ giveBack: @escaping @Sendable () -> Void) { self.giveBack = giveBack }
        deinit { giveBack() }
    }
}
