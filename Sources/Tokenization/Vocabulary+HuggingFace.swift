public import FoundationEssentials

extension Vocabulary {
    /// Reads a Hugging Face folder's `tokenizer.json` and, beside it, `tokenizer_config.json`.
    ///
    /// Tokens marked as special, and those that look it (`<|fim_prefix|>`), are control tokens, as in GGUF files.
    /// - Parameter configuration: gives the chat template and the names of the first and last token.
    /// - Throws: ``TokenizationError`` if a file is malformed or states a step that this module does not have.
    public init(tokenizerJSON: Data, configuration: Data? = nil) throws {
        var json = tokenizerJSON
        let object = VocabularyObject(removedFrom: &json)
        let file = try Self.decode(TokenizerFile.self, from: json, named: "tokenizer.json")
        let settings = try configuration.map {
            try Self.decode(ConfigurationFile.self, from: $0, named: "tokenizer_config.json")
        }
        guard file.model.type ?? "BPE" == "BPE" else {
            throw TokenizationError(
                .unsupported, "tokenizer.json holds a \(file.model.type ?? "") model; only BPE is read.")
        }

        guard let vocab = object?.entries else {
            throw TokenizationError(.malformedFile, "tokenizer.json has no vocab of strings with their ids.")
        }
        let added = file.addedTokens ?? []
        let count = max(vocab.map(\.id).max() ?? -1, added.map(\.id).max() ?? -1) + 1
        guard added.allSatisfy({ $0.id >= 0 }), count < 1 << 24 else {
            throw TokenizationError(.inconsistentVocabulary, "tokenizer.json has ids outside 0 ..< 2^24.")
        }
        var tokens = [String](repeating: "", count: count)
        var kinds = [TokenKind](repeating: .unused, count: count)
        let preTokenizer = try file.words()
        for (token, id) in vocab {
            tokens[id] = token
            kinds[id] = preTokenizer == .gemma && TokenAlphabet.byte(named: token) != nil ? .byte : .normal
        }
        for token in added {
            guard !(token.lstrip ?? false), !(token.rstrip ?? false), !(token.singleWord ?? false) else {
                throw TokenizationError(
                    .unsupported,
                    "The added token \"\(token.content)\" of tokenizer.json sets lstrip, rstrip or single_word, "
                        + "which are not implemented.")
            }
            tokens[token.id] = token.content
            let looksSpecial = token.content.hasPrefix("<|") && token.content.hasSuffix("|>")
            kinds[token.id] = token.special ?? false || looksSpecial ? .control : .userDefined
        }

        func id(of name: String?) throws -> Int? {
            guard let name else { return nil }
            guard let id = tokens.firstIndex(of: name) else {
                throw TokenizationError(
                    .inconsistentVocabulary, "tokenizer_config.json names \"\(name)\", which tokenizer.json lacks.")
            }
            return id
        }
        let bosID = try id(of: settings?.bosToken?.content)
        self.init(
            tokens: tokens, kinds: kinds, merges: file.model.merges.lines, preTokenizer: preTokenizer,
            bosID: bosID, eosID: try id(of: settings?.eosToken?.content),
            addsBOS: bosID != nil && (settings?.addBosToken ?? file.beginsWith(settings?.bosToken?.content)),
            chatTemplate: settings?.chatTemplate?.text)
        ignoresMerges = file.model.ignoreMerges ?? false
        normalizesToNFC = preTokenizer == .gemma ? false : try file.normalizer?.isNFC() ?? false
    }

    private static func decode<Value: Decodable>(
        _ type: Value.Type, from data: Data, named name: String
    ) throws(TokenizationError) -> Value {
        do {
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            return try decoder.decode(type, from: data)
        } catch {
            throw TokenizationError(.malformedFile, "\(name) is not as Hugging Face's tokenizers write it: \(error)")
        }
    }
}

// MARK: Writing

