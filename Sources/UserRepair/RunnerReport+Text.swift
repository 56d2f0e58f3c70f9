public import UserRunner

extension RunnerReport {
    /// `3 of 5 tests pass, 1 skipped`, or why none ran.
    public var headline: String {
        if outcome == .unusable { return sentence ?? "The tests can't be used." }
        if let program, tests.allSatisfy({ $0.phase == "collect" || $0.outcome == "notRun" }) {
            return program.words
        }
        let skipped = tests.count { $0.outcome == "skipped" }
        let expected = tests.count { $0.outcome == "xfailed" || $0.outcome == "xpassed" }
        let counted = tests.count - skipped - expected
        let passing = tests.count(where: \.passed)
        var text = "\(passing) of \(counted) \(counted == 1 ? "test passes" : "tests pass")"
        if counted == 0 { text = "no test ran" }
        if skipped > 0 { text += ", \(skipped) skipped" }
        if expected > 0 { text += ", \(expected) expected to fail" }
        return text
    }

    /// The failing tests for people, a block each: name, place, call, got and want, the program's line.
    ///
    /// - Parameter program: the program's file as the user wrote it.
    public func failures(of program: String, limit: Int = 20) -> [String] {
        if outcome == .unusable { return [] }
        var blocks = failing.prefix(limit).map { $0.block(program) }
        if failing.count > limit { blocks.append("… \(failing.count - limit) more tests fail.") }
        if let sentence { blocks.append(sentence) }
        if failing.isEmpty, !passed, let output, !output.isEmpty {
            let lines = output.split(whereSeparator: \.isNewline).suffix(8)
            blocks.append(lines.map { "    \($0)" }.joined(separator: "\n"))
        }
        return blocks
    }
}

extension RunnerReport.Fault {
    /// `SyntaxError in line 3: expected ':'`
    var words: String {
        let place = line.map { " in line \($0)" } ?? ""
        return "the program does not load: \(type ?? "error")\(place)" + (message.map { ": \($0)" } ?? "")
    }
}

extension RunnerTest {
    private static let messageLines = 6

    fileprivate func block(_ program: String) -> String {
        let place = testFile.map { file in " (\(file)\(testLine.map { ":\($0)" } ?? ""))" } ?? ""
        var lines = ["\(word) \(id)\(place)"]
        if let parameters, !id.contains("[") {
            lines.append(
                "    with " + parameters.sorted { $0.key < $1.key }.map { "\($0) = \($1)" }.joined(separator: ", "))
        }
        if let got, let want {
            lines.append("    " + (call.map { "\($0): " } ?? "") + "got \(got), want \(want)")
        } else {
            if let call, outcome != "failed" || type != "AssertionError" { lines.append("    \(call)") }
            if call == nil, let testSource { lines.append("    \(testSource)") }
            let text = [outcome == "failed" && type == "AssertionError" ? nil : type, message].compactMap { $0 }
            var message = text.joined(separator: ": ").split(whereSeparator: \.isNewline).map { "    \($0)" }
            if message.isEmpty, let testSource, call != nil { message = ["    \(testSource)"] }
            lines += message.prefix(Self.messageLines)
        }
        if let programLine { lines.append("    at \(program):\(programLine)") }
        return lines.joined(separator: "\n")
    }

    private var word: String {
        if setup == true { return "SET-UP ERROR (the tests' own)" }
        return switch outcome {
        case "timeout": "TIMEOUT"
        case "error": "ERROR"
        default: "FAILED"
        }
    }
}

extension RunnerReport {
    /// Why the tests can't be used, and what to do.
    ///
    /// - Parameters:
    ///   - program: the program's file as the user wrote it.
    ///   - hasTests: whether the user named tests.
    public func unusableSentence(of program: String, hasTests: Bool) -> String {
        let reason = sentence ?? "The tests can't be used."
        return hasTests || !reason.contains("doctest") ? reason : reason + " Name the tests with --tests FILE."
    }
}
