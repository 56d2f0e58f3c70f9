import ArgumentParser
import Demonstrations
import Foundation
import PythonRepair
import ServeCommands
import StatefulTools
import Tools

struct DataCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data", abstract: "Fetches, makes, checks and converts tasks and demonstrations.",
        subcommands: [
            DataFetch.self, DataSynthesize.self, DataCorrect.self, DataStats.self, DataExport.self, DataCheck.self,
            DataOverlap.self,
        ])

    /// `tasks` without those that are in `sets` (of MBPP, its test split), or like them.
    ///
    /// - Throws: `UsageError` when there are sets but not all tasks are Python programs.
    static func leavingOut(_ sets: [String], from tasks: [any Tool]) async throws -> [any Tool] {
        if sets.isEmpty { return tasks }
        let overlap = try await Overlap.find(
            of: repairs(tasks), with: sets.flatMap { try repairs(Toolbox.standard.load($0, split: .test)) })
        let flagged = Set(overlap.findings.map(\.task))
        Terminal.say("\(flagged.count) tasks left out: they or their like are in \(sets.joined(separator: ", ")).")
        return tasks.filter { !flagged.contains($0.id) }
    }

    /// The tasks as tasks of Python repair.
    ///
    /// - Throws: `UsageError` that names the first task of another tool.
    static func repairs(_ tasks: [any Tool]) throws -> [RepairTask] {
        try tasks.map { task in
            guard let task = task as? PythonRepair else {
                throw UsageError(
                    "Only Python programs can be compared; \(task.id) is a task of \(type(of: task).name)."
                )
            }
            return task.repair
        }
    }
}
