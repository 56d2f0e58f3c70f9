import Foundation
import PythonRepair
import StatefulTools
import Testing

/// Programs of ours with what trips line editors: CR LF, a missing last line end, tabs, strings over several lines,
/// comments, characters of several bytes, one-liners, nested functions and classes.
let bundledPrograms: [String] = [
    """
    def total(items, start=0):
        # Sum of é items
        result = start
        count = 0
        for index, item in enumerate(items):
            if item < 0 or item > 100 and not index:
                continue
            elif item == 50:
                break
            else:
                result += item
            count += 1
        while count >= 3:
            count -= 1
        return result

    """,
    "def first(xs, n):\r\n\tbest = []\r\n\tfor i in range(0, n):\r\n\t\tbest.append(xs[i])\r\n\tbest.sort()\r\n\treturn best[-1]",
    "import math\n\nclass Circle:\n    def __init__(self, r):\n        self.r = r\n\n    def area(self):\n        return math.pi * self.r ** 2\n",
    "def text(a, b):\n    s = '''one\n  two {}\n'''.format(a)\n    return f\"{a!r}: {b[0]} — {s}\" if a is not None else 'ü' + s[1:-1]\n",
    "f = lambda x, y: max(x, y) - min(x, y)\ng = [i for i in range(10) if i % 2 == 0]\n",
    """
    def swap(a, b):
        if a > b:
            low = b
            high = a
        else:
            low = a
            high = b
        while low < high:
            low, high = low + 1, high - 1
            if low in (a, b): return True
        return divmod(low, high)[0:1]
    """,
]

/// The data set itself where a path to it is given; it is never part of this repository.
let mbppPrograms: [String] = {
    guard let path = ProcessInfo.processInfo.environment["COE_MBPP"] else { return [] }
    let tasks = try? MBPP.load(from: URL(filePath: path), raw: true)
    return (tasks ?? []).map(\.program)
}()

/// What the properties are tested on.
enum Programs: String, Sendable {
    case ours, mbpp

    static let present: [Programs] = mbppPrograms.isEmpty ? [.ours] : [.ours, .mbpp]
    var programs: [String] { self == .ours ? bundledPrograms : mbppPrograms }
}

@Suite struct CorruptionTests {
    @Test(arguments: Programs.present)
    func `every syntax-tree corruption is undone byte for byte`(set: Programs) async throws {
        let programs = set.programs
        let sites = try await PythonSyntax().corruptions(in: programs)
        var seen: Set<Corruption.Operator> = []
        for (program, sites) in zip(programs, sites) {
            for site in sites {
                seen.insert(site.operator)
                let corrupted = CorruptedProgram(original: program, corruptions: [site])
                // Where line ends are mixed a deleted line can't be had back.
                if corrupted == nil, hasMixedLineEnds(program) { continue }
                let undone = try #require(corrupted, "\(site) in \(program)")
                #expect(try apply(undone.repair.commands, to: undone.program).utf8.elementsEqual(program.utf8))
            }
        }
        #expect(seen == Set(Corruption.Operator.allCases.filter { !$0.isPaper }))
    }

