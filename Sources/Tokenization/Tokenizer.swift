/// A BPE tokenizer, byte-level or with characters and byte fallback, with the same ids as Hugging Face's `tokenizers`.
///
/// Encoding costs O(n log n) in the worst case (one word of n bytes) and is linear in practice. A tokenizer is
/// immutable and may be used from any number of tasks.
public final class Tokenizer: Sendable {
    /// How text that spells a control token (`<|im_end|>`) is encoded.
    public enum ControlTokens: Hashable, Sendable {
        /// It stays text: a user's words cannot forge structure.
        case asText
        /// It becomes the control token; for our own templates only.
        case parsed
    }

    /// The vocabulary from which it was made.
    public let vocabulary: Vocabulary
    private let table: TokenTable
    private let merges: MergeTable
    /// The token of each single byte, a byte token where there is one; -1 for none.
    private let byteIDs: [Int32]
    /// User-defined tokens, found in every text, and the same with the control tokens.
    private let userMarkers: MarkerTrie
    private let allMarkers: MarkerTrie

    /// Builds the tables of a vocabulary.
    ///
    /// - Throws: ``TokenizationError`` if tokens, kinds and merges do not fit each other.
    public init(_ vocabulary: Vocabulary) throws {
        guard vocabulary.tokens.count == vocabulary.kinds.count, vocabulary.tokens.count < Int(Int32.max) else {
            throw TokenizationError(
                .inconsistentVocabulary,
                "The vocabulary has \(vocabulary.tokens.count) tokens but \(vocabulary.kinds.count) token kinds: "
                    + "read both from the same model file.")
        }
        self.vocabulary = vocabulary
        let alphabet = vocabulary.alphabet

        var table = TokenTable(minimumCapacity: vocabulary.tokens.count)
        var userMarkers = MarkerTrie()
        var allMarkers = MarkerTrie()
        var byteIDs = [Int32](repeating: -1, count: 256)
        var bytes: [UInt8] = []
        for (id, (token, kind)) in zip(vocabulary.tokens, vocabulary.kinds).enumerated() {
            bytes.removeAll(keepingCapacity: true)
            if alphabet == .characters, kind == .byte, let byte = TokenAlphabet.byte(named: token) {
                byteIDs[Int(byte)] = Int32(id)
                table.append([byte], findable: false)
                continue
            }
            // SentencePiece's user-defined tokens are in its alphabet too, and have merges.
            let isText = kind == .normal || kind == (alphabet == .bytes ? .byte : .userDefined)
            let isInAlphabet = isText && alphabet.append(Substring(token), to: &bytes)
            if !isInAlphabet { bytes.append(contentsOf: token.utf8) }
            table.append(bytes, findable: isInAlphabet)
            if kind == .userDefined { userMarkers.insert(token, id: id) }
            if kind == .userDefined || kind == .control || kind == .unknown { allMarkers.insert(token, id: id) }
        }

        switch alphabet {
        case .bytes:
            byteIDs = (0...UInt8.max).map { byte in
                withUnsafePointer(to: byte) { table.id(of: UnsafeBufferPointer(start: $0, count: 1)) ?? -1 }
            }
        case .characters:
            if let byte = byteIDs.firstIndex(of: -1) {
                throw TokenizationError(
                    .inconsistentVocabulary,
                    "The vocabulary has no token for the byte \(byte), so some characters could not be encoded.")
            }
        }
        self.byteIDs = byteIDs
        self.table = table
        merges = try Self.merges(of: vocabulary, table)
        self.userMarkers = userMarkers
        self.allMarkers = allMarkers
    }

    private static func merges(of vocabulary: Vocabulary, _ table: TokenTable) throws -> MergeTable {
        var merges = MergeTable(minimumCapacity: vocabulary.merges.count)
        var bytes: [UInt8] = []
        for (rank, merge) in vocabulary.merges.enumerated() {
            let sides = merge.utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
            bytes.removeAll(keepingCapacity: true)
            guard sides.count == 2, vocabulary.alphabet.append(Substring(sides[0]), to: &bytes) else {
                throw Self.unusable(merge, rank)
            }
            let leftCount = bytes.count
            guard vocabulary.alphabet.append(Substring(sides[1]), to: &bytes) else { throw Self.unusable(merge, rank) }
            let ids = bytes.withUnsafeBufferPointer { bytes in
                (
                    left: table.id(of: .init(rebasing: bytes[..<leftCount])),
                    right: table.id(of: .init(rebasing: bytes[leftCount...])), product: table.id(of: bytes)
                )
            }
            guard let left = ids.left, let right = ids.right, let product = ids.product else {
                throw Self.unusable(merge, rank)
            }
            merges.set(left, right, rank: UInt32(rank), product: product)
        }
        return merges
    }

