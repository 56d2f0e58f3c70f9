import Foundation
import JSONKeys
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
            if let template = try? Data(contentsOf: folder.appending(path: "chat_template.jinja")) {
                vocabulary.chatTemplate = String(decoding: template, as: UTF8.self)
            }
            vocabulary.otherEndIDs = try Tokenizer.endIDs(of: folder).filter { id in
                guard vocabulary.tokens.indices.contains(id) else {
                    throw LanguageModelError(
                        .modelNotReadable,
                        "\(path) ends an answer with the token \(id) (eos_token_id), and its tokenizer knows "
                            + "\(vocabulary.tokens.count).")
                }
                return true
            }
            try self.init(vocabulary)
        } else if (try? folder.resourceValues(forKeys: [.isDirectoryKey]))?.isDirectory == true {
            throw LanguageModelError(.modelNotReadable, "\(path) holds no tokenizer.json.")
        } else {
            try self.init(Vocabulary(gguf: GGUFFile(path: path)))
        }
    }
}

extension Tokenizer {
    /// The ids in `eos_token_id` of `generation_config.json`, or without that of `config.json`: a number or a list.
    private static func endIDs(of folder: URL) throws -> [Int] {
        struct Ends: Decodable {
            struct IDs: Decodable {
                var ids: [Int]
                init(from decoder: any Decoder) throws {
                    let container = try decoder.singleValueContainer()
                    ids = try (try? [container.decode(Int.self)]) ?? container.decode([Int].self)
                }
            }
            var eosTokenId: IDs?
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        for name in ["generation_config.json", "config.json"] {
            let file = folder.appending(path: name)
            guard let data = try? Data(contentsOf: file) else { continue }
            if let key = repeatedKey(inJSON: data) {
                throw LanguageModelError(
                    .modelNotReadable,
                    "\(file.path(percentEncoded: false)) gives \(key) twice in one object; leave one of them.")
            }
            do {
                if let ids = try decoder.decode(Ends.self, from: data).eosTokenId?.ids { return ids }
            } catch {
                throw LanguageModelError(
                    .modelNotReadable,
                    "\(file.path(percentEncoded: false)) can't be read: \(TokenizationError.sentence(of: error)).")
            }
        }
        return []
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
        func id(_ key: String) throws -> Int? {
            // llama.cpp's word for no token is the largest 32-bit integer.
            guard let id = gguf.integer("tokenizer.ggml.\(key)"), id != 0xFFFF_FFFF else { return nil }
            guard tokens.indices.contains(id) else {
                throw failure("gives tokenizer.ggml.\(key) as \(id), and holds \(tokens.count) tokens")
            }
            return id
        }
        let (bosID, eosID) = (try id("bos_token_id"), try id("eos_token_id"))
        let addsBOS = gguf.bool("tokenizer.ggml.add_bos_token")
        guard gguf.bool("tokenizer.ggml.add_eos_token") != true else {
            throw failure("puts a token behind every text (tokenizer.ggml.add_eos_token), which is not supported")
        }
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
            otherEndIDs = try [id("eot_token_id"), id("eom_token_id")].compactMap { $0 }
            addsBOSToChats = self.addsBOS
        case "llama":
            guard gguf.bool("tokenizer.ggml.add_space_prefix") == false else {
                throw failure("puts a space before every text, as Llama 2 does, which is not supported")
            }
            try self.init(
                tokens: tokens, scores: gguf.numbers("tokenizer.ggml.scores") ?? [], kinds: kinds, bosID: bosID,
                eosID: eosID, addsBOS: addsBOS ?? true, chatTemplate: chatTemplate)
            otherEndIDs = try [id("eot_token_id"), id("eom_token_id")].compactMap { $0 }
            addsBOSToChats = self.addsBOS
        case let name:
            throw failure(
                "holds a vocabulary of the kind \(name ?? "unknown"); supported are gpt2 (byte-level BPE) and llama "
                    + "(Gemma's SentencePiece)")
        }
    }
}
