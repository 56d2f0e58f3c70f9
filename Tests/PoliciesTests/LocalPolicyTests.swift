import LanguageModels
import PythonRepair
import StatefulTools
import TestSupport
import Testing
import Tokenization

@testable import Policies

@Suite struct LocalPolicyTests {
    /// A random model with 320 ids: 256 bytes and ChatML's control tokens.
    func makePolicy() throws -> LocalPolicy {
        let vocabulary = try byteVocabulary(controlTokens: ["<|im_start|>", "<|im_end|>"], count: 320)
        let tokenizer = try Tokenizer(vocabulary)
        let model = try CausalLM(path: fixture("models/tiny-llama3"))
        return LocalPolicy(
            name: "tiny", generator: Generator(model: model, tokenizer: tokenizer), chat: try ChatEncoder(tokenizer))
    }

    let messages = [ChatMessage(role: .system, content: "Fix it."), ChatMessage(role: .user, content: "1>>>x = 1")]

    @Test func aSessionReadsTheConversationAsTheTemplateWritesIt() async throws {
        let policy = try makePolicy()
        let chat = try ChatEncoder(policy.generator.tokenizer)
        let session = try await policy.beginSession(messages: messages, sampling: .init(temperature: 1), maxTokens: 6)
        let first = try await session.respond(.free)
        try await session.append(ChatMessage(role: .user, content: "test 1: got 2"))
        let second = try await session.respond(.free)
        await session.end()

        let opening = chat.conversation([.init(.system, "Fix it."), .init(.user, "1>>>x = 1")])
        #expect(first.promptTokenIDs == opening + chat.generationPrompt)
        #expect(first.tokenIDs.count == 6 && first.logProbabilities.count == 6)
        let closing = first.tokenIDs.last == chat.endOfTurn ? chat.afterTurn : chat.closing
        #expect(
            second.promptTokenIDs == closing + chat.message(.init(.user, "test 1: got 2")) + chat.generationPrompt)
    }

    @Test func aStopStringIsCutFromTheTextButStaysInTheContext() async throws {
        let policy = try makePolicy()
        func answer(_ stop: [String]) async throws -> Completion {
            let session = try await policy.beginSession(
                messages: messages, sampling: .init(temperature: 1, seed: 3, stop: stop), maxTokens: 60)
            let completion = try await session.respond(.free)
            await session.end()
            return completion
        }
        let free = try await answer([])
        let stop = try #require(free.text.dropFirst().first { $0.isASCII })
        let cut = try await answer([String(stop)])
        #expect(cut.finish == .stop)
        #expect(!cut.text.contains(stop))
        #expect(free.text.hasPrefix(cut.text))
        #expect(policy.generator.tokenizer.decode(cut.tokenIDs).hasSuffix(String(stop)))
    }

    @Test func aConversationThatOutgrowsTheModelIsAnOutcome() async throws {
        let policy = try makePolicy()
        let long = ChatMessage(role: .user, content: String(repeating: "long ", count: 200))
        let session = try await policy.beginSession(messages: [long], sampling: .init(), maxTokens: 5)
        await #expect { _ = try await session.respond(.free) } throws: {
            ($0 as? PolicyError)?.code == .contextFull
        }
        await session.end()
    }

    /// A random model under the grammar writes only commands that apply, whatever it would like to write.
    @Test func underTheGrammarEveryCommandAppliesAndChangesTheState() async throws {
        let policy = try makePolicy()
        let program = JSONValue.string("def add(a, b):\n    return a - b\n\n# ü >>> end\n")
        let tool = try PythonRepair(
            ToolTask(id: "add", fields: ["program": program, "tests": .array([.string("assert add(1, 2) == 3")])]))
        var tried: [String] = []
        for seed in 0..<30 {
            let session = try await policy.beginSession(
                messages: messages, sampling: .commands(temperature: 1, seed: UInt64(seed)), maxTokens: 200)
            let grammar = try #require(tool.grammar(allowsExit: false)).excluding(tried)
            let completion = try await session.respond(Guidance(grammar: grammar, draft: tool.draft))
            await session.end()
            // Cut at the limit, or a lone byte of a character: content can be anything.
            guard completion.finish == .stop, !completion.text.contains("\u{FFFD}") else { continue }
            let command = try tool.read(completion.text)
            var edited = tool
            _ = try edited.apply(command)
            #expect(edited.state != tool.state && !tried.contains(command))
            tried.append(command)
        }
        #expect(tried.count > 2)
    }
}
