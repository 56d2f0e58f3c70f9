import Foundation
import Tensors
import TestSupport
import Testing
import Tokenization

@testable import LanguageModels

@Suite struct GeneratorTests {
    func makeGenerator(_ precision: Precision = .float32) throws -> Generator {
        Generator(
            model: try CausalLM(path: fixture("models/tiny-llama3"), precision: precision),
            tokenizer: try Tokenizer(byteVocabulary(count: 320)))
    }

    let never = Generator.StopCondition(tokens: [])

    func run(
        _ generator: Generator, _ prompt: [Int], _ options: SamplingOptions, limit: Int = 24
    ) async throws -> Generator.Output {
        let id = await generator.begin(options)
        let output = try await generator.generate(id, appending: prompt, limit: limit, stop: never)
        await generator.end(id)
        return output
    }

    func prompt(_ seed: Int, _ count: Int) -> [Int] { (0..<count).map { ($0 * 37 + seed * 101) % 250 } }

    @Test func aBatchWritesWhatEachConversationWritesAlone() async throws {
        var alone: [[Int]] = []
        for seed in 0..<6 {
            let options = SamplingOptions(temperature: seed.isMultiple(of: 2) ? 0 : 1, seed: UInt64(seed))
            alone.append(try await run(makeGenerator(), prompt(seed, 5 + seed * 9), options).tokens)
        }
        let generator = try makeGenerator()
        let together = try await withThrowingTaskGroup(of: (Int, [Int]).self) { group in
            for seed in 0..<6 {
                group.addTask {
                    let options = SamplingOptions(temperature: seed.isMultiple(of: 2) ? 0 : 1, seed: UInt64(seed))
                    return (seed, try await run(generator, prompt(seed, 5 + seed * 9), options).tokens)
                }
            }
            return try await group.reduce(into: [Int: [Int]]()) { $0[$1.0] = $1.1 }
        }
        for seed in 0..<6 { #expect(together[seed] == alone[seed]) }
    }

    @Test func laterTurnsContinueTheContext() async throws {
        let generator = try makeGenerator()
        let id = await generator.begin(SamplingOptions())
        let first = try await generator.generate(id, appending: prompt(1, 30), limit: 7, stop: never)
        let second = try await generator.generate(id, appending: prompt(2, 11), limit: 7, stop: never)
        let whole = prompt(1, 30) + first.tokens + prompt(2, 11)
        let again = try await run(makeGenerator(), whole, SamplingOptions(), limit: 7)
        #expect(second.tokens == again.tokens)
    }

    @Test func aCommonBeginningIsReadOnce() async throws {
        let generator = try makeGenerator()
        let options = (0..<4).map { SamplingOptions(temperature: 1, seed: $0) }
        let start = prompt(3, 200)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for option in options { group.addTask { _ = try await run(generator, start, option) } }
            try await group.waitForAll()
        }
        let read = await generator.currentStatistics
        #expect(read.promptTokens < 200 + 3 * 40)
        // And what was copied is what would have been computed.
        let shared = try await run(generator, start, options[1])
        let fresh = try await run(makeGenerator(), start, options[1])
        #expect(shared.tokens == fresh.tokens)
    }

    @Test func stopTokensAndStringsEndTheAnswer() async throws {
        let generator = try makeGenerator()
        let free = try await run(generator, prompt(4, 20), SamplingOptions(temperature: 1, seed: 9), limit: 40)
        #expect(free.finish == .length)
        #expect(free.tokens.count == 40 && free.logProbabilities.count == 40)

        let token = free.tokens[10]
        let id = await generator.begin(SamplingOptions(temperature: 1, seed: 9))
        let stopped = try await generator.generate(
            id, appending: prompt(4, 20), limit: 40, stop: .init(tokens: [token]))
        #expect(stopped.finish == .stop)
        #expect(stopped.tokens == Array(free.tokens[...free.tokens.firstIndex(of: token)!]))

        let bytes = free.tokens.map { generator.tokenizer.bytes(of: $0) }
        let place = try #require(bytes.firstIndex { $0.count == 1 && (33...126).contains($0[0]) })
        let string = String(decoding: bytes[place], as: UTF8.self)
        let other = await generator.begin(SamplingOptions(temperature: 1, seed: 9))
        let cut = try await generator.generate(
            other, appending: prompt(4, 20), limit: 40, stop: .init(tokens: [], strings: [string]))
        #expect(cut.finish == .stop)
        #expect(cut.tokens == Array(free.tokens[...place]))
    }

