import Foundation
import ServeCommands

/// Runs a peer's Python program and reads the JSON object in its last line. Its standard error is shown.
func runPeer<Answer: Decodable>(_ python: String, _ program: String, _ arguments: [String]) throws -> Answer {
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = [python, program] + arguments
    // Their loops are alone on the cores, where spinning threads are the faster choice.
    let ours: Set = ["OMP_WAIT_POLICY", "GOMP_SPINCOUNT"]
    process.environment = ProcessInfo.processInfo.environment.filter { !ours.contains($0.key) }
    process.standardOutput = output
    try process.run()
    let data = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    guard process.terminationStatus == 0,
        let last = String(decoding: data, as: UTF8.self).split(separator: "\n").last,
        let answer = try? JSONDecoder().decode(Answer.self, from: Data(last.utf8))
    else {
        let isKilled = process.terminationReason == .uncaughtSignal && process.terminationStatus == SIGKILL
        throw UsageError(
            "The peer \(python) \(program) \(arguments.prefix(2).joined(separator: " ")) "
                + (isKilled ? "was killed, as happens when memory runs out." : "failed; its words are above."))
    }
    return answer
}
