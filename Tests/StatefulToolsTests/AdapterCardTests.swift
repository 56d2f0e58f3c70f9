import Foundation
import StatefulTools
import Testing

@Suite struct AdapterCardTests {
    private func folder(_ card: String) throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appending(path: "adapter-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try Data(card.utf8).write(to: folder.appending(path: AdapterCard.fileName))
        return folder
    }

    private func read(_ card: String) throws -> AdapterCard? {
        try AdapterCard.read(fromAdapter: folder(card).path(percentEncoded: false))
    }

    private func old(_ numbering: String, _ examples: Bool, _ changes: Bool, more: String = "") -> String {
        #"{"model": "m", "prompt": {"numbering": "\#(numbering)", "workedExamples": \#(examples), "changesOnly": \#(changes)\#(more)}}"#
    }

    @Test func `the switches of old cards are the styles that they meant`() throws {
        #expect(try read(old("compact", true, false))?.prompt == .examples)
        #expect(try read(old("paper", false, false))?.prompt == .paper)
        #expect(try read(old("compact", false, false))?.prompt == .compact)
        #expect(try read(old("compact", false, true))?.prompt == .compactDiff)
        #expect(try read(old("compact", false, true, more: #", "instructs": false"#))?.prompt == .brief)
        #expect(
            try read(old("compact", false, true, more: #", "instructs": false, "isPlainText": true"#))?.prompt == .plain
        )
        #expect(try read(old("compact", false, false))?.tools == [])
    }

    @Test func `the bundled adapters have cards`() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Adapters")
        for name in try FileManager.default.contentsOfDirectory(atPath: root.path(percentEncoded: false)) {
            let card = try AdapterCard.read(fromAdapter: root.appending(path: name).path(percentEncoded: false))
            #expect(card?.model == name && card?.prompt == .brief)
        }
    }

    @Test func `a card is written and read, a missing one is nil, a foreign one is refused`() throws {
        let card = AdapterCard(prompt: .plain, model: "tiny", tools: ["countdown"])
        let folder = try folder("{}")
        try card.write(toAdapter: folder)
        #expect(try AdapterCard.read(fromAdapter: folder.path(percentEncoded: false)) == card)
        #expect(try AdapterCard.read(fromAdapter: "/nowhere") == nil)
        for foreign in ["{", #"{"model": "m"}"#, old("paper", true, true)] {
            let error = #expect(throws: PolicyError.self) { try read(foreign) }
            #expect(error?.code == .unavailable && error?.description.contains("coe.json") == true)
        }
    }
}
