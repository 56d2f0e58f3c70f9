import Foundation
import StarterTasks

extension RepairTask {
    /// The bundled collection: small correct programs over everyday topics, written for this project.
    ///
    /// As a task's program stands the correct one, ready to be corrupted.
    public static let starter: [RepairTask] = {
        let lines = StarterTasks.jsonLines.split(separator: 0x0A)
        // A test reads them all; a line that doesn't decode is a fault of this package.
        return lines.compactMap { try? JSONDecoder().decode(RepairTask.self, from: Data($0)) }
    }()
}
