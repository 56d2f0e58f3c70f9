public import PythonRepair
public import UserRunner

/// The part of a long program that matters: the functions on the failing tests' way, and what they call.
public enum Focus {
    /// Programs up to this size are shown whole.
    public static let wholeLines = 120
    public static let wholeBytes = 6_000
    /// The most lines of a part.
    static let partLines = 100

    /// The lines to show; nil for the whole program.
    public static func lines(of program: String, _ outline: ProgramOutline, _ report: RunnerReport) -> LineWindow? {
        let count = ProgramText(program).lines.count
        guard count > wholeLines || program.utf8.count > wholeBytes else { return nil }
        var chosen: [ProgramOutline.Definition] = []
        var lines = 0
        func take(_ definition: ProgramOutline.Definition) {
            let size = definition.last - definition.first + 1
            guard !chosen.contains(where: { $0.first <= definition.first && definition.last <= $0.last }) else {
                return
            }
            guard chosen.isEmpty || lines + size <= partLines else { return }
            chosen.append(definition)
            lines += size
        }
        var queue = seeds(outline, report).filter { $0.first <= count }
        for definition in queue { take(definition) }
        // Breadth first along the calls.
        var seen = Set(queue.map(\.name))
        while !queue.isEmpty, lines < partLines {
            let definition = queue.removeFirst()
            for name in definition.calls {
                for callee in definitions(named: name, outline) where callee.first <= count {
                    guard seen.insert(callee.name).inserted else { continue }
                    take(callee)
                    queue.append(callee)
                }
            }
        }
        guard !chosen.isEmpty else { return fallback(count, report) }
        var ranges = chosen.map { $0.first...min(count, $0.last) }
        // A method without the head of its class reads like a function.
        for definition in chosen {
            guard let dot = definition.name.lastIndex(of: ".") else { continue }
            if let owner = outline.functions.first(where: { $0.name == definition.name[..<dot] }) {
                ranges.append(owner.first...owner.first)
            }
        }
        return LineWindow(ranges)
    }

    /// The definitions that the failing tests run into, those with an error first.
    public static func seeds(_ outline: ProgramOutline, _ report: RunnerReport) -> [ProgramOutline.Definition] {
        var found: [ProgramOutline.Definition] = []
        func add(_ definition: ProgramOutline.Definition?) {
            if let definition, !found.contains(definition) { found.append(definition) }
        }
        if let line = report.program?.line { add(innermost(at: line, outline)) }
        for test in report.failing {
            if let line = test.programLine { add(innermost(at: line, outline)) }
        }
        for test in report.failing {
            let names = zip(outline.tests, outline.called).first {
                $0.0.id == test.id || test.id.hasPrefix($0.0.id + " ")
            }
            for name in names?.1 ?? [] {
                for definition in definitions(named: name, outline) where definition.kind == "function" {
                    add(definition)
                }
            }
        }
        if found.isEmpty {
            for name in outline.called.joined() {
                for definition in definitions(named: name, outline) { add(definition) }
            }
        }
        return found
    }

    /// The lines of the functions themselves; nil where there are none, or nothing else.
    static func narrow(_ seeds: [ProgramOutline.Definition], _ program: String) -> LineWindow? {
        let count = ProgramText(program).lines.count
        let functions = seeds.filter { $0.kind == "function" && $0.first <= count }
        let ranges = functions.prefix(3).map { $0.first...min(count, $0.last) }
        guard !ranges.isEmpty else { return nil }
        let window = LineWindow(ranges)
        let others = (1...count).filter { !window.contains($0) }
        let lines = ProgramText(program).lines
        return others.contains { !lines[$0 - 1].allSatisfy(\.isWhitespace) } ? window : nil
    }

    private static func definitions(named name: String, _ outline: ProgramOutline) -> [ProgramOutline.Definition] {
        outline.functions.filter { $0.name == name || $0.name.hasSuffix("." + name) }
    }

    private static func innermost(at line: Int, _ outline: ProgramOutline) -> ProgramOutline.Definition? {
        outline.functions.filter { $0.first <= line && line <= $0.last && $0.kind == "function" }
            .min { $0.last - $0.first < $1.last - $1.first }
    }

    /// Lines around those that are known to run or to be wrong.
    private static func fallback(_ count: Int, _ report: RunnerReport) -> LineWindow? {
        let program = 1...max(1, count)
        let known = ([report.program?.line] + report.failing.map(\.programLine)).compactMap { $0 }
            .filter(program.contains)
        let lines = known.isEmpty ? (report.reached ?? []).filter(program.contains).suffix(partLines) : known[...]
        guard !lines.isEmpty else { return LineWindow([1...min(count, partLines)]) }
        return LineWindow(lines.prefix(partLines).map { max(1, $0 - 8)...min(count, $0 + 8) })
    }

    /// The lines of a function that the user names.
    public static func lines(ofFunction name: String, _ outline: ProgramOutline) -> LineWindow? {
        let found = outline.functions.filter { $0.name == name || $0.name.hasSuffix("." + name) }
        return found.isEmpty ? nil : LineWindow(found.map { $0.first...$0.last })
    }
}
