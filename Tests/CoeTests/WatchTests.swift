import Foundation
import Testing

/// `coe repair --watch`, while a user edits.
extension CoeTests {
    @Test func `watch repairs again after each change, until Ctrl-C`() async throws {
        try write("m.py", "def add(a, b):\n    return a - b\n")
        try write("checks.py", "from m import add\nassert add(1, 2) == 3\n")
        try write("script", "### REPW 2 >>>- >>>+\n")
        let process = Process()
        let log = folder.appending(path: "log")
        try write("log", "")
        process.executableURL = executable
        process.arguments = ["repair", "m.py", "--tests", "checks.py", "--watch", "--policy", "script:script"]
        process.currentDirectoryURL = folder
        process.standardError = try FileHandle(forWritingTo: log)
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        defer { process.terminate() }
        func waits(for text: String, times: Int) async throws -> Bool {
            for _ in 0..<600 {
                if try read("log").components(separatedBy: text).count > times { return true }
                try await Task.sleep(for: .milliseconds(100))
            }
            return false
        }
        let repaired = try await waits(for: "Waiting for a change", times: 1)
        var text = try read("log")
        #expect(repaired && text.contains("Repaired."), "\(text)")
        #expect(try read("m.py").contains("a - b"))
        try write("checks.py", "from m import add\nassert add(3, 2) == 1\n")
        let passes = try await waits(for: "already passes", times: 1)
        text = try read("log")
        #expect(passes, "\(text)")
        try write("m.py", "def add(a, b)\n    return a - b\n")
        let mended = try await waits(for: "The interpreter's own suggestion passes.", times: 1)
        text = try read("log")
        #expect(mended, "\(text)")
        process.interrupt()
        process.waitUntilExit()
        #expect(process.terminationStatus == 130)
    }
}