    @Test func logProbabilitiesAreTheModels() async throws {
        let generator = try makeGenerator()
        let output = try await run(generator, prompt(5, 10), SamplingOptions(temperature: 1, seed: 1), limit: 5)
        let model = generator.model
        let tokens = prompt(5, 10) + output.tokens
        let logits = try model.logits([.init(tokens: tokens, cache: model.makeCache())], allPositions: true)
        let rows = try logits.narrowed(0, 9..<14).logSoftmax(1).floats()
        for (step, token) in output.tokens.enumerated() {
            #expect(abs(rows[step * 320 + token] - output.logProbabilities[step]) < 1e-4)
        }
    }

    @Test func tokensAreToldAsTheyAreWritten() async throws {
        let generator = try makeGenerator()
        let id = await generator.begin(SamplingOptions(temperature: 1, seed: 3))
        let (stream, continuation) = AsyncStream.makeStream(of: Int.self)
        let output = try await generator.generate(
            id, appending: prompt(6, 20), limit: 12, stop: never,
            observe: { token, _ in continuation.yield(token) })
        continuation.finish()
        #expect(await stream.reduce(into: []) { $0.append($1) } == output.tokens)
    }

    /// Three conversations of 400 tokens have room for one and a half: they are read again, and write the same.
    @Test func aSmallMemoryForCachesChangesNoAnswer() async throws {
        let model = try CausalLM(path: fixture("models/tiny-llama3"))
        let tokenizer = try Tokenizer(byteVocabulary(count: 320))
        let small = Generator(model: model, tokenizer: tokenizer, cacheBytes: 1)
        var alone: [[Int]] = []
        for seed in 0..<4 { alone.append(try await run(makeGenerator(), prompt(seed, 400), SamplingOptions()).tokens) }
        let together = try await withThrowingTaskGroup(of: (Int, [Int]).self) { group in
            for seed in 0..<4 {
                group.addTask { (seed, try await run(small, prompt(seed, 400), SamplingOptions()).tokens) }
            }
            return try await group.reduce(into: [Int: [Int]]()) { $0[$1.0] = $1.1 }
        }
        for seed in 0..<4 { #expect(together[seed] == alone[seed]) }
        let held = await small.heldPages
        #expect(held <= 512 / 64 + 2)
    }

    /// A short request is done while prompts that came before it are still being read.
    @Test func longPromptsDoNotHoldUpShortOnes() async throws {
        let folder = try byteModelFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let generator = Generator(
            model: try CausalLM(path: folder.path(percentEncoded: false)),
            tokenizer: try Tokenizer(byteVocabulary(count: 320)))
        let first = try await withThrowingTaskGroup(of: String.self) { group in
            for seed in 0..<4 {
                group.addTask {
                    _ = try await run(generator, prompt(seed, 3_500), SamplingOptions(), limit: 2)
                    return "long"
                }
            }
            group.addTask {
                try await Task.sleep(for: .milliseconds(30))
                _ = try await run(generator, prompt(9, 12), SamplingOptions(), limit: 4)
                return "short"
            }
            let first = try await group.next()
            try await group.waitForAll()
            return first
        }
        #expect(first == "short")
    }

    @Test func aTokenWithoutAnEmbeddingIsItsOwnRequestsFault() async throws {
        let generator = try makeGenerator()
        async let good = run(generator, prompt(1, 40), SamplingOptions(), limit: 60)
        for _ in 0..<5 {
            await #expect {
                _ = try await run(generator, [1, 320, 2], SamplingOptions())
            } throws: {
                ($0 as? LanguageModelError)?.code == .tokenOutsideModel
            }
        }
        #expect(try await good.tokens.count == 60)
    }

