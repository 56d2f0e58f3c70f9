public import Foundation
import JSONKeys

/// The tasks of a set that may be trained on, that decide which adapter is best, and that are tested with.
public enum TaskSplit: String, CaseIterable, Hashable, Sendable, Codable {
    case train, validation, test, all
}

/// The tools that are here.
public struct Toolbox: Sendable {
    public let tools: [any Tool.Type]

    public init(_ tools: [any Tool.Type]) { self.tools = tools }

    /// The tool of this name.
    ///
    /// - Throws: ``ToolTaskError`` that names the tools that are here.
    public func tool(_ name: String) throws(ToolTaskError) -> any Tool.Type {
        guard let tool = tools.first(where: { $0.name == name }) else {
            let names = tools.map { $0.name }.joined(separator: ", ")
            throw ToolTaskError(.unknownTool, "there is no tool \"\(name)\"; the tools are \(names)")
        }
        return tool
    }

    /// The start state of a task.
    public func start(_ task: ToolTask) throws -> any Tool { try tool(task.tool).init(task) }

    /// Reads tasks by name or path: a set that a tool bundles or generates, a file or folder in a form that a tool knows,
    /// or a task file (JSON lines, plain or `.gz`). A demonstration file gives the tasks in it.
    ///
    /// - Parameters:
    ///   - set: a name or a path.
    ///   - split: the tasks of a set that has official splits. `NAME:SPLIT` overrides it.
    public func load(_ set: String, split: TaskSplit) throws -> [any Tool] {
        var (set, split) = (set, split)
        if let colon = set.lastIndex(of: ":"), let named = TaskSplit(rawValue: String(set[set.index(after: colon)...]))
        {
            (set, split) = (String(set[..<colon]), named)
        }
        for tool in tools {
            if let tasks = try tool.tasks(set, split: split) { return tasks }
        }
        return try load(file: URL(filePath: set))
    }

    /// Reads a task file.
    ///
    /// - Throws: ``ToolTaskError`` that names the first line that is no task, or why the file can't be read.
    public func load(file: URL, limit: Int? = nil) throws -> [any Tool] {
        var tasks: [any Tool] = []
        if limit == 0 { return tasks }
        try forEach(in: file) { task in
            tasks.append(task)
            return tasks.count != limit
        }
        return tasks
    }

    /// Calls `body` with each task of a file as it is read, until it returns false.
    public func forEach(in file: URL, _ body: (any Tool) throws -> Bool) throws {
        let name = file.lastPathComponent
        let decoder = JSONDecoder()
        var lineOfID: [String: Int] = [:]
        var number = 0
        try JSONLines.forEach(in: file) { line in
            number += 1
            if line.isBlank { return true }
            if let key = repeatedKey(inJSON: line) {
                throw ToolTaskError(
                    .badLine, "\(name), line \(number): the field \"\(key)\" stands twice; leave one of them")
            }
            let start: any Tool
            do {
                // A demonstration holds its task in a field.
                let task =
                    try (try? decoder.decode(Holder.self, from: line))?.task
                    ?? decoder.decode(ToolTask.self, from: line)
                start = try self.start(task)
            } catch let error as ToolTaskError {
                throw ToolTaskError(error.code, "\(name), line \(number): \(error.description)")
            } catch {
                throw ToolTaskError(.badLine, "\(name), line \(number): \(ToolTaskError.sentence(error))")
            }
            if let first = lineOfID.updateValue(number, forKey: start.id) {
                throw ToolTaskError(
                    .badLine, "\(name), line \(number): the id \"\(start.id)\" is also that of line \(first)")
            }
            return try body(start)
        }
    }

    private struct Holder: Decodable {
        var task: ToolTask
        var messages: [ChatMessage]
    }
}
