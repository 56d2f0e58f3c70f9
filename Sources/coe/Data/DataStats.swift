import ArgumentParser
import Demonstrations
import Foundation
import LanguageModels
import PythonSandbox
import RepairTasks
import Tokenization

struct DataStats: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats", abstract: "Says what a file of demonstrations, or a set of faulty programs, is made of.",
        discussion: """
            Example: coe data stats demos.jsonl --html demos.html
            Of a task set each faulty program is run once, to see how it fails.
            """)

    @Argument(help: "A demonstration file or a task set.") var file: String
    @Option(help: "Write a page with plots to this file.") var html: String?
    @Option(help: "Read only the first N of a task set.") var limit: Int?
    @Option(help: "Count the tokens of demonstrations, as this model's tokenizer makes them.") var model: String?
    @Flag(help: "Print the figures as one JSON object on standard output.") var json = false

    func run() async throws {
        var statistics = Statistics()
        if Self.holdsDemonstrations(file) {
            let tokenizer = try model.map { try Tokenizer(modelPath: modelPath($0)) }
            let countTokens = tokenizer.map { tokenizer in { (text: String) in tokenizer.encode(text).count } }
            try Demonstration.forEach(in: URL(filePath: file)) { statistics.add($0, countTokens: countTokens) }
        } else {
            statistics = try await statisticsOfTasks()
        }
        Terminal.say(statistics.table)
        if let html {
            let title = URL(filePath: file).lastPathComponent
            try Data(statistics.page(title: title).utf8).write(to: URL(filePath: html), options: .atomic)
            Terminal.say("\nPlots: \(html)")
        }
        if json { try Terminal.printJSON(statistics) }
    }

    private func statisticsOfTasks() async throws -> Statistics {
        var tasks = try TaskSet.load(file)
        if let limit { tasks = Array(tasks.prefix(limit)) }
        let all = tasks
        var statistics = Statistics()
        let progress = ProgressLine("programs")
        try await withSandbox { sandbox in
            let cache = JobCache(sandbox)
            try await inOrder(all, progress) {
                // Programs that loop for ever are many among those that models wrote.
                try await cache.run($0.job(program: $0.program, limits: SandboxLimits(wallSeconds: 2)))
            } each: { task, report in
                guard let report = try? report.get() else { return }
                var distance: Int?
                if case .number(let known)? = task.meta?["lev_nearest_passing"] { distance = Int(known) }
                if distance == nil, let reference = task.reference { distance = editDistance(task.program, reference) }
                let failure = report.failure ?? (report.hiddenPassed ? "passes" : "hidden tests")
                statistics.add(
                    task: task.id, failure: failure, editDistance: distance, characters: task.program.count)
            }
        }
        return statistics
    }

    static func holdsDemonstrations(_ file: String) -> Bool {
        var found = false
        try? RepairTask.forEachLine(in: URL(filePath: file)) { line in
            found = (try? JSONDecoder().decode(Demonstration.self, from: line)) != nil
            return false
        }
        return found
    }
}

/// Does `work` on all items, several at once, and hands its results on in the order of the items.
func inOrder<Item: Sendable, Output: Sendable>(
    _ items: [Item], _ progress: ProgressLine, _ work: @escaping @Sendable (Item) async throws -> Output,
    each: (Item, Result<Output, any Error>) throws -> Void
) async throws {
    try await withThrowingTaskGroup(of: (Int, Result<Output, any Error>).self) { group in
        var next = 0
        var due = 0
        var waiting: [Int: Result<Output, any Error>] = [:]
        func add() {
            guard next < items.count else { return }
            let index = next
            next += 1
            group.addTask {
                // Awaited inside the tuple, in an optimised build of Swift 6.3.1 the index can come out as 0.
                do {
                    let output = try await work(items[index])
                    return (index, .success(output))
                } catch {
                    return (index, .failure(error))
                }
            }
        }
        for _ in 0..<16 { add() }
        for try await (index, result) in group {
            waiting[index] = result
            add()
            while let result = waiting.removeValue(forKey: due) {
                try each(items[due], result)
                due += 1
                progress.show(due, of: items.count)
            }
        }
    }
}
