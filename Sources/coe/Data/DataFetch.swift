import ArgumentParser
import Foundation
import PythonRepair
import ServeCommands

struct DataFetch: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fetch",
        abstract: "Gets a public data set from its publisher into the cache and checks its digest.",
        discussion: "Known: " + DataSet.all.map(\.name).joined(separator: ", ") + ". Example: coe data fetch mbpp")

    @Argument(help: "The data set's name.", completion: .list(DataSet.all.map(\.name))) var name: String
    @Flag(help: .json) var json = false

    func validate() throws {
        if !DataSet.all.contains(where: { $0.name == name }) {
            throw ValidationError(
                "\(name) is not known; these are: \(DataSet.all.map(\.name).joined(separator: ", ")).")
        }
    }

    func run() async throws {
        guard let set = DataSet.all.first(where: { $0.name == name }) else { return }
        let fetched = try await set.fetch(into: DataSet.folder)
        let path = fetched.file.path(percentEncoded: false)
        Terminal.say((fetched.wasPresent ? "Already here: " : "Fetched: ") + path)
        switch fetched.trust {
        case .published: Terminal.say("SHA-256 \(fetched.digest), as published in \(set.source).")
        case .recorded: Terminal.say("SHA-256 \(fetched.digest), as at the first fetch.")
        case .firstUse:
            Terminal.say(
                "SHA-256 \(fetched.digest). No digest is published, so this one is recorded, and later fetches must have it "
                    + "(pinned by: \(set.source)).")
        }
        if json { try Terminal.printJSON(fetched) }
    }
}
