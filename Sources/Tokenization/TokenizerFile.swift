/// The parts of `tokenizer.json` that bear on the ids; property names are the file's, in camel case.
struct TokenizerFile: Decodable {
    struct AddedToken: Decodable {
        var id: Int
        var content: String
        var special, lstrip, rstrip, singleWord, normalized: Bool?
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
        var dropout: Double?
        var unkToken, continuingSubwordPrefix, endOfWordSuffix: String?
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
            var specialToken, sequence: Name?
            private enum CodingKeys: String, CodingKey {
                case specialToken = "SpecialToken"
                case sequence = "Sequence"
            }
        }
        struct Special: Decodable { var ids: [Int] }
        var type: String?
        var single: [Piece]?
        var specialTokens: [String: Special]?
        var processors: [PostProcessor]?

        /// The steps of a sequence, or the step itself.
        var steps: [PostProcessor] { type == "Sequence" ? (processors ?? []).flatMap(\.steps) : [self] }
    }

    var addedTokens: [AddedToken]?
    var normalizer: Normalizer?
    var preTokenizer: Step?
    var postProcessor: PostProcessor?
    var model: Model

    /// The id that the post-processor puts before every text; nil for none.
    ///
    /// Transformers follows it, and not the `add_bos_token` of `tokenizer_config.json`.
    ///
    /// - Throws: ``TokenizationError`` with `unsupported` for one that adds anything else.
    func beginning() throws(TokenizationError) -> Int? {
        var ids: [Int] = []
        var isKnown = true
        for step in postProcessor?.steps ?? [] where step.type != "ByteLevel" {
            let (pieces, names) = (step.single ?? [], step.single?.compactMap(\.specialToken?.id) ?? [])
            let added = names.map { step.specialTokens?[$0]?.ids ?? [] }
            isKnown =
                isKnown && step.type == "TemplateProcessing" && pieces.last?.sequence?.id == "A"
                && names.count == pieces.count - 1 && added.allSatisfy { $0.count == 1 }
            ids += added.joined()
        }
        guard isKnown, ids.count <= 1 else {
            throw TokenizationError(
                .unsupported,
                "tokenizer.json adds more to every text than one token before it (post_processor), which is not "
                    + "supported.")
        }
        return ids.first
    }

    /// Refuses settings of the model that would give other ids.
    func refuseWhatIsNotComputed(_ entries: [(token: String, id: Int)], _ alphabet: TokenAlphabet) throws {
        func refuse(_ key: String, _ value: String?) throws {
            guard let value, !value.isEmpty else { return }
            throw TokenizationError(
                .unsupported, "tokenizer.json sets \(key) to \(value) in its model, which is not supported.")
        }
        try refuse("dropout", model.dropout.flatMap { $0 == 0 ? nil : "\($0)" })
        try refuse("continuing_subword_prefix", model.continuingSubwordPrefix)
        try refuse("end_of_word_suffix", model.endOfWordSuffix)
        guard alphabet == .bytes, let unknown = model.unkToken else { return }
        // The bytes of UTF-8 alone: no text has others.
        var missing = Set(UInt8.min...0xBF).union(0xC2...0xF4)
        var bytes: [UInt8] = []
        for (token, _) in entries where token.utf8.count <= 2 {
            bytes.removeAll(keepingCapacity: true)
            if ByteLevelAlphabet.append(Substring(token), to: &bytes), bytes.count == 1 { missing.remove(bytes[0]) }
        }
        guard let byte = missing.min() else { return }
        throw TokenizationError(
            .unsupported,
            "tokenizer.json writes \(unknown) (unk_token) for the byte \(byte), which has no token; that is not supported."
        )
    }

    /// Refuses added tokens to which `tokenizers` gives other ids than the file, or which it looks for in other texts.
    private func checkAddedTokens(_ entries: [(token: String, id: Int)]) throws {
        func failure(_ token: AddedToken, _ what: String) -> TokenizationError {
            TokenizationError(.unsupported, "The added token \"\(token.content)\" of tokenizer.json \(what).")
        }
        let added = (addedTokens ?? []).filter { !$0.content.isEmpty }
        let contents = Set(added.map(\.content))
        var ids: [String: Int] = [:]
        for entry in entries where contents.contains(entry.token) { ids[entry.token] = entry.id }
        var (seen, largest): (Set<String>, Int) = ([], -1)
        for token in added {
            guard !(token.lstrip ?? false), !(token.rstrip ?? false), !(token.singleWord ?? false) else {
                throw failure(token, "sets lstrip, rstrip or single_word, which are not implemented")
            }
            // NFC leaves ASCII as it is.
            let isASCII = token.content.utf8.allSatisfy { $0 < 0x80 }
            guard normalizer == nil || token.normalized != true || isASCII && (try? normalizer?.isNFC()) == true else {
                throw failure(
                    token, "is looked for behind the normalizer, which is not implemented; set normalized to false")
            }
            guard seen.insert(token.content).inserted else { throw failure(token, "is there twice; leave one of them") }
            // A new token gets the id behind all others, whatever the file says.
            let id = ids[token.content] ?? max(entries.count, largest + 1)
            guard token.id == id else {
                throw failure(
                    token, "has the id \(token.id), where Hugging Face's tokenizers give it \(id); save it anew")
            }
            largest = max(largest, id)
        }
    }

    /// The token and kind of each id.
    ///
    /// - Parameter entries: The tokens of the model; the file's other tokens are in ``addedTokens``.
    func tokens(
        _ entries: [(token: String, id: Int)], _ alphabet: TokenAlphabet
    ) throws -> (tokens: [String], kinds: [TokenKind]) {
        try checkAddedTokens(entries)
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
