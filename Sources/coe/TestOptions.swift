import ArgumentParser
import Foundation
import PythonSandbox
import ServeCommands
import StatefulTools
import UserRepair
import UserRunner

/// FILE, its tests and their judge, as `check` and `repair` take them.
struct TestOptions: ParsableArguments {
    @Argument(help: "The Python program.", completion: .file(extensions: ["py"]))
    var file: String

    @Option(
        help: """
            A test file, a folder of tests, or a test id (tests/test_x.py::test_y); may be given several times. The \
            doctests in FILE run when not given.
            """, completion: .file())
    var tests: [String] = []

    @Option(
        help: "A command that runs the tests instead; its exit code decides, and JUnit XML is read where it writes one."
    )
    var testCommand: String?

    @Option(
        help: "The project's folder; when not given, the nearest one above FILE with pyproject.toml, .git or the like.",
        completion: .directory)
    var project: String?

    @Option(
        help:
            "user: your own pytest, unittest or doctest. strict: the judge of data sets, for programs that nobody trusts."
    )
    var judge = JudgeChoice.user

    @Option(help: "The form of the tests: auto, pytest, unittest, doctest or script (plain asserts).")
    var runner = TestKind.auto

    @Option(help: "Seconds that one run of the tests may take.")
    var timeout = 30.0

    @Option(help: "MiB that one run of the tests may take; half of the machine's memory when not given.")
    var memory: Int?

    @Option(
        help: "The Python interpreter; the active virtual environment, .venv in the project or python3 when not given.",
        completion: .file())
    var python: String?

    @Flag(help: "Run programs without a jail, where this machine has none. They can then do all that you can.")
    var unsafeNoSandbox = false

    func validate() throws {
        if !(timeout > 0) { throw ValidationError("--timeout must be positive.") }
        if let memory, memory < 1 { throw ValidationError("--memory must be at least 1 MiB.") }
        if testCommand != nil, !tests.isEmpty {
            throw ValidationError("--test-command runs the tests itself: leave --tests out.")
        }
        if testCommand?.allSatisfy(\.isWhitespace) == true { throw ValidationError("--test-command is empty.") }
        guard judge == .strict else { return }
        if tests.count > 1 || testCommand != nil || runner != .auto || project != nil
            || tests.contains(where: { $0.contains("::") })
        {
            throw ValidationError("--judge strict takes one test file, and no --test-command, --runner or --project.")
        }
    }

    /// The user's runner for a program.
    func runnerConfiguration(_ program: UserProgram) throws -> RunnerConfiguration {
        let working = FileManager.default.currentDirectoryPath
        for test in tests {
            let path = test.components(separatedBy: "::")[0]
            if path.hasSuffix(".py") || path.contains("/"), !FileManager.default.fileExists(atPath: path) {
                throw RunnerError(.unusableTests, "There is no file \(path) (the tests).")
            }
        }
        let paths = tests.map { URL(filePath: $0.components(separatedBy: "::")[0]).path(percentEncoded: false) }
        var isFolder: ObjCBool = false
        if let project, !FileManager.default.fileExists(atPath: project, isDirectory: &isFolder) || !isFolder.boolValue
        {
            throw RunnerError(.unusableTests, "There is no folder \(project) (the project).")
        }
        let place = Project(
            of: program.path, tests: paths.filter { FileManager.default.fileExists(atPath: $0) },
            workingFolder: working,
            named: project.map { URL(filePath: $0).path(percentEncoded: false) })
        if !(program.path + "/").hasPrefix(place.folder + "/") {
            throw RunnerError(
                .unusableTests, "\(file) lies outside the project \(place.folder). Name its folder with --project.")
        }
        // The tests run in the project where the user stands elsewhere.
        let named = place.workingFolder == Project.real(working) ? tests : tests.map(Self.absolute)
        let half = Int(ProcessInfo.processInfo.physicalMemory / 2)
        var configuration = RunnerConfiguration(
            file: program.path, tests: named, command: testCommand, kind: runner, project: place, interpreter: python,
            limits: RunnerLimits(seconds: timeout, memoryBytes: memory.map { $0 << 20 } ?? max(2 << 30, half)))
        configuration.unsafeNoSandbox = unsafeNoSandbox
        return configuration
    }

    private static func absolute(_ test: String) -> String {
        var parts = test.components(separatedBy: "::")
        guard FileManager.default.fileExists(atPath: parts[0]) else { return test }
        parts[0] = URL(filePath: parts[0]).path(percentEncoded: false)
        return parts.joined(separator: "::")
    }

    /// The strict judge. Programs may import what the user's interpreter has.
    var sandbox: SandboxConfiguration {
        var configuration = SandboxConfiguration(interpreter: python ?? "python3", unsafeNoSandbox: unsafeNoSandbox)
        configuration.sitePackages = true
        return configuration
    }

    var sandboxLimits: SandboxLimits {
        var limits = SandboxLimits(wallSeconds: timeout, cpuSeconds: timeout)
        if let memory { limits.memoryBytes = memory << 20 }
        return limits
    }
}

/// Who decides whether a program passes.
enum JudgeChoice: String, ExpressibleByArgument, CaseIterable {
    /// The user's own pytest, unittest or doctest.
    case user
    /// The judge of data sets and training.
    case strict
}

/// Runs a command's body. Files and tests that can't be used end it with exit code 2.
func withUsableTests(_ body: () async throws -> Void) async throws {
    do {
        try await body()
    } catch let error as UserProgramError {
        Terminal.complain(Terminal.paint("Error: ", .red) + error.description)
        throw ExitCode(2)
    } catch let error as RunnerError {
        Terminal.complain(Terminal.paint("Error: ", .red) + error.description)
        throw ExitCode(2)
    } catch let error as SandboxError where error.code == .unusableTests {
        Terminal.complain(Terminal.paint("Error: ", .red) + error.description)
        throw ExitCode(2)
    }
}