extension Vocabulary {
    /// The vocabulary as a `tokenizer.json` that Hugging Face's tokenizers read, giving the same ids.
    public func tokenizerJSON() throws -> Data {
        let added = tokens.indices.filter { kinds[$0] != .normal && kinds[$0] != .byte }.map {
            WrittenTokenizer.AddedToken(id: $0, content: tokens[$0], special: kinds[$0] == .control)
        }
        // Gemma's user-defined tokens have merges, which name tokens of the model alone.
        let ofModel = tokens.indices.filter { preTokenizer == .gemma || kinds[$0] == .normal }
        typealias Step = WrittenTokenizer.Step
        let bytes = Step(type: "ByteLevel", addPrefixSpace: false, trimOffsets: true, useRegex: preTokenizer == .smollm)
        var normalizer = normalizesToNFC ? Step(type: "NFC") : nil
        var decoder = Step(type: "ByteLevel", addPrefixSpace: true, trimOffsets: true, useRegex: true)
        var steps = [bytes]
        switch preTokenizer {
        case .smollm: steps.insert(Step(type: "Digits", individualDigits: true), at: 0)
        case .gemma:
            normalizer = Step(type: "Replace", pattern: ["String": " "], content: "\u{2581}")
            decoder = Step(
                type: "Sequence",
                decoders: [
                    Step(type: "Replace", pattern: ["String": "\u{2581}"], content: " "), Step(type: "ByteFallback"),
                    Step(type: "Fuse"),
                ])
            // As Gemma's own file has it; after the normalizer there is nothing to split at.
            steps = [
                Step(type: "Split", pattern: ["String": " "], behavior: "MergedWithPrevious", invert: false)
            ]
        case .qwen2, .llama3:
            let digits = preTokenizer == .qwen2 ? #"\p{N}"# : #"\p{N}{1,3}"#
            let cut = Step(
                type: "Split", pattern: ["Regex": TokenizerFile.pattern(digits: digits)], behavior: "Isolated",
                invert: false)
            steps.insert(cut, at: 0)
        }
        var postProcessor: WrittenTokenizer.PostProcessor?
        if addsBOS, let bosID {
            postProcessor = .init(beginning: tokens[bosID], id: bosID)
        }
        let file = WrittenTokenizer(
            addedTokens: added, normalizer: normalizer, preTokenizer: .init(pretokenizers: steps),
            postProcessor: postProcessor, decoder: decoder,
            model: .init(
                merges: merges, ignoreMerges: ignoresMerges, fuseUnk: preTokenizer == .gemma,
                byteFallback: preTokenizer == .gemma))
        return try VocabularyObject(ofModel.map { (tokens[$0], $0) }).inserted(into: Self.encoder.encode(file))
    }

    /// A `tokenizer_config.json` to stand beside it: the chat template and the first and last token.
    public func tokenizerConfiguration(contextLength: Int) throws -> Data {
        try Self.encoder.encode(
            WrittenConfiguration(
                bosToken: bosID.map { tokens[$0] }, eosToken: eosID.map { tokens[$0] }, addBosToken: addsBOS,
                chatTemplate: chatTemplate, modelMaxLength: contextLength))
    }

    private static var encoder: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }
}

private struct WrittenConfiguration: Encodable {
    var bosToken, eosToken: String?
    var addBosToken: Bool
    var chatTemplate: String?
    var modelMaxLength: Int
    var tokenizerClass = "PreTrainedTokenizerFast"
}

/// `tokenizer.json`; property names are the file's, in camel case.
private struct WrittenTokenizer: Encodable {
    struct AddedToken: Encodable {
        var id: Int
        var content: String
        var special: Bool
        var singleWord = false
        var lstrip = false
        var rstrip = false
        var normalized = false
    }
    struct Step: Encodable {
        var type: String
        var individualDigits: Bool?
        var addPrefixSpace, trimOffsets, useRegex: Bool?
        var pattern: [String: String]?
        var content: String?
        var behavior: String?
        var invert: Bool?
        var decoders: [Step]?
    }
    struct Steps: Encodable {
        var type = "Sequence"
        var pretokenizers: [Step]
    }
    struct PostProcessor: Encodable {
        struct Name: Encodable {
            var id: String
            var typeId = 0
        }
        /// `SpecialToken` or `Sequence`: a dictionary, since the keys of one are written as they are.
        typealias Piece = [String: Name]
        struct Special: Encodable {
            var id: String
            var ids: [Int]
            var tokens: [String]
        }
        var type = "TemplateProcessing"
        var single, pair: [Piece]
        var specialTokens: [String: Special]

        init(beginning token: String, id: Int) {
            single = [["SpecialToken": Name(id: token)], ["Sequence": Name(id: "A")]]
            pair = single + [["Sequence": Name(id: "B", typeId: 1)]]
            specialTokens = [token: Special(id: token, ids: [id], tokens: [token])]
        }
    }
    struct Model: Encodable {
        var type = "BPE"
        /// See ``VocabularyObject``.
        var vocab: [String: Int] = [:]
        var merges: [String]
        var ignoreMerges, fuseUnk, byteFallback: Bool
    }
    var version = "1.0"
    var addedTokens: [AddedToken]
    var normalizer: Step?
    var preTokenizer: Steps
    var postProcessor: PostProcessor?
    var decoder: Step
    var model: Model
}

// MARK: Reading