    /// A tokenizer may know more tokens than the model: they are never written, and end nothing.
    @Test func tokensBeyondTheLogitsAreNeverChosen() async throws {
        var vocabulary = try byteVocabulary(count: 400)
        for id in 320..<400 { vocabulary.kinds[id] = .userDefined }
        let generator = Generator(
            model: try CausalLM(path: fixture("models/tiny-llama3")), tokenizer: try Tokenizer(vocabulary))
        let id = await generator.begin(SamplingOptions())
        let output = try await generator.generate(
            id, appending: prompt(1, 9), limit: 5, stop: .init(tokens: [(1 << 24) - 2, 400]), grammar: AnyTextGrammar())
        #expect(output.tokens.allSatisfy { $0 < 320 })
    }

    @Test func aTinyTemperatureTakesTheLikeliest() async throws {
        let greedy = try await run(makeGenerator(), prompt(2, 12), SamplingOptions())
        for temperature in [1e-300, 1e-38, 1e-9] {
            let output = try await run(
                makeGenerator(), prompt(2, 12), SamplingOptions(temperature: temperature, seed: 5))
            #expect(output.tokens == greedy.tokens)
            #expect(output.logProbabilities.allSatisfy { abs($0) < 1e-3 })
        }
    }

    @Test func aFullContextIsAnErrorOrALength() async throws {
        let generator = try makeGenerator()
        await #expect(throws: LanguageModelError.self) { try await run(generator, prompt(1, 512), SamplingOptions()) }
        let output = try await run(generator, prompt(1, 508), SamplingOptions(), limit: 100)
        #expect(output.finish == .length)
        #expect(output.tokens.count == 4)
    }

    @Test func cancellingOneConversationLeavesTheOthers() async throws {
        let generator = try makeGenerator()
        let doomed = Task { try await run(generator, prompt(7, 20), SamplingOptions(), limit: 450) }
        let other = Task { try await run(generator, prompt(8, 20), SamplingOptions(), limit: 40) }
        try await Task.sleep(for: .milliseconds(5))
        doomed.cancel()
        #expect(try await other.value.tokens.count == 40)
        await #expect(throws: CancellationError.self) { try await doomed.value }
        #expect(try await run(generator, prompt(9, 20), SamplingOptions()).tokens.count == 24)
    }

