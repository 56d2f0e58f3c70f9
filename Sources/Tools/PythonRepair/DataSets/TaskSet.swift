import Foundation
import StatefulTools

/// The sets of repair tasks that are known by name, and the forms in which others publish theirs.
enum TaskSet {
    /// `starter` (bundled), a data set that was fetched (`mbpp`), or what a publisher offers: the files of MBPP and
    /// HumanEvalPack, DebugBench's file or folder, QuixBugs' folder, and an archive (`.tar.gz`) of the latter two. Nil for
    /// anything else.
    static func load(_ name: String, split: TaskSplit) throws -> [RepairTask]? {
        if name == "starter" || name == PythonRepair.name { return RepairTask.starter }
        if let known = DataSet.all.first(where: { $0.name == name }) {
            let file = DataSet.folder.appending(path: known.file).path(percentEncoded: false)
            guard FileManager.default.fileExists(atPath: file) else {
                throw ToolTaskError(
                    .unreadable, "the data set \(name) is not here yet; fetch it with: coe data fetch \(name)")
            }
            return try load(file, split: split)
        }
        let file = URL(filePath: name)
        var isFolder: ObjCBool = false
        _ = FileManager.default.fileExists(atPath: name, isDirectory: &isFolder)
        if isFolder.boolValue { return try loadFolder(file) }
        if name.hasSuffix(".tar.gz") || name.hasSuffix(".tgz") { return try loadArchive(file) }
        if MBPP.isMBPP(file) { return try MBPP.load(from: file, split: MBPP.Split(rawValue: split.rawValue)) }
        let beginning = beginning(of: file)
        if beginning.contains("\"buggy_solution\"") { return try HumanEvalFix.load(from: file) }
        if beginning.contains("\"slug\"") { return try DebugBench.load(from: file) }
        return nil
    }

    /// Enough of a file to tell whose it is; nothing of a compressed one, as the repair format may be.
    private static func beginning(of file: URL) -> String {
        guard let handle = try? FileHandle(forReadingFrom: file), let data = try? handle.read(upToCount: 1 << 16)
        else { return "" }
        return String(decoding: data, as: UTF8.self)
    }

    private static func loadFolder(_ folder: URL) throws -> [RepairTask] {
        func exists(_ path: String) -> Bool {
            FileManager.default.fileExists(atPath: folder.appending(path: path).path(percentEncoded: false))
        }
        if exists("python_programs") { return try QuixBugs.load(from: folder) }
        let benchmark = exists("benchmark") ? folder.appending(path: "benchmark") : folder
        let tasks = try DebugBench.load(from: benchmark)
        if !tasks.isEmpty { return tasks }
        throw ToolTaskError(
            .unreadable,
            "\(folder.path(percentEncoded: false)) is no data set that is known: give a file, or the folder of QuixBugs or "
                + "DebugBench")
    }

    private static func loadArchive(_ file: URL) throws -> [RepairTask] {
        let folder = FileManager.default.temporaryDirectory.appending(path: "coe-archive-\(UUID())")
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let tar = Process()
        tar.executableURL = URL(filePath: "/usr/bin/env")
        tar.arguments = [
            "tar", "-xzf", file.path(percentEncoded: false), "-C", folder.path(percentEncoded: false),
            "--strip-components=1", "--no-same-owner",
        ]
        tar.standardError = FileHandle.nullDevice
        try tar.run()
        tar.waitUntilExit()
        if tar.terminationStatus != 0 {
            throw ToolTaskError(
                .unreadable,
                "\(file.path(percentEncoded: false)): tar can't unpack it; it is missing, cut off or damaged")
        }
        return try loadFolder(folder)
    }
}
