public import Foundation
import Runs
import StatefulTools

/// The text of every token that a run's policy wrote, by id: `tokens.json` in the run folder.
///
/// With it a report shows each token without the model. Bytes that are no whole character are U+FFFD.
public struct TokenTexts: Hashable, Sendable {
    public var texts: [Int: String]

    private static func file(_ folder: URL) -> URL { folder.appending(path: "tokens.json") }

    /// Reads what is there; nothing when the file is missing.
    public init(folder: URL) {
        texts =
            (try? JSONDecoder().decode([Int: String].self, from: Data(contentsOf: Self.file(folder)))) ?? [:]
    }

    /// Writes the texts of all ids in the folder's traces, as `text` knows them, beside those that are there.
    public static func save(in folder: URL, text: (Int) -> String) throws {
        var texts = TokenTexts(folder: folder).texts
        for trace in try TraceFile(folder: folder).read() {
            for id in trace.turns.lazy.flatMap(\.completion.tokenIDs) where texts[id] == nil { texts[id] = text(id) }
        }
        try write(texts, to: folder)
    }

    /// Joins the files of several folders into one.
    public static func merge(_ folders: [URL], into folder: URL) throws {
        let texts = folders.reduce(into: [:]) { $0.merge(TokenTexts(folder: $1).texts) { first, _ in first } }
        if !texts.isEmpty { try write(texts, to: folder) }
    }

    private static func write(_ texts: [Int: String], to folder: URL) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        try encoder.encode(texts).write(to: file(folder), options: .atomic)
    }
}
