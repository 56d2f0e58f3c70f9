import ArgumentParser
import Foundation
import ServeCommands

/// `coe serve env` as a process of its own: its memory can be told from the client's.
struct EnvironmentProcess {
    let address: String
    let port: Int
    private let process = Process()

    /// - Throws: ``UsageError`` where the server does not start.
    init(_ arguments: [String]) throws {
        let own = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
        let output = Pipe()
        process.executableURL = own
        process.arguments = ["serve", "env", "--port", "0", "--json", "--drain-seconds", "0"] + arguments
        process.standardOutput = output
        try process.run()
        struct Ready: Decodable {
            var url: String
            var port: Int
        }
        // One line when it is ready; nothing when it could not start.
        let line = output.fileHandleForReading.availableData
        guard let ready = try? JSONDecoder().decode(Ready.self, from: line) else {
            process.terminate()
            throw UsageError("coe serve env did not start; its words are above.")
        }
        address = ready.url
        port = ready.port
    }

    func stop() {
        process.terminate()
        process.waitUntilExit()
    }
}
