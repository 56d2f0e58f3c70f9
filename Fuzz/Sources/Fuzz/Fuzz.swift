import Foundation
@testable import LanguageModels
@testable import Tensors
import Tokenization

/// One reader of each kind; `FUZZ_READER` names it.
private let readers: [String: @Sendable (Data) throws -> Void] = [
    "gguf": { data in
        try withFile(data) { path in
            let file = try GGUFFile(path: path)
            for (name, entry) in file.entries where entry.format != nil { _ = try file.tensor(name) }
            _ = try? ModelConfiguration(gguf: file)
            _ = try Tokenizer(modelPath: path)
        }
    },
    "safetensors": { data in
        try withFile(data) { path in
            let file = try SafetensorsFile(path: path)
            for (name, entry) in file.entries where entry.dtype != nil { _ = try file.tensor(name) }
        }
    },
    "tokenizer": { data in
        let tokenizer = try Tokenizer(Vocabulary(tokenizerJSON: data))
        _ = tokenizer.decode(tokenizer.encode("def f(x):\n    return 12 é<|im_end|>", controlTokens: .parsed))
        _ = try tokenizer.vocabulary.tokenizerJSON()
        _ = try? ChatEncoder(tokenizer)
    },
    "template": { data in
        guard let template = String(validating: data, as: UTF8.self) else { return }
        var vocabulary = chatVocabulary
        vocabulary.chatTemplate = template
        let chat = try ChatEncoder(Tokenizer(vocabulary))
        _ = chat.conversation([ChatTurn(.user, "hi")]) + chat.generationPrompt
    },
    "config": { data in _ = try ModelConfiguration(json: data, source: "config.json").inverseFrequencies },
    "adapter": { data in
        let configuration = try PEFTConfiguration(json: data, source: "adapter")
        _ = try configuration.scale(of: "model.layers.0.self_attn.q_proj")
    },
]

private let reader = readers[ProcessInfo.processInfo.environment["FUZZ_READER"] ?? ""]!

private func withFile(_ data: Data, _ body: (String) throws -> Void) throws {
    let path = "/dev/shm/fuzz-\(getpid())"
    let descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    defer { close(descriptor) }
    _ = data.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    try body(path)
}

private let chatVocabulary: Vocabulary = {
    var next: UInt32 = 256
    var tokens = (UInt8.min...UInt8.max).map { byte -> String in
        switch byte {
        case 33...126, 161...172, 174...255: return String(UnicodeScalar(byte))
        default:
            defer { next += 1 }
            return String(UnicodeScalar(next)!)
        }
    }
    tokens += ["<|im_start|>", "<|im_end|>", "<|endoftext|>"]
    return Vocabulary(
        tokens: tokens, kinds: tokens.indices.map { $0 < 256 ? .normal : .control }, merges: [], preTokenizer: .smollm,
        bosID: 258, eosID: 257, addsBOS: false, chatTemplate: nil)
}()

@_silgen_name("LLVMFuzzerRunDriver") private func runDriver(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ test: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

@main enum Fuzz {
    static func main() {
        var count = CommandLine.argc
        var arguments = CommandLine.unsafeArgv
        // A thrown error is a refusal; a crash, a hang and too much memory are found.
        exit(
            runDriver(&count, &arguments) { bytes, count in
                if let bytes { try? reader(Data(bytes: bytes, count: count)) }
                return 0
            })
    }
}
