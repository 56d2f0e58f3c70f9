import ArgumentParser
import CommandSupport
import Foundation
import ServeCommands

/// `coe repair --watch`: one repair after another, until Ctrl-C.
struct RepairWatch {
    let command: Repair

    /// What a file is known by: it has changed when its time or size has.
    private struct Stamp: Hashable {
        var time: Date?
        var size: Int?
    }

    /// Repairs at once, and again after each change. A change during a repair ends it.
    func run(_ repair: @escaping @Sendable () async throws -> Void) async throws {
        while true {
            let stamps = stamps()
            let repairing = Task { try await repair() }
            let watching = Task {
                while self.stamps() == stamps { try await Task.sleep(for: .milliseconds(200)) }
                repairing.cancel()
            }
            do {
                try await repairing.value
            } catch is ExitCode {
                // Its reason has been said; the next change may mend it.
            } catch is CancellationError {}
            if self.stamps() == stamps { Terminal.say("Waiting for a change of \(command.tests.file) or its tests.") }
            try await watching.value
            Terminal.say("")
        }
    }

    /// The stamps of FILE, the files of tests and the Python files of the folders of tests.
    private func stamps() -> [String: Stamp] {
        let named = [command.tests.file] + command.tests.tests.map { $0.components(separatedBy: "::")[0] }
        var files: [URL] = []
        for path in named {
            let url = URL(filePath: path)
            let isFolder = (try? url.resourceValues(forKeys: [.isDirectoryKey]).isDirectory) == true
            let inside = isFolder ? FileManager.default.enumerator(at: url, includingPropertiesForKeys: nil) : nil
            files.append(url)
            while let file = inside?.nextObject() as? URL {
                if file.pathExtension == "py" { files.append(file) }
            }
        }
        var stamps: [String: Stamp] = [:]
        for file in files {
            let values = try? file.resourceValues(forKeys: [.contentModificationDateKey, .fileSizeKey])
            stamps[file.path(percentEncoded: false)] = Stamp(
                time: values?.contentModificationDate, size: values?.fileSize)
        }
        return stamps
    }
}