    @Test(arguments: Programs.present, CorruptionFamily.allCases)
    func `one to five corruptions are undone byte for byte, in any order`(
        set: Programs, family: CorruptionFamily
    ) async throws {
        let programs = set.programs
        let sites = try await PythonSyntax().corruptions(in: programs)
        let corruptor = Corruptor(programs: programs, sites: sites)
        var seen: Set<Corruption.Operator> = []
        let rounds = programs.count < 100 ? 200 : 10
        for index in programs.indices {
            for round in 0..<rounds {
                var generator = SeededGenerator(seed: UInt64(round), stream: UInt64(index))
                guard
                    let corrupted = corruptor.corrupt(
                        index, family: family, faults: 1 + round % 5, using: &generator)
                else { continue }
                #expect(corrupted.program != programs[index])
                seen.formUnion(corrupted.corruptions.map(\.operator))
                var order = corrupted.repair.changes
                generator.shuffle(&order)
                var done: Set<Int> = []
                var wasEmpty = false
                var text = ProgramText(corrupted.program)
                for slot in order {
                    let command = corrupted.repair.command(for: slot, done: done)
                    #expect(command.problem == nil)
                    try text.apply(Command(parsing: command.description))
                    done.insert(slot)
                    wasEmpty = wasEmpty || text.lines.isEmpty
                }
                // In an emptied program nothing tells that lines once ended in CR LF.
                if hasMixedLineEnds(programs[index]) || wasEmpty {
                    #expect(text.lines == ProgramText(programs[index]).lines)
                } else {
                    #expect(text.text.utf8.elementsEqual(programs[index].utf8), "\(corrupted)")
                }
            }
        }
        switch family {
        case .paper: #expect(seen == Set(Corruption.Operator.allCases.filter(\.isPaper)))
        case .tree: #expect(seen == Set(Corruption.Operator.allCases.filter { !$0.isPaper }))
        case .mixed: #expect(seen == Set(Corruption.Operator.allCases))
        }
    }

    @Test func `the same seed makes the same faults, another seed others`() async throws {
        let sites = try await PythonSyntax().corruptions(in: bundledPrograms)
        func faults(_ seed: UInt64) -> [String?] {
            let corruptor = Corruptor(programs: bundledPrograms, sites: sites)
            return (0..<UInt64(100)).map { stream in
                var generator = SeededGenerator(seed: seed, stream: stream)
                return corruptor.corrupt(0, family: .mixed, faults: 2, using: &generator)?.program
            }
        }
        #expect(faults(1) == faults(1))
        #expect(faults(1) != faults(2))
        #expect(Set(faults(1)).count > 50)
    }

    @Test func `hostile sources give no corruptions and don't harm their neighbours`() async throws {
        let good = bundledPrograms[0]
        let hostile = [
            "def f(:\n", "x = " + String(repeating: "(", count: 5_000), "a" + String(repeating: ".a", count: 15_000),
            "-" + String(repeating: "-", count: 30_000) + "1", String(repeating: "x = 1\n", count: 10_000), "\u{0}", "",
            String(repeating: "if x:\n", count: 10), "x = 1" + String(repeating: " + 1", count: 7_000),
        ]
        let answers = try await PythonSyntax().corruptions(in: hostile + [good])
        #expect(answers.count == hostile.count + 1)
        #expect(answers.last?.isEmpty == false)
        #expect(answers[0].isEmpty && answers[4].isEmpty && answers[5].isEmpty && answers[6].isEmpty)
    }

    @Test func `a missing interpreter is named`() async throws {
        let error = await #expect(throws: ToolTaskError.self) {
            try await PythonSyntax(interpreter: "no-such-python").corruptions(in: ["x = 1"])
        }
        #expect(error?.code == .missingProgram)
        #expect(error?.description.contains("no-such-python") == true)
    }

    @Test func `tokens tell programs that differ only in layout, comments and names`() async throws {
        let tokens = try await PythonSyntax().tokens(of: [
            "def f(a):\n    return len(a)+1\n", "def f( a ):  # plus one\n\n  return len(a) + 1",
            "def g(b):\n    return len(b) + 1\n", "def g(b):\n    return sum(b) + 1\n", "def f(:",
        ])
        #expect(tokens[0] == tokens[1])
        #expect(tokens[0]?.plain != tokens[2]?.plain)
        #expect(tokens[0]?.numbered == tokens[2]?.numbered)
        #expect(tokens[2]?.numbered != tokens[3]?.numbered)
    }

    private func apply(_ commands: [Command], to program: String) throws -> String {
        var text = ProgramText(program)
        for command in commands { try text.apply(command) }
        return text.text
    }

    private func hasMixedLineEnds(_ program: String) -> Bool {
        let bytes = Array(program.utf8)
        let feeds = bytes.count { $0 == 0x0A }
        let pairs = zip(bytes, bytes.dropFirst()).count { $0 == 0x0D && $1 == 0x0A }
        return feeds != pairs && pairs > 0
    }
}
