import Foundation

/// A named or given collection of tasks.
public enum TaskSet {
    /// Reads tasks by name or path: `starter` (bundled), a data set that was fetched (`mbpp`), an MBPP file, or a file in
    /// the repair format.
    ///
    /// - Parameter split: the tasks of one official split, where the set is MBPP.
    public static func load(_ name: String, split: MBPP.Split? = nil) throws -> [RepairTask] {
        if name == "starter" { return RepairTask.starter }
        if let known = DataSet.all.first(where: { $0.name == name }) {
            let file = DataSet.folder.appending(path: known.file)
            guard FileManager.default.fileExists(atPath: file.path(percentEncoded: false)) else {
                throw RepairTaskError(
                    .unreadable, "the data set \(name) is not here yet; fetch it with: coe data fetch \(name)")
            }
            return try load(file.path(percentEncoded: false), split: split)
        }
        let file = URL(filePath: name)
        if MBPP.isMBPP(file) { return try MBPP.load(from: file, split: split) }
        return try RepairTask.load(from: file)
    }
}
