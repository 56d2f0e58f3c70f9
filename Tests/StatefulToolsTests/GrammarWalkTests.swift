import StatefulTools
import Testing
import Tools

/// Every state of every tool's grammar can be finished.
@Suite struct GrammarWalkTests {
    @Test(arguments: Toolbox.standard.tools.map { $0.name })
    func `every walk ends in a command that the tool takes and that changes its state`(name: String) throws {
        let starts = try Toolbox.standard.load(name, split: .test)
        #expect(!starts.isEmpty)
        var random = SeededGenerator(seed: 11)
        for start in starts.prefix(30) {
            var tool = start
            var tried: [String: Set<String>] = [:]
            for _ in 0..<6 {
                let excluded = tried[tool.state] ?? []
                guard let grammar = tool.grammar(allowsExit: false)?.excluding(excluded) else { return }
                let text = try #require(grammar.walk(steps: random.below(50), using: &random), "\(tool.state)")
                #expect(grammar.accepts(text))
                // Once all commands of a state are tried, they are open again.
                #expect(!excluded.contains(text) || excluded.allSatisfy(grammar.accepts), "\(text)")
                #expect(try tool.read(text) == text)
                tried[tool.state, default: []].insert(text)
                let before = tool.state
                let effect = try tool.apply(text)
                #expect([.changed, .cosmetic].contains(effect), "\(text)")
                #expect(tool.state != before)
            }
        }
    }

    @Test(arguments: Toolbox.standard.tools.map { $0.name })
    func `EXIT is a command where it is allowed, and ends`(name: String) throws {
        for start in try Toolbox.standard.load(name, split: .test).prefix(10) {
            #expect(start.grammar(allowsExit: true)?.accepts("### EXIT") != false)
            #expect(start.grammar(allowsExit: false)?.accepts("### EXIT") != true)
            var tool = start
            #expect(try tool.apply(tool.read("### EXIT")) == .done)
        }
    }

    @Test(arguments: Toolbox.standard.tools.map { $0.name })
    func `the known way is made of commands of the grammar`(name: String) throws {
        var ways = 0
        for start in try Toolbox.standard.load(name, split: .test).prefix(60) {
            guard let oracle = start.oracle else { continue }
            ways += 1
            var tool = start
            for command in oracle {
                #expect(tool.grammar(allowsExit: true)?.accepts(command) != false, "\(command) in \(tool.state)")
                _ = try tool.apply(command)
            }
        }
        #expect(ways > 0)
    }
}

extension Grammar {
    /// A random completion: at most so many bytes at random, then the shortest way to an end. Nil where there is none.
    func walk(steps: Int, using random: inout SeededGenerator) -> String? {
        var state = start
        var bytes: [UInt8] = []
        for _ in 0..<steps {
            if state.canEnd, random.chance(0.1) { break }
            let open = state.open
            // ASCII where there is a choice, so that the walk ends in whole characters.
            let ascii = open.filter { $0 < 0x80 }
            guard let byte = random.element(of: ascii.isEmpty ? open : ascii), let next = state.advanced(by: byte)
            else {
                break
            }
            bytes.append(byte)
            state = next
        }
        return state.ending.map { String(decoding: bytes + $0, as: UTF8.self) }
    }
}

extension Grammar.State {
    /// The fewest bytes to an end, found by breadth; nil where 20,000 states lead to none.
    fileprivate var ending: [UInt8]? {
        var seen: Set<Self> = [self]
        var front: [(state: Self, bytes: [UInt8])] = [(self, [])]
        while !front.isEmpty, seen.count < 20_000 {
            var next: [(state: Self, bytes: [UInt8])] = []
            for (state, bytes) in front {
                if state.canEnd, String(validating: bytes, as: UTF8.self) != nil { return bytes }
                for byte in state.open {
                    guard let after = state.advanced(by: byte), seen.insert(after).inserted else { continue }
                    next.append((after, bytes + [byte]))
                }
            }
            front = next
        }
        return nil
    }
}