    private static func unusable(_ merge: String, _ rank: Int) -> TokenizationError {
        TokenizationError(
            .inconsistentVocabulary,
            "Merge \(rank) (\"\(merge)\") is not two tokens of the vocabulary that make a third: "
                + "the model file's merges and tokens do not belong together.")
    }

    /// The number of ids: 0 ..< `count`.
    public var count: Int { vocabulary.tokens.count }

    /// The ids of a text, without ``Vocabulary/bosID``.
    public func encode(_ text: String, controlTokens: ControlTokens = .asText) -> [Int] {
        let markers = controlTokens == .parsed ? allMarkers : userMarkers
        var text = text
        var ids: [Int] = []
        text.withUTF8 { utf8 in
            ids.reserveCapacity(utf8.count / 3)
            var merger = WordMerger()
            var position = 0
            while position < utf8.count {
                let marker = markers.first(in: utf8, from: position)
                let end = marker?.range.lowerBound ?? utf8.count
                if position < end {
                    encodePlain(.init(rebasing: utf8[position..<end]), with: &merger, into: &ids)
                }
                if let marker { ids.append(marker.id) }
                position = marker?.range.upperBound ?? utf8.count
            }
        }
        return ids
    }

    /// Encodes text between markers.
    private func encodePlain(
        _ utf8: UnsafeBufferPointer<UInt8>, with merger: inout WordMerger, into ids: inout [Int]
    ) {
        // UTF-8 below 0xCC is below U+0300, where all text is in NFC already.
        if vocabulary.normalizesToNFC, utf8.contains(where: { $0 >= 0xCC }) {
            var normalized = normalizationFormC(String(decoding: utf8, as: UTF8.self))
            normalized.withUTF8 { encodeWords($0, with: &merger, into: &ids) }
        } else {
            encodeWords(utf8, with: &merger, into: &ids)
        }
    }

    private func encodeWords(
        _ utf8: UnsafeBufferPointer<UInt8>, with merger: inout WordMerger, into ids: inout [Int]
    ) {
        if vocabulary.alphabet == .characters {
            return merger.merge(characters(of: utf8), merges: merges, into: &ids)
        }
        var words = WordScanner(utf8, vocabulary.preTokenizer)
        while let range = words.next() {
            let word = UnsafeBufferPointer(rebasing: utf8[range])
            if vocabulary.ignoresMerges, let id = table.id(of: word) {
                ids.append(Int(id))
            } else {
                merger.merge(word.lazy.map { [byteIDs] in byteIDs[Int($0)] }, merges: merges, into: &ids)
            }
        }
    }

    /// The token of each character, or of each of its bytes.
    private func characters(of utf8: UnsafeBufferPointer<UInt8>) -> [Int32] {
        var ids: [Int32] = []
        ids.reserveCapacity(utf8.count)
        var end = 0
        while end < utf8.count {
            let (start, first) = (end, utf8[end])
            end += first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
            let character = UnsafeBufferPointer(rebasing: utf8[start..<end])
            let id =
                TokenAlphabet.isSpace(character)
                ? withUnsafePointer(to: 0x20) { table.id(of: .init(start: $0, count: 1)) } : table.id(of: character)
            if let id { ids.append(id) } else { ids += character.lazy.map { byteIDs[Int($0)] } }
        }
        return ids
    }

    /// The text of ids; bytes that are not UTF-8 become U+FFFD. Ids outside the vocabulary are left out.
    public func decode(_ ids: some Sequence<Int>, skippingControl: Bool = false) -> String {
        var bytes: [UInt8] = []
        for id in ids where !(skippingControl && isControl(id)) { bytes.append(contentsOf: self.bytes(of: id)) }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The bytes of a token, which may be part of a character; empty for an id outside the vocabulary.
    public func bytes(of id: Int) -> [UInt8] { vocabulary.tokens.indices.contains(id) ? Array(table[id]) : [] }

    /// Whether an id is a control token (or the unknown token), whose text is no part of a message.
    public func isControl(_ id: Int) -> Bool {
        guard vocabulary.kinds.indices.contains(id) else { return false }
        return vocabulary.kinds[id] == .control || vocabulary.kinds[id] == .unknown
    }

    /// The id of a token as ``Vocabulary/tokens`` spells it: `<|im_end|>`, or `Ġthe` for " the".
    public func id(of token: String) -> Int? {
        var bytes: [UInt8] = []
        if vocabulary.alphabet == .characters, let byte = TokenAlphabet.byte(named: token) {
            return Int(byteIDs[Int(byte)])
        }
        if vocabulary.alphabet.append(Substring(token), to: &bytes),
            let id = bytes.withUnsafeBufferPointer({ table.id(of: $0) })
        {
            return Int(id)
        }
        var token = token
        return token.withUTF8 { utf8 in
            guard let marker = allMarkers.first(in: utf8, from: 0), marker.range == 0..<utf8.count else { return nil }
            return marker.id
        }
    }
}
