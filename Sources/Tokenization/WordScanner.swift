/// Cuts UTF-8 text into words as a ``PreTokenizer``'s pattern does, in one pass, without a regular expression engine.
///
/// The patterns, from the `tokenizer.json` of each family:
/// - GPT-2: `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
/// - Qwen2: `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|`
///   `\s+(?!\S)|\s+`
/// - Llama 3: Qwen2's with `\p{N}{1,3}` in place of `\p{N}`
struct WordScanner {
    let text: UnsafeBufferPointer<UInt8>
    let preTokenizer: PreTokenizer
    private var position = 0
    /// Where the pattern sees the end of its text: for SmolLM2, which scans between digits, the next number.
    private var end: Int

    init(_ text: UnsafeBufferPointer<UInt8>, _ preTokenizer: PreTokenizer) {
        self.text = text
        self.preTokenizer = preTokenizer
        end = preTokenizer == .smollm ? 0 : text.count
    }

    /// The next word's bytes; nil at the end.
    mutating func next() -> Range<Int>? {
        guard position < text.count else { return nil }
        let start = position
        switch preTokenizer {
        case .smollm:
            if position == end {
                let first = scalar(at: position, before: text.count)
                if first.class == .number {
                    position += first.length
                    end = position
                    return start..<position
                }
                end = run(from: position, before: text.count) { $0 != .number }
            }
            position = gpt2WordEnd(from: start)
        case .qwen2: position = wordEnd(from: start, digits: 1)
        case .llama3: position = wordEnd(from: start, digits: 3)
        case .gemma: position = text.count
        }
        return start..<position
    }

    private func gpt2WordEnd(from start: Int) -> Int {
        let first = scalar(at: start)
        if first.value == 0x27, let end = contractionEnd(from: start, anyCase: false) { return end }
        // A single space may lead a word of any of the three classes.
        let lead = first.value == 0x20 ? start + 1 : start
        let body = lead == start ? first.class : scalar(at: lead).class
        if body == .letter || body == .number || body == .other { return run(from: lead) { $0 == body } }
        return whiteSpaceEnd(from: start)
    }

    private func wordEnd(from start: Int, digits: Int) -> Int {
        let first = scalar(at: start)
        switch first.class {
        case .letter: return run(from: start) { $0 == .letter }
        case .number:
            var end = start + first.length
            for _ in 1..<digits {
                let following = scalar(at: end)
                guard following.class == .number else { break }
                end += following.length
            }
            return end
        case .other, .space:
            if first.value == 0x27, let end = contractionEnd(from: start, anyCase: true) { return end }
            let following = scalar(at: start + first.length)
            if following.class == .letter { return run(from: start + first.length) { $0 == .letter } }
            if first.class == .other || (first.value == 0x20 && following.class == .other) {
                let symbolsEnd = run(from: start + first.length) { $0 == .other }
                return run(from: symbolsEnd) { $0 == .newline }
            }
        case .newline, .end: break
        }
        // \s*[\r\n]+ reaches to the last line break of the white space.
        var end = start
        var lastBreak: Int?
        while true {
            let scalar = scalar(at: end)
            guard scalar.class == .space || scalar.class == .newline else { break }
            end += scalar.length
            if scalar.class == .newline { lastBreak = end }
        }
        return lastBreak ?? whiteSpaceEnd(from: start)
    }

    /// `\s+(?!\S)|\s+`: white space but for its last scalar, which leads the next word, unless it is alone or last.
    private func whiteSpaceEnd(from start: Int) -> Int {
        var last = start
        var end = start
        while true {
            let scalar = scalar(at: end)
            guard scalar.class == .space || scalar.class == .newline else {
                return scalar.class == .end || last == start ? end : last
            }
            last = end
            end += scalar.length
        }
    }

    /// `'s|'t|'re|'ve|'m|'ll|'d`. In either case, `ſ` (U+017F) counts as an s, as Oniguruma folds it.
    private func contractionEnd(from start: Int, anyCase: Bool) -> Int? {
        func letter(at position: Int) -> (UInt32, length: Int) {
            let scalar = scalar(at: position)
            if anyCase, scalar.value == 0x17F { return (0x73, scalar.length) }
            let folds = anyCase && (0x41...0x5A).contains(scalar.value)
            return (folds ? scalar.value | 0x20 : scalar.value, scalar.length)
        }
        let (first, length) = letter(at: start + 1)
        let end = start + 1 + length
        switch Unicode.Scalar(first) {
        case "s", "t", "m", "d": return end
        case "r", "v": return letter(at: end).0 == 0x65 ? end + 1 : nil
        case "l": return letter(at: end).0 == 0x6C ? end + 1 : nil
        default: return nil
        }
    }

    private func run(from start: Int, while matches: (ScalarClass) -> Bool) -> Int {
        run(from: start, before: end, while: matches)
    }

    private func run(from start: Int, before limit: Int, while matches: (ScalarClass) -> Bool) -> Int {
        var position = start
        while position < limit {
            let scalar = scalar(at: position, before: limit)
            guard matches(scalar.class) else { break }
            position += scalar.length
        }
        return position
    }

    private func scalar(at position: Int) -> (value: UInt32, length: Int, class: ScalarClass) {
        scalar(at: position, before: end)
    }

    /// The scalar at a position of the text, which is valid UTF-8.
    private func scalar(at position: Int, before limit: Int) -> (value: UInt32, length: Int, class: ScalarClass) {
        guard position < limit else { return (0, 0, .end) }
        let first = UInt32(text[position])
        if first < 0x80 { return (first, 1, .of(first)) }
        func low(_ offset: Int) -> UInt32 { UInt32(text[position + offset]) & 0x3F }
        if first < 0xE0 {
            let value = (first & 0x1F) << 6 | low(1)
            return (value, 2, .of(value))
        }
        if first < 0xF0 {
            let value = (first & 0x0F) << 12 | low(1) << 6 | low(2)
            return (value, 3, .of(value))
        }
        let value = (first & 0x07) << 18 | low(1) << 12 | low(2) << 6 | low(3)
        return (value, 4, .of(value))
    }
}
