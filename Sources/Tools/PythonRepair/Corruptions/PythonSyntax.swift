import FoundationEssentials
import StatefulTools
import Subprocess

#if canImport(System)
    import System
#else
    import SystemPackage
#endif

/// Asks Python's own parser and tokenizer about many programs at once. They are parsed, never run.
public struct PythonSyntax: Sendable {
    /// A program's tokens in one string, without layout and comments.
    public struct Tokens: Hashable, Sendable, Codable {
        /// As written.
        public var plain: String
        /// With the program's own names numbered by their first use, so that programs equal but for names are equal.
        public var numbered: String
    }

    /// Longer programs are not looked at: they'd take the parser long, and none is for a small model.
    public static let maximumBytes = 32 << 10
    /// Programs a process; a process that breaks is tried again with half of them.
    private static let batch = 128

    private let interpreter: String

    /// - Parameter interpreter: a path, or a name on `PATH`; 3.9 or newer.
    public init(interpreter: String = "python3") { self.interpreter = interpreter }

    /// The places in each program where a syntax-tree corruption can be made; none for a program that doesn't parse.
    ///
    /// Each alone leaves a program that parses to another tree than the original.
    public func corruptions(in programs: [String]) async throws -> [[Corruption]] {
        struct Answer: Decodable { var sites: [Site]? }
        return try await ask("sites", programs) { (answer: Answer?) in answer?.sites?.map(\.corruption) ?? [] }
    }

    /// The tokens of each program; nil for one that has no complete tokens.
    public func tokens(of programs: [String]) async throws -> [Tokens?] {
        try await ask("tokens", programs) { (answer: Tokens?) in answer }
    }

    private struct Request: Encodable {
        var mode: String
        var source: String
    }

    private func ask<Answer: Decodable, Result>(
        _ mode: String, _ programs: [String], _ result: (Answer?) -> Result
    ) async throws -> [Result] {
        var results: [Result] = []
        for start in stride(from: 0, to: programs.count, by: Self.batch) {
            let batch = programs[start..<min(start + Self.batch, programs.count)]
            results += try await lines(mode, batch[...]).map { line in
                result(line.flatMap { try? JSONDecoder().decode(Answer.self, from: $0) })
            }
        }
        return results
    }

    /// One answer a program; nil where Python broke on it, or it is too long.
    private func lines(_ mode: String, _ programs: ArraySlice<String>) async throws -> [Data?] {
        var input = Data()
        let encoder = JSONEncoder()
        for program in programs {
            let source = program.utf8.count <= Self.maximumBytes ? program : ""
            input += try encoder.encode(Request(mode: mode, source: source)) + [0x0A]
        }
        let script = String(decoding: PackageResources.syntax_py, as: UTF8.self)
        let executable: Executable = interpreter.contains("/") ? .path(FilePath(interpreter)) : .name(interpreter)
        let output: Data
        let succeeded: Bool
        do {
            // In a group of its own: Ctrl-C on the terminal is for this process to handle.
            var options = PlatformOptions()
            options.processGroupID = 0
            let process = try await Subprocess.run(
                executable, arguments: ["-I", "-S", "-X", "utf8", "-c", script], platformOptions: options,
                input: .data(input), output: .data(limit: 256 << 20), error: .discarded)
            output = process.standardOutput
            succeeded = process.terminationStatus.isSuccess
        } catch let error as SubprocessError where error.code == .executableNotFound {
            throw ToolTaskError(
                .missingProgram, "the Python interpreter \(interpreter) can't be started; install it, or name another")
        } catch is SubprocessError {
            // It broke while it was written to.
            (output, succeeded) = (Data(), false)
        }
        let answers = output.split(separator: 0x0A)
        if succeeded && answers.count == programs.count { return answers.map { $0 } }
        if programs.count == 1 { return [nil] }
        let middle = (programs.startIndex + programs.endIndex) / 2
        return try await lines(mode, programs[..<middle]) + lines(mode, programs[middle...])
    }
}

/// `[operator, node kind, first line from 0, lines replaced, new lines]`.
private struct Site: Decodable {
    var corruption: Corruption

    init(from decoder: any Decoder) throws {
        var values = try decoder.unkeyedContainer()
        let kind = try values.decode(Corruption.Operator.self)
        let node = try values.decode(String.self)
        let first = try values.decode(Int.self)
        let count = try values.decode(Int.self)
        let lines = try values.decode([String].self)
        corruption = Corruption(
            operator: kind, edit: LineEdit(lines: first..<first + count, replacement: lines), node: node)
    }
}