    @Test func `a pass that nobody waits for is abandoned between layers, and its cache is as before`() throws {
        let model = try makeGenerator().model
        let (cache, fresh) = (model.makeCache(), model.makeCache())
        let first = try model.logits([.init(tokens: prompt(3, 9), cache: cache)]).floats()
        var asked = 0
        #expect(throws: CancellationError.self) {
            try model.logits([.init(tokens: prompt(4, 5), cache: cache)]) {
                asked += 1
                return asked == 2
            }
        }
        #expect(asked == 2 && cache.count == 9)
        #expect(try model.logits([.init(tokens: prompt(3, 9), cache: fresh)]).floats() == first)
        let next = try model.logits([.init(tokens: prompt(5, 4), cache: cache)]).floats()
        #expect(try model.logits([.init(tokens: prompt(5, 4), cache: fresh)]).floats() == next)
    }

    /// The words of a list, written one after the other.
    struct WordGrammar: ByteGrammar {
        let words: [[UInt8]]
        var rest: [[UInt8]]

        init(_ words: [String]) {
            self.words = words.map { Array($0.utf8) }
            rest = self.words
        }

        func advanced(by byte: UInt8) -> WordGrammar? {
            var next = self
            let open = canEnd ? rest + words : rest
            next.rest = open.filter { $0.first == byte }.map { Array($0.dropFirst()) }
            return next.rest.isEmpty ? nil : next
        }

        var canEnd: Bool { rest.contains([]) }
        var continuation: WordGrammar { self }
    }

    /// Of a letter's own token and the one that stands in for its byte, the model knows the former.
    @Test func aGrammarAllowsNoByteTokenWhereThereIsACharacter() async throws {
        let hex = (0..<256).map { String($0, radix: 16, uppercase: true) }
        var tokens = hex.map { "<0x\($0.count == 1 ? "0" : "")\($0)>" } + "fgiklmpsuw".map(String.init)
        tokens += (tokens.count..<320).map { "<filler \($0)>" }
        let kinds = tokens.indices.map { $0 < 256 ? TokenKind.byte : $0 < 266 ? .normal : .control }
        let vocabulary = try Vocabulary(
            tokens: tokens, scores: tokens.map { _ in 0 }, kinds: kinds, bosID: nil, eosID: nil, addsBOS: false,
            chatTemplate: nil)
        let generator = Generator(
            model: try CausalLM(path: fixture("models/tiny-gemma3")), tokenizer: try Tokenizer(vocabulary))
        let id = await generator.begin(SamplingOptions(temperature: 1.5, seed: 1))
        let output = try await generator.generate(
            id, appending: prompt(1, 9), limit: 200, stop: .init(tokens: [300]),
            grammar: WordGrammar(["kiwi", "fig", "plums"]))
        #expect(output.tokens.count > 3 && output.tokens.dropLast().allSatisfy { (256..<266).contains($0) })
    }

    @Test func aGrammarDecidesWhatIsWritten() async throws {
        let generator = try makeGenerator()
        let words = ["kiwi", "fig", "figs", "plum"]
        for seed in 0..<20 {
            let id = await generator.begin(SamplingOptions(temperature: 1.5, seed: UInt64(seed)))
            let output = try await generator.generate(
                id, appending: prompt(seed, 9), limit: 200, stop: .init(tokens: [300]), grammar: WordGrammar(words))
            await generator.end(id)
            #expect(output.finish == .stop && output.tokens.last == 300)
            var text = generator.tokenizer.decode(output.tokens.dropLast())[...]
            while let word = words.sorted(by: >).first(where: text.hasPrefix) { text = text.dropFirst(word.count) }
            #expect(text.isEmpty && output.tokens.count > 3)
            // A w comes in kiwi alone, where nothing was left to choose.
            for (token, logProbability) in zip(output.tokens, output.logProbabilities)
            where generator.tokenizer.bytes(of: token) == Array("w".utf8) { #expect(logProbability == 0) }
        }
    }

    @Test func logProbabilitiesUnderAGrammarAreThoseOfTheAllowedTokens() async throws {
        let generator = try makeGenerator()
        let model = generator.model
        let id = await generator.begin(SamplingOptions(temperature: 1, seed: 5))
        let output = try await generator.generate(
            id, appending: prompt(3, 9), limit: 1, stop: never, grammar: WordGrammar(["kiwi", "fig", "plum"]))
        let logits = try model.logits([.init(tokens: prompt(3, 9), cache: model.makeCache())]).reshaped([-1])
        let allowed = "kfp".utf8.map { generator.tokenizer.encode(String(UnicodeScalar($0)))[0] }
        let logProbabilities = try logits.selected(0, Tensor(allowed)).logSoftmax(0).floats()
        let place = try #require(allowed.firstIndex(of: output.tokens[0]))
        #expect(abs(logProbabilities[place] - output.logProbabilities[0]) < 1e-4)
    }

    /// One word of a list, but not an excluded one that others begin with.
    struct ChoiceGrammar: ByteGrammar {
        var rest: [[UInt8]]
        var excluded: [UInt8]?

        init(_ words: [String], without excluded: String) {
            rest = (words + [excluded]).map { Array($0.utf8) }
            self.excluded = Array(excluded.utf8)
        }

        func advanced(by byte: UInt8) -> ChoiceGrammar? {
            var next = self
            next.rest = rest.filter { $0.first == byte }.map { Array($0.dropFirst()) }
            next.excluded = excluded?.first == byte ? excluded.map { Array($0.dropFirst()) } : nil
            return next.rest.isEmpty ? nil : next
        }

        var canEnd: Bool { rest.contains([]) && excluded != [] }
        var isExcluded: Bool { excluded == [] }
        var continuation: ChoiceGrammar { self }
    }

    /// Words come as often as if the excluded one had been thrown away, and not as if it had been gone on with.
    @Test func excludedAnswersAreResampled() async throws {
        let generator = try makeGenerator()
        let grammar = ChoiceGrammar(["kiwis", "fig", "plum"], without: "kiwi")
        func shares(resamples: Int) async throws -> (shares: [String: Double], discarded: Int) {
            var shares: [String: Double] = [:]
            var discarded = 0
            for seed in 0..<500 {
                let id = await generator.begin(SamplingOptions(temperature: 1, seed: UInt64(seed)))
                let output = try await generator.generate(
                    id, appending: prompt(3, 9), limit: 20, stop: .init(tokens: [300]), grammar: grammar,
                    resamples: resamples)
                await generator.end(id)
                #expect(output.finish == .stop && output.tokens.count == output.logProbabilities.count)
                discarded += output.discardedTokens
                shares[generator.tokenizer.decode(output.tokens.dropLast()), default: 0] += 1.0 / 500
            }
            return (shares, discarded)
        }
        func probabilities(_ tokens: [Int], among allowed: [Int]) throws -> [Double] {
            let model = generator.model
            let logits = try model.logits([.init(tokens: tokens, cache: model.makeCache())]).reshaped([-1])
            return try logits.selected(0, Tensor(allowed)).logSoftmax(0).floats().map { exp(Double($0)) }
        }
        let letters = "kfps".utf8.map { generator.tokenizer.encode(String(UnicodeScalar($0)))[0] }
        let first = try probabilities(prompt(3, 9), among: Array(letters[..<3]))
        let kiwi = prompt(3, 9) + generator.tokenizer.encode("kiwi")
        let plural = try probabilities(kiwi, among: [letters[3], 300])[0]

        let masked = try await shares(resamples: 0)
        let drawn = try await shares(resamples: 50)
        #expect(masked.discarded == 0 && drawn.discarded > 0)
        let left = 1 - first[0] * (1 - plural)
        for (word, strict, conditional) in [
            ("kiwis", first[0], first[0] * plural / left), ("fig", first[1], first[1] / left),
            ("plum", first[2], first[2] / left),
        ] {
            #expect(abs(masked.shares[word, default: 0] - strict) < 0.06)
            #expect(abs(drawn.shares[word, default: 0] - conditional) < 0.06)
        }
        #expect(masked.shares["kiwi"] == nil && drawn.shares["kiwi"] == nil)
    }

    /// A trainer finds the sampled answer's log-probabilities: those of a sample that could be thrown away, but for the last.
    @Test func resampledAnswersAreScoredAsTheyWereSampled() async throws {
        let generator = try makeGenerator()
        let grammar = ChoiceGrammar(["kiwis", "fig", "plum"], without: "kiwi")
        let masks = GrammarMasks(generator.tokenizer, rows: 320, stop: .init(tokens: [300]))
        var seen: Set<[Int]> = []
        for (resamples, seed) in [1, 2].flatMap({ resamples in (0..<60).map { (resamples, $0) } }) {
            let id = await generator.begin(SamplingOptions(temperature: 1, seed: UInt64(seed)))
            let output = try await generator.generate(
                id, appending: prompt(3, 9), limit: 20, stop: .init(tokens: [300]), grammar: grammar,
                resamples: resamples)
            await generator.end(id)
            seen.insert([output.resamples, resamples])
            let sequence = CausalLM.PackedSequence(
                tokens: prompt(3, 9) + output.tokens,
                mask: prompt(3, 9).map { _ in false } + output.tokens.map { _ in true })
            let isLast = output.resamples == resamples
            let start: any ByteGrammar = isLast ? grammar : grammar.admittingExcluded
            let states = start.states(before: output.tokens, generator.tokenizer)
            let scored = try generator.model.logProbabilities(
                [sequence], distribution: TokenDistribution(states: states, masks: masks)
            ).floats()
            #expect(zip(scored, output.logProbabilities).allSatisfy { abs($0 - $1) < 1e-4 })
        }
        #expect(seen.isSuperset(of: [[0, 1], [1, 1], [0, 2], [1, 2]]))
    }

    /// A discarded answer leaves no trace: greedy answers are resampled, and the next turn is the same as without them.
    @Test func aConversationForgetsDiscardedAnswers() async throws {
        let generator = try makeGenerator()
        var count = 0
        for seed in 0..<12 {
            let words = ["kiwis", "figs", "plums"]
            for word in ["kiwi", "fig", "plum"] {
                let grammar = ChoiceGrammar(words, without: word)
                let id = await generator.begin(SamplingOptions(seed: UInt64(seed)))
                let output = try await generator.generate(
                    id, appending: prompt(seed, 20), limit: 20, stop: .init(tokens: [300]), grammar: grammar,
                    resamples: 3,
                    draft: Guess().draft)
                let next = try await generator.generate(id, appending: prompt(seed, 5), limit: 8, stop: never)
                await generator.end(id)
                let text = generator.tokenizer.decode(output.tokens.dropLast())
                #expect(words.contains(text), "\(text)")
                if output.discardedTokens == 0 { continue }
                count += 1
                #expect(output.discardedTokens % (word.utf8.count + 1) == 0)
                let fresh = try await run(
                    makeGenerator(), prompt(seed, 20) + output.tokens + prompt(seed, 5), SamplingOptions(), limit: 8)
                #expect(fresh.tokens == next.tokens)
            }
        }
        #expect(count > 3)
    }

    // MARK: Drafts

    /// Drafts what is to be written with every third byte another, or simply something.
    struct Guess {
        var answer: [UInt8] = []
        var isWrong = false

        var draft: Draft {
            { text in
                let rest = text.count < answer.count ? Array(answer[text.count...]) : Array("figs".utf8)
                return isWrong ? rest.enumerated().map { $0 % 3 == 2 ? $1 ^ 1 : $1 } : rest
            }
        }
    }

    /// Whatever is drafted, in whatever precision: the same tokens with the same log-probabilities, greedy and sampled,
    /// free and under a grammar.
    @Test(arguments: Precision.allCases) func draftsChangeNothing(precision: Precision) async throws {
        let plain = try makeGenerator(precision)
        // In floats the products of one row and of many differ in their last bits; not in int8.
        let tolerance: Float = precision == .int8 ? 0 : precision == .float32 ? 1e-4 : 0.05
        for (seed, temperature) in [(1, 0.0), (2, 1), (3, 1), (4, 1.5)] {
            for grammar in [nil, WordGrammar(["kiwi", "fig", "figs", "plum"])] {
                func run(_ generator: Generator, _ guess: Guess?) async throws -> Generator.Output {
                    let id = await generator.begin(SamplingOptions(temperature: temperature, seed: UInt64(seed)))
                    let output = try await generator.generate(
                        id, appending: prompt(seed, 30), limit: 60, stop: .init(tokens: [300]), grammar: grammar,
                        draft: guess?.draft)
                    // A second turn reads what the first one left in the cache.
                    let more = try await generator.generate(
                        id, appending: prompt(seed + 9, 5), limit: 10, stop: .init(tokens: [300]), grammar: grammar,
                        draft: guess?.draft)
                    await generator.end(id)
                    var both = output
                    both.tokens += more.tokens
                    both.logProbabilities += more.logProbabilities
                    return both
                }
                let expected = try await run(plain, nil)
                let answer = expected.tokens.flatMap { plain.tokenizer.bytes(of: $0) }
                for guess in [Guess(answer: answer), Guess(answer: answer, isWrong: true), Guess()] {
                    let output = try await run(makeGenerator(precision), guess)
                    #expect(output.tokens == expected.tokens && output.finish == expected.finish)
                    for (ours, theirs) in zip(output.logProbabilities, expected.logProbabilities) {
                        #expect(abs(ours - theirs) <= tolerance)
                    }
                }
            }
        }
    }

    @Test func aDraftThatComesTrueSavesSteps() async throws {
        let plain = try makeGenerator()
        let id = await plain.begin(SamplingOptions())
        // ASCII, so that a draft is encoded as it was written.
        let expected = try await plain.generate(
            id, appending: prompt(1, 30), limit: 40, stop: never, grammar: WordGrammar(["kiwi", "fig", "figs", "plum"]))
        let answer = expected.tokens.flatMap { plain.tokenizer.bytes(of: $0) }
        let slow = await plain.currentStatistics

        let drafting = try makeGenerator()
        let other = await drafting.begin(SamplingOptions())
        _ = try await drafting.generate(
            other, appending: prompt(1, 30), limit: 40, stop: never,
            grammar: WordGrammar(["kiwi", "fig", "figs", "plum"]), draft: Guess(answer: answer).draft)
        let fast = await drafting.currentStatistics
        #expect(fast.acceptedTokens > 0 && fast.acceptedTokens <= fast.draftedTokens)
        #expect(fast.steps * 3 < slow.steps)
    }
}

/// Allows every byte, and an end anywhere.
private struct AnyTextGrammar: ByteGrammar {
    var canEnd: Bool { true }
    var continuation: AnyTextGrammar { self }
    func advanced(by byte: UInt8) -> AnyTextGrammar? { self }
}
