public import Foundation
import Tokenization

/// A folder with the tiny random Llama, a context of 4,096 tokens and a tokenizer of bytes with ChatML's markers: small
/// enough to be trained in a test.
public func byteModelFolder() throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appending(path: "coe-model-\(UUID().uuidString)")
    try FileManager.default.copyItem(at: URL(filePath: fixture("models/tiny-llama3")), to: folder)
    let file = folder.appending(path: "config.json")
    let text = try String(contentsOf: file, encoding: .utf8)
        .replacing("\"max_position_embeddings\": 512", with: "\"max_position_embeddings\": 4096")
    try Data(text.utf8).write(to: file)
    let vocabulary = try byteVocabulary(controlTokens: ["<|im_start|>", "<|im_end|>"], count: 320)
    try vocabulary.tokenizerJSON().write(to: folder.appending(path: "tokenizer.json"))
    return folder
}
