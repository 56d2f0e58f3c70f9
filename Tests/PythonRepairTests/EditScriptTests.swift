import PythonRepair
import StatefulTools
import Testing

@Suite struct EditScriptTests {
    /// Random lists over few lines, so that many lines are equal.
    private func lines(_ generator: inout SeededGenerator) -> [String] {
        (0..<generator.below(9)).map { _ in ["a", "b = 1", "b = 2", "", "    c"][generator.below(5)] }
    }

    @Test func `any order of the changes ends in the new lines`() throws {
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<3_000 {
            let old = lines(&generator)
            let new = lines(&generator)
            let script = EditScript(from: old, to: new)
            var order = script.changes
            generator.shuffle(&order)
            var text = ProgramText(old.map { $0 + "\n" }.joined())
            var done: Set<Int> = []
            for slot in order {
                try text.apply(script.command(for: slot, done: done))
                done.insert(slot)
            }
            #expect(text.lines == new)
            #expect(script.reversed.reversed == script)
        }
    }

    @Test func `no script is shorter`() {
        // The fewest insertions, deletions and replacements, by the textbook recurrence.
        func distance(_ a: ArraySlice<String>, _ b: ArraySlice<String>) -> Int {
            guard let x = a.first, let y = b.first else { return a.count + b.count }
            if x == y { return distance(a.dropFirst(), b.dropFirst()) }
            return 1
                + min(
                    distance(a.dropFirst(), b), distance(a, b.dropFirst()), distance(a.dropFirst(), b.dropFirst()))
        }
        var generator = SeededGenerator(seed: 2)
        for _ in 0..<300 {
            let old = Array(lines(&generator).prefix(6))
            let new = Array(lines(&generator).prefix(6))
            #expect(EditScript(from: old, to: new).commands.count == distance(old[...], new[...]))
        }
    }

    @Test func `lines that look alike are paired`() {
        let script = EditScript(from: ["x = f(a)", "return x"], to: ["import math", "x = f(b)", "return x"])
        #expect(script.commands.map(\.description) == ["### ADDL 1 >>>import math", "### REPL 2 >>>x = f(b)"])
    }

    @Test(arguments: [
        ("", "abc", 3), ("abc", "", 3), ("kitten", "sitting", 3), ("flaw", "lawn", 2), ("é", "e", 1),
        ("same", "same", 0),
        ("abcdef", "azced", 3),
    ])
    func `the edit distance is Levenshtein's`(a: String, b: String, distance: Int) {
        #expect(editDistance(a, b) == distance)
        #expect(editDistance(b, a) == distance)
    }
}
