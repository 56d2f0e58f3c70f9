import Foundation
import Testing

@testable import Tokenization

/// What Fuzz/run keeps: each input is read or refused, none crashes or hangs.
@Suite struct FuzzTests {
    private func inputs(_ reader: String) throws -> [Data] {
        let folder = Fixtures.folder.deletingLastPathComponent().appending(path: "fuzz/\(reader)")
        return try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            .map { try Data(contentsOf: $0) }
    }

    @Test(.timeLimit(.minutes(1))) func `tokenizer files`() throws {
        for data in try inputs("tokenizer") {
            guard let tokenizer = try? Tokenizer(Vocabulary(tokenizerJSON: data)) else { continue }
            _ = tokenizer.decode(tokenizer.encode("def f(x):\n    return 12 é<|im_end|>", controlTokens: .parsed))
            _ = try tokenizer.vocabulary.tokenizerJSON()
        }
    }

    @Test(.timeLimit(.minutes(1))) func `chat templates`() throws {
        let file = try Data(contentsOf: Fixtures.folder.appending(path: "smollm.json"))
        var vocabulary = try Vocabulary(tokenizerJSON: file)
        for data in try inputs("template") {
            vocabulary.chatTemplate = String(decoding: data, as: UTF8.self)
            _ = try? ChatEncoder(Tokenizer(vocabulary))
        }
    }
}
