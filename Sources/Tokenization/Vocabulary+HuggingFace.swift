public import FoundationEssentials
import JSONKeys

extension Vocabulary {
    /// Reads a Hugging Face folder's `tokenizer.json` and, beside it, `tokenizer_config.json`.
    ///
    /// Tokens that are marked as special or look special (`<|fim_prefix|>`) are control tokens, as in GGUF files.
    ///
    /// - Parameter configuration: Gives the chat template and the names of the first and last token.
    /// - Throws: ``TokenizationError`` if a file is malformed or states a step that this module does not have.
    public init(tokenizerJSON: Data, configuration: Data? = nil) throws {
        var json = tokenizerJSON
        let object = VocabularyObject(removedFrom: &json)
        for (name, data) in [("tokenizer.json", json), ("tokenizer_config.json", configuration ?? Data())] {
            guard let key = repeatedKey(inJSON: data) else { continue }
            throw TokenizationError(
                .malformedFile, "\(name) gives \(key) twice in one object; leave one of them.")
        }
        struct Kind: Decodable {
            struct Model: Decodable { var type: String? }
            var model: Model
        }
        // First of all, since other models have other keys.
        let kind = try Self.decode(Kind.self, from: json, named: "tokenizer.json").model.type ?? "BPE"
        guard kind == "BPE" else {
            throw TokenizationError(.unsupported, "tokenizer.json holds a \(kind) model; only BPE is read.")
        }
        let file = try Self.decode(TokenizerFile.self, from: json, named: "tokenizer.json")
        let settings = try configuration.map {
            try Self.decode(TokenizerConfigurationFile.self, from: $0, named: "tokenizer_config.json")
        }
        guard let entries = object?.entries else {
            throw TokenizationError(.malformedFile, "tokenizer.json has no vocab of strings with their ids.")
        }
        let preTokenizer = try file.words()
        try file.refuseWhatIsNotComputed(entries, preTokenizer.alphabet)
        let (tokens, kinds) = try file.tokens(entries, preTokenizer.alphabet)
        func id(of name: String?) throws -> Int? {
            guard let name else { return nil }
            guard let id = tokens.firstIndex(of: name) else {
                throw TokenizationError(
                    .inconsistentVocabulary, "tokenizer_config.json names \"\(name)\", which tokenizer.json lacks.")
            }
            return id
        }
        let (firstID, bosToken) = (try file.beginning(), settings?.bosToken?.content)
        guard firstID.map({ tokens.indices.contains($0) }) ?? true else {
            throw TokenizationError(
                .inconsistentVocabulary,
                "tokenizer.json puts the id \(firstID ?? 0) before every text, and holds \(tokens.count) tokens.")
        }
        let first = firstID.map { tokens[$0] }
        guard first == nil || bosToken == nil || first == bosToken else {
            throw TokenizationError(
                .unsupported,
                "tokenizer.json puts \(first ?? "") before every text, and tokenizer_config.json names another bos_token "
                    + "(\(bosToken ?? "")), which is not supported.")
        }
        let bosID = try firstID ?? id(of: bosToken)
        let eosID = try id(of: settings?.eosToken?.content)
        try settings?.check(against: file.addedTokens ?? [])
        self.init(
            tokens: tokens, kinds: kinds, merges: file.model.merges.lines, preTokenizer: preTokenizer,
            bosID: bosID, eosID: eosID, addsBOS: first != nil, chatTemplate: settings?.chatTemplate?.text)
        for token in file.addedTokens ?? [] where token.special != true && kinds[token.id] == .control {
            plainIDs.insert(token.id)
        }
        ignoresMerges = file.model.ignoreMerges ?? false
        normalizesToNFC = alphabet == .characters ? false : try file.normalizer?.isNFC() ?? false
    }

    private static func decode<Value: Decodable>(
        _ type: Value.Type, from data: Data, named name: String
    ) throws(TokenizationError) -> Value {
        do {
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            return try decoder.decode(type, from: data)
        } catch {
            throw TokenizationError(
                .malformedFile,
                "\(name) is not as Hugging Face's tokenizers write it: \(TokenizationError.sentence(of: error)).")
        }
    }
}
