import ArgumentParser
import Demonstrations
import Foundation
import PythonSandbox
import ServeCommands
import StatefulTools

/// Writes the demonstrations of a source into a file, with progress; goes on where an earlier run stopped.
struct DemonstrationWriter {
    private let path: String
    private let json: Bool
    private var file: DemonstrationFile

    init(_ path: String, options: LessonOptions, json: Bool) throws {
        self.path = path
        self.json = json
        file = try DemonstrationFile(URL(filePath: path), options: options)
    }

    private struct Result: Codable {
        var file: String
        var count: Int
        var made: Int
        var seconds: Double
        var unusableTasks: Int
        /// Whether the tasks gave fewer than the user asked for.
        var isShort: Bool
    }

    /// Whether the file is full already; says so then.
    func holds(_ count: Int) -> Bool {
        if file.count < count { return false }
        Terminal.say("\(path) holds \(file.count) demonstrations already.")
        return true
    }

    /// How much is made.
    enum Extent {
        /// The file is to hold so many; `patience` draws in a row that give nothing new end it.
        case demonstrations(Int, patience: Int)
        /// Everything that so many draws give.
        case draws(Int)
    }

    /// - Parameter makeSource: gives the source, how much to make of it, and the number of tasks that it could not use.
    func write(
        _ makeSource: (PythonSandbox) async throws -> (any DemonstrationSource, Extent, unusable: Int)
    ) async throws {
        Interrupt.catchFirst()
        var file = file
        let before = file.count
        let start = ContinuousClock.now
        let result = try await withSandbox { sandbox in
            let (source, extent, unusable) = try await makeSource(sandbox)
            let progress = ProgressLine("demonstrations")
            var barren = 0
            var isShort = false
            func take(_ index: Int, _ demonstration: Demonstration?) throws -> Bool {
                let isNew = try demonstration.map { try file.append($0) } ?? false
                barren = isNew ? 0 : barren + 1
                if Interrupt.isRequested { return false }
                switch extent {
                case .demonstrations(let count, let patience):
                    if isNew { progress.show(file.count, of: count) }
                    isShort = barren == patience
                    return file.count < count && !isShort
                case .draws(let draws):
                    progress.show(index + 1, of: draws)
                    return index + 1 < draws
                }
            }
            if case .draws(let draws) = extent, file.nextIndex >= draws {
                Terminal.say("\(path) holds what they give already.")
            } else {
                let workers = ProcessInfo.processInfo.activeProcessorCount
                try await source.run(from: file.nextIndex, workers: workers) { try take($0, $1) }
            }
            return Result(
                file: path, count: file.count, made: file.count - before,
                seconds: (ContinuousClock.now - start) / .seconds(1), unusableTasks: unusable, isShort: isShort)
        }
        try file.close()
        Terminal.say(
            String(
                format: "%d demonstrations in %@, %d made in %.1f s (%.1f a second).",
                result.count, path, result.made, result.seconds, Double(result.made) / result.seconds))
        if json { try Terminal.printJSON(result) }
        if Interrupt.isRequested { throw ExitCode(130) }
        if result.isShort {
            Terminal.say("The tasks give no more different ones.")
            throw ExitCode(1)
        }
    }
}
