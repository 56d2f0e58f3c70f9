import ArgumentParser
import CommandSupport
import Foundation
import ServeCommands

struct ModelsList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Lists the known models: where they are, their size, and whether their digest is right.")

    @Flag(help: .json) var json = false

    private struct Row: Codable {
        var name: String
        var path: String
        var bytes: Int?
        var digest: String
    }

    func run() async throws {
        let rows = KnownModel.all.map { model in
            let digest = model.size == nil ? "missing" : model.hasDigest.map { $0 ? "ok" : "wrong" } ?? "unchecked"
            return Row(name: model.name, path: model.url.path(percentEncoded: false), bytes: model.size, digest: digest)
        }
        let name = rows.map(\.name.count).max() ?? 0
        let digest = rows.map(\.digest.count).max() ?? 0
        for row in rows {
            let size = row.bytes.map { "\($0 / 1_000_000) MB" } ?? "-"
            let file = URL(filePath: row.path).lastPathComponent
            let columns = [(row.name, name), (row.digest, digest), (size, 7)].map { text, width in
                text.padding(toLength: width, withPad: " ", startingAt: 0)
            }
            Terminal.show((columns + [file]).joined(separator: "  "), json: json)
        }
        let folder = KnownModel.folder.path(percentEncoded: false)
        Terminal.show("The folder is \(folder), the default \(KnownModel.default.name).", json: json, isProse: true)
        if json { try Terminal.printJSON(["models": rows]) }
        if rows.contains(where: { $0.digest == "wrong" }) { throw ExitCode(1) }
    }
}
