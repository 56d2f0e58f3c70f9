import Foundation
import Tensors
public import Tokenization

extension Tokenizer {
    /// The tokenizer of a model: of a GGUF file, or of a folder in the Hugging Face layout.
    public convenience init(modelPath path: String) throws {
        let folder = URL(filePath: path)
        if let json = try? Data(contentsOf: folder.appending(path: "tokenizer.json")) {
            let configuration = try? Data(contentsOf: folder.appending(path: "tokenizer_config.json"))
            try self.init(Vocabulary(tokenizerJSON: json, configuration: configuration))
        } else if (try? folder.resourceValues(forKeys: [.isDirectoryKey]))?.isDirectory == true {
            throw LanguageModelError(.modelNotReadable, "\(path) holds no tokenizer.json.")
        } else {
            try self.init(Vocabulary(gguf: GGUFFile(path: path)))
        }
    }
}

extension Vocabulary {
    init(gguf: GGUFFile) throws {
        func failure(_ what: String) -> LanguageModelError {
            LanguageModelError(.modelNotReadable, "\(gguf.path) \(what).")
        }
        guard gguf.string("tokenizer.ggml.model") == "gpt2", let tokens = gguf.strings("tokenizer.ggml.tokens"),
            let merges = gguf.strings("tokenizer.ggml.merges")
        else {
            throw failure("holds no byte-level BPE vocabulary")
        }
        let name = gguf.string("tokenizer.ggml.pre") ?? "default"
        guard let preTokenizer = PreTokenizer(gguf: name) else {
            throw failure("names the pre-tokenizer \(name); supported are smollm, qwen2 and llama-bpe")
        }
        let kinds = (gguf.integers("tokenizer.ggml.token_type") ?? []).map { TokenKind(rawValue: $0) ?? .normal }
        guard kinds.count == tokens.count else { throw failure("does not give the type of every token") }
        self.init(
            tokens: tokens, kinds: kinds, merges: merges, preTokenizer: preTokenizer,
            bosID: gguf.integer("tokenizer.ggml.bos_token_id"), eosID: gguf.integer("tokenizer.ggml.eos_token_id"),
            addsBOS: gguf.bool("tokenizer.ggml.add_bos_token") ?? (preTokenizer == .llama3),
            chatTemplate: gguf.string("tokenizer.chat_template"))
    }
}
