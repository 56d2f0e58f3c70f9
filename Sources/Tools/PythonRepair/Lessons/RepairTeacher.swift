public import PythonSandbox
public import StatefulTools

/// Makes lessons of correct programs: faults, and the commands that repair them.
public struct RepairTeacher: Teacher {
    private let repairs: [PythonRepair]
    public let unusable: [(task: String, why: String)]
    private let options: LessonOptions
    /// Nil makes pairs: each task's own faulty program and its reference.
    private let family: CorruptionFamily?
    private let corruptor: Corruptor

    public var tasks: [any Tool] { repairs }

    /// Runs each task's reference and finds the places for corruptions.
    ///
    /// - Throws: ``ToolTaskError`` when no task is left.
    init(
        _ all: [PythonRepair], _ options: LessonOptions, _ sandbox: PythonSandbox?, interpreter: String = "python3",
        progress: @Sendable (_ checked: Int, _ of: Int) -> Void
    ) async throws {
        self.options = options
        family = try options.family.map { name throws(ToolTaskError) in
            guard let family = CorruptionFamily(rawValue: name) else {
                let names = CorruptionFamily.allCases.map(\.rawValue).joined(separator: ", ")
                throw ToolTaskError(.badField, "\"\(name)\" is no family of corruptions; there are \(names)")
            }
            return family
        }
        let checks = try await Self.checks(of: all, isPairs: options.family == nil, sandbox, progress)
        var usable: [PythonRepair] = []
        var unusable: [(task: String, why: String)] = []
        for (var task, check) in zip(all, checks) {
            switch check {
            case .usable(let limits):
                task.limits = limits
                usable.append(task)
            case .unusable(let why): unusable.append((task.id, why))
            }
        }
        guard !usable.isEmpty else {
            throw ToolTaskError(
                .nothingUsable,
                "none of the \(all.count) tasks can be used: \(unusable.first?.why ?? "there are none")")
        }
        repairs = usable
        self.unusable = unusable
        let programs = usable.map { $0.repair.reference ?? $0.repair.program }
        let wantsSites = family.map { $0 != .paper } ?? false || options.recovery > 0
        let sites =
            wantsSites ? try await PythonSyntax(interpreter: interpreter).corruptions(in: programs) : []
        corruptor = Corruptor(programs: programs, sites: sites)
    }

    /// One check a task, in order.
    private static func checks(
        of tasks: [PythonRepair], isPairs: Bool, _ sandbox: PythonSandbox?, _ progress: @Sendable (Int, Int) -> Void
    ) async throws -> [ReferenceCheck] {
        guard let sandbox else { return tasks.map { .usable($0.limits) } }
        @Sendable func check(_ task: RepairTask) async throws -> ReferenceCheck {
            if isPairs, task.program == task.reference { return .unusable("its program is its reference") }
            return try await task.checkReference(in: sandbox)
        }
        return try await withThrowingTaskGroup(of: (Int, ReferenceCheck).self) { group in
            var checks = [ReferenceCheck?](repeating: nil, count: tasks.count)
            var finished = 0
            func add(_ index: Int) {
                let task = tasks[index].repair
                group.addTask { (index, try await check(task)) }
            }
            for index in tasks.indices.prefix(16) { add(index) }
            for try await (index, check) in group {
                checks[index] = check
                finished += 1
                progress(finished, tasks.count)
                if finished + 15 < tasks.count { add(finished + 15) }
            }
            return checks.compactMap { $0 }
        }
    }

    public func lesson(_ index: Int, using random: inout SeededGenerator) -> Lesson? {
        guard let start = draw(index, using: &random) else { return nil }
        let kind = random.chance(options.recovery) ? "recovery" : start.kind
        guard let steps = steps(start.script, index, recovers: kind == "recovery", using: &random) else { return nil }
        return Lesson(
            start: repairs[index].starting(with: start.program), steps: steps, kind: kind,
            operators: start.operators.map(\.rawValue))
    }

    private struct Start {
        var program: String
        var script: EditScript
        var operators: [Corruption.Operator]
        var kind: String
    }

    private func draw(_ number: Int, using generator: inout SeededGenerator) -> Start? {
        guard let family else {
            let task = repairs[number].repair
            let script = EditScript(
                from: ProgramText(task.program).lines, to: ProgramText(task.reference ?? "").lines)
            return Start(program: task.program, script: script, operators: [], kind: "pair")
        }
        let faults = options.faults.lowerBound + generator.below(options.faults.count)
        return corruptor.corrupt(number, family: family, faults: faults, using: &generator).map {
            Start(
                program: $0.program, script: $0.repair, operators: $0.corruptions.map(\.operator), kind: "corruption")
        }
    }

    private func steps(
        _ script: EditScript, _ number: Int, recovers: Bool, using generator: inout SeededGenerator
    ) -> [Step]? {
        var plan = RepairPlan(script)
        let order = plan.order(using: &generator)
        let stray = recovers ? generator.below(order.count) : -1
        for (place, slot) in order.enumerated() {
            if place == stray {
                let wrongLines = { line in
                    corruptor.lineCorruptions(of: number, line: line).map { $0.edit.replacement[0] }
                }
                guard
                    (0..<4).contains(where: { _ in
                        plan.stray(before: slot, wrongLines: wrongLines, using: &generator)
                    })
                else { return nil }
            }
            plan.repair(slot, using: &generator)
        }
        return plan.steps
    }
}

extension PythonRepair {
    public static func tasks(_ set: String, split: TaskSplit) throws -> [any Tool]? {
        try TaskSet.load(set, split: split)?.map { try PythonRepair($0) }
    }

    public static func teacher(
        of tasks: [any Tool], _ options: LessonOptions, in sandbox: PythonSandbox?,
        progress: @Sendable (_ checked: Int, _ of: Int) -> Void
    ) async throws -> any Teacher {
        try await RepairTeacher(tasks.compactMap { $0 as? PythonRepair }, options, sandbox, progress: progress)
    }

    /// The same task with other faults of the paper's kinds in its correct program; nil where it has none.
    public func corrupted(using random: inout SeededGenerator) -> PythonRepair? {
        guard let reference = repair.reference else { return nil }
        let corruptor = Corruptor(programs: [reference], sites: [])
        let faults = 1 + random.below(3)
        return corruptor.corrupt(0, family: .paper, faults: faults, using: &random).map { starting(with: $0.program) }
    }
}