/// The parts of `tokenizer.json` that bear on the ids; property names are the file's, in camel case.
private struct TokenizerFile: Decodable {
    struct AddedToken: Decodable {
        var id: Int
        var content: String
        var special, lstrip, rstrip, singleWord: Bool?
    }
    struct Model: Decodable {
        var type: String?
        var merges: Merges
        var ignoreMerges, byteFallback: Bool?
    }
    struct Pattern: Decodable {
        var regex, string: String?
        private enum CodingKeys: String, CodingKey {
            case regex = "Regex"
            case string = "String"
        }
    }
    struct Normalizer: Decodable {
        var type: String
        var normalizers: [Normalizer]?
        var pattern: Pattern?
        var content: String?

        /// Whether it writes `▁` for every space and does nothing else.
        var marksSpaces: Bool { type == "Replace" && pattern?.string == " " && content == "\u{2581}" }

        func isNFC() throws -> Bool {
            if type == "NFC" { return true }
            guard type == "Sequence", let normalizers, normalizers.count <= 1 else {
                throw TokenizationError(
                    .unsupported, "tokenizer.json asks for the normalizer \(type); NFC and Gemma's are read.")
            }
            return try normalizers.first?.isNFC() ?? false
        }
    }
    struct Step: Decodable {
        var type: String
        var pretokenizers: [Step]?
        var pattern: Pattern?
        var individualDigits: Bool?
        var addPrefixSpace: Bool?
        var useRegex: Bool?
        var behavior: String?
        var invert: Bool?
    }
    struct PostProcessor: Decodable {
        struct Piece: Decodable {
            struct Name: Decodable { var id: String }
            var specialToken: Name?
            private enum CodingKeys: String, CodingKey { case specialToken = "SpecialToken" }
        }
        var single: [Piece]?
        var processors: [PostProcessor]?
    }

    var addedTokens: [AddedToken]?
    var normalizer: Normalizer?
    var preTokenizer: Step?
    var postProcessor: PostProcessor?
    var model: Model

    /// Whether the post-processor puts a token before every text.
    func beginsWith(_ token: String?) -> Bool {
        let processors = [postProcessor].compactMap { $0 } + (postProcessor?.processors ?? [])
        return token != nil && processors.contains { $0.single?.first?.specialToken?.id == token }
    }

    func words() throws -> PreTokenizer {
        let steps = preTokenizer?.pretokenizers ?? [preTokenizer].compactMap { $0 }
        if normalizer?.marksSpaces == true, model.byteFallback == true,
            steps.allSatisfy({ $0.type == "Split" && $0.pattern?.string == " " })
        {
            return .gemma
        }
        if steps.count == 2, steps[1].type == "ByteLevel", steps[1].addPrefixSpace == false {
            if steps[0].type == "Digits", steps[0].individualDigits == true, steps[1].useRegex ?? true {
                return .smollm
            }
            let isolates = steps[0].behavior == "Isolated" && steps[0].invert != true
            if steps[0].type == "Split", isolates, steps[1].useRegex == false {
                switch steps[0].pattern?.regex {
                case Self.pattern(digits: #"\p{N}"#): return .qwen2
                case Self.pattern(digits: #"\p{N}{1,3}"#): return .llama3
                default: break
                }
            }
        }
        throw TokenizationError(
            .unsupported,
            "tokenizer.json's pre_tokenizer (\(steps.map(\.type).joined(separator: ", "))) is none of SmolLM2's, "
                + "Qwen2's, Llama 3's and Gemma's, so its text would be cut into other words.")
    }

    fileprivate static func pattern(digits: String) -> String {
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"# + digits
            + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
    }
}

/// `"left right"`, or in newer files `["left", "right"]`.
private struct Merges: Decodable {
    var lines: [String]

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let lines = try? container.decode([String].self) {
            self.lines = lines
        } else {
            lines = try container.decode([[String]].self).map { $0.joined(separator: " ") }
        }
    }
}

private struct ConfigurationFile: Decodable {
    /// A string, or an object with the string as `content`.
    struct Token: Decodable {
        private struct Object: Decodable { var content: String }
        var content: String

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            content = try (try? container.decode(String.self)) ?? container.decode(Object.self).content
        }
    }
    /// A string, or a list of named templates, of which `default` counts.
    struct Template: Decodable {
        private struct Named: Decodable { var name, template: String }
        var text: String?

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let text = try? container.decode(String.self) {
                self.text = text
            } else {
                text = try container.decode([Named].self).first { $0.name == "default" }?.template
            }
        }
    }

    var bosToken: Token?
    var eosToken: Token?
    var addBosToken: Bool?
    var chatTemplate: Template?
}
