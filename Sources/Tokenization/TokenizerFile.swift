/// The parts of `tokenizer.json` that bear on the ids; property names are the file's, in camel case.
struct TokenizerFile: Decodable {
    struct AddedToken: Decodable {
        var id: Int
        var content: String
        var special, lstrip, rstrip, singleWord: Bool?
    }
    struct Model: Decodable {
        /// `"left right"`, or in newer files `["left", "right"]`.
        struct Merges: Decodable {
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
        var type: String?
        var single: [Piece]?
        var processors: [PostProcessor]?
    }

    var addedTokens: [AddedToken]?
    var normalizer: Normalizer?
    var preTokenizer: Step?
    var postProcessor: PostProcessor?
    var model: Model

    /// The token that the post-processor puts before every text; nil for none.
    ///
    /// Transformers follows it, and not the `add_bos_token` of `tokenizer_config.json`.
    ///
    /// - Throws: ``TokenizationError`` with `unsupported` for one that adds anything else.
    func beginning() throws(TokenizationError) -> String? {
        let processors = [postProcessor].compactMap { $0 } + (postProcessor?.processors ?? [])
        let pieces = processors.flatMap { $0.single ?? [] }
        let added = pieces.compactMap(\.specialToken?.id)
        let known: Set<String?> = ["TemplateProcessing", "ByteLevel", "Sequence", nil]
        guard processors.allSatisfy({ known.contains($0.type) }),
            added.isEmpty || added.count == 1 && pieces.first?.specialToken != nil
        else {
            throw TokenizationError(
                .unsupported,
                "tokenizer.json adds more to every text than one token before it (post_processor), which is not "
                    + "supported.")
        }
        return added.first
    }

    /// The token and kind of each id.
    ///
    /// - Parameter entries: The tokens of the model; the file's other tokens are in ``addedTokens``.
    func tokens(
        _ entries: [(token: String, id: Int)], _ alphabet: TokenAlphabet
    ) throws -> (tokens: [String], kinds: [TokenKind]) {
        let added = addedTokens ?? []
        let ids = entries.map(\.id) + added.map(\.id)
        // Gaps are rare and small; a far id would only take memory.
        let limit = min(1 << 24, 4 * ids.count + 65_536)
        if let id = ids.first(where: { !(0..<limit).contains($0) }) {
            throw TokenizationError(
                .inconsistentVocabulary,
                "tokenizer.json has the id \(id), where its \(ids.count) tokens can have ids from 0 to \(limit - 1).")
        }
        let count = (ids.max() ?? -1) + 1
        var tokens = [String](repeating: "", count: count)
        var kinds = [TokenKind](repeating: .unused, count: count)
        for (token, id) in entries {
            tokens[id] = token
            kinds[id] = alphabet == .characters && TokenAlphabet.byte(named: token) != nil ? .byte : .normal
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
        return (tokens, kinds)
    }

    /// The pre-tokenizer that the steps make.
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
                let pattern = steps[0].pattern?.regex
                if let known = PreTokenizer.allCases.first(where: { $0.pattern != nil && $0.pattern == pattern }) {
                    return known
                }
            }
        }
        throw TokenizationError(
            .unsupported,
            "tokenizer.json's pre_tokenizer (\(steps.map(\.type).joined(separator: ", "))) is none of SmolLM2's, "
                + "Qwen2's, Llama 3's and Gemma's, so its text would be cut into other words.")
    }
}
