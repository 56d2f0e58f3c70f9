import Foundation
import Tensors
public import Tokenization

extension Tokenizer {
    /// Loads the tokenizer of a model.
    ///
    /// - Parameter path: A GGUF file, or a folder in the Hugging Face layout.
    /// - Throws: ``LanguageModelError`` or `TokenizationError` for a vocabulary that cannot be used.
    public convenience init(modelPath path: String) throws {
        let folder = URL(filePath: path)
        if let json = try? Data(contentsOf: folder.appending(path: "tokenizer.json")) {
            let configuration = try? Data(contentsOf: folder.appending(path: "tokenizer_config.json"))
            var vocabulary = try Vocabulary(tokenizerJSON: json, configuration: configuration)
            // Transformers 5 writes the template into a file of its own.
            if let template = try? String(contentsOf: folder.appending(path: "chat_template.jinja"), encoding: .utf8) {
                vocabulary.chatTemplate = template
            }
            try self.init(vocabulary)
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
        guard let tokens = gguf.strings("tokenizer.ggml.tokens") else { throw failure("holds no vocabulary") }
        let kinds = (gguf.integers("tokenizer.ggml.token_type") ?? []).map { TokenKind(rawValue: $0) ?? .normal }
        guard kinds.count == tokens.count else { throw failure("does not give the type of every token") }
        let (bosID, eosID) = (
            gguf.integer("tokenizer.ggml.bos_token_id"), gguf.integer("tokenizer.ggml.eos_token_id")
        )
        let addsBOS = gguf.bool("tokenizer.ggml.add_bos_token")
        let chatTemplate = gguf.string("tokenizer.chat_template")
        switch gguf.string("tokenizer.ggml.model") {
        case "gpt2":
            guard let merges = gguf.strings("tokenizer.ggml.merges") else { throw failure("holds no merges") }
            let name = gguf.string("tokenizer.ggml.pre") ?? "default"
            guard let preTokenizer = PreTokenizer(gguf: name) else {
                throw failure("names the pre-tokenizer \(name); supported are smollm, qwen2 and llama-bpe")
            }
            self.init(
                tokens: tokens, kinds: kinds, merges: merges, preTokenizer: preTokenizer, bosID: bosID, eosID: eosID,
                addsBOS: addsBOS ?? (preTokenizer == .llama3), chatTemplate: chatTemplate)
        case "llama":
            guard gguf.bool("tokenizer.ggml.add_space_prefix") == false else {
                throw failure("puts a space before every text, as Llama 2 does, which is not supported")
            }
            try self.init(
                tokens: tokens, scores: gguf.numbers("tokenizer.ggml.scores") ?? [], kinds: kinds, bosID: bosID,
                eosID: eosID, addsBOS: addsBOS ?? true, chatTemplate: chatTemplate)
        case let name:
            throw failure(
                "holds a vocabulary of the kind \(name ?? "unknown"); supported are gpt2 (byte-level BPE) and llama "
                    + "(Gemma's SentencePiece)")
        }
    }
}
