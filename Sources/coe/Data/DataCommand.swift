public import ArgumentParser
public import Demonstrations
import Foundation
public import RepairTasks

struct DataCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data", abstract: "Fetches, makes, checks and converts tasks and demonstrations.",
        subcommands: [
            DataFetch.self, DataSynthesize.self, DataCorrect.self, DataStats.self, DataExport.self, DataCheck.self,
            DataOverlap.self,
        ])
}

extension MBPP.Split: ExpressibleByArgument {}
extension CorruptionFamily: ExpressibleByArgument {}
extension StateForm: ExpressibleByArgument {}
extension ExportFormat: ExpressibleByArgument {}

extension TaskSet {
    /// `tasks` without those that are in `sets` (of MBPP, its test split), or like them.
    static func leavingOut(_ sets: [String], from tasks: [RepairTask]) async throws -> [RepairTask] {
        if sets.isEmpty { return tasks }
        let overlap = try await Overlap.find(of: tasks, with: sets.flatMap { try TaskSet.load($0, split: .test) })
        let flagged = Set(overlap.findings.map(\.task))
        Terminal.say("\(flagged.count) tasks left out: they or their like are in \(sets.joined(separator: ", ")).")
        return tasks.filter { !flagged.contains($0.id) }
    }
}

/// How far a long step is: one line that is written over on a terminal, a line every few seconds elsewhere.
final class ProgressLine: @unchecked Sendable {
    private let lock = NSLock()
    private let title: String
    private let start = ContinuousClock.now
    private var last: ContinuousClock.Instant?
    private let isTerminal = isatty(STDERR_FILENO) == 1

    init(_ title: String) { self.title = title }

    func show(_ done: Int, of total: Int, note: String = "") {
        lock.withLock {
            let now = ContinuousClock.now
            let interval: Duration = isTerminal ? .milliseconds(100) : .seconds(5)
            if let last, now - last < interval, done < total { return }
            last = now
            let seconds = max((now - start) / .seconds(1), 0.001)
            let rate = Double(done) / seconds
            let left = rate > 0 ? Double(total - done) / rate : 0
            var text = "\(title) \(done)/\(total)"
            text += String(format: "  %.1f/s", rate) + (done < total ? "  \(Int(left)) s left" : "") + note
            if isTerminal {
                let width = 24
                let filled = total > 0 ? width * done / total : width
                let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
                let end = done < total ? "" : "\n"
                FileHandle.standardError.write(Data("\r\u{1B}[K\(bar) \(text)\(end)".utf8))
            } else {
                Terminal.say(text)
            }
        }
    }
}
