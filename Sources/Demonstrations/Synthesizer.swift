import LineEditor
public import PythonSandbox
public import RepairTasks

/// Makes demonstrations of correct programs: faults, and the commands that repair them.
public struct Synthesizer: DemonstrationSource {
    public let options: SynthesisOptions
    /// Tasks that can't be used: their reference fails, or is missing, and why.
    public let unusable: [(task: String, why: String)]
    public let cache: JobCache
    private let tasks: [RepairTask]
    private let limits: [SandboxLimits]
    private let corruptor: Corruptor
    private let demonstrator: Demonstrator
    /// The order in which draws take the tasks.
    private let order: [Int]

    /// Draws before a task is given up for this demonstration.
    private static let attempts = 12

    /// Runs each task's reference and finds the places for corruptions.
    ///
    /// - Parameter progress: is told how many references were run, of how many.
    /// - Throws: ``RepairTaskError`` when no task is left.
    public init(
        tasks all: [RepairTask], options: SynthesisOptions, sandbox: PythonSandbox, interpreter: String = "python3",
        progress: @Sendable (Int, Int) -> Void = { _, _ in }
    ) async throws {
        self.options = options
        cache = JobCache(sandbox)
        let cache = cache
        var checks = [ReferenceCheck?](repeating: nil, count: all.count)
        try await withThrowingTaskGroup(of: (Int, ReferenceCheck).self) { group in
            var finished = 0
            func add(_ index: Int) {
                group.addTask { (index, try await Self.check(all[index], options, cache)) }
            }
            for index in all.indices.prefix(16) { add(index) }
            for try await (index, check) in group {
                checks[index] = check
                finished += 1
                progress(finished, all.count)
                if finished + 15 < all.count { add(finished + 15) }
            }
        }

        var tasks: [RepairTask] = []
        var limits: [SandboxLimits] = []
        var unusable: [(task: String, why: String)] = []
        for (task, check) in zip(all, checks) {
            switch check {
            case .usable(let its)?:
                tasks.append(task)
                limits.append(its)
            case .unusable(let why)?: unusable.append((task.id, why))
            case nil: break
            }
        }
        guard !tasks.isEmpty else {
            throw RepairTaskError(
                .badLine, "none of the \(all.count) tasks can be used: \(unusable.first?.why ?? "there are none")")
        }
        self.tasks = tasks
        self.limits = limits
        self.unusable = unusable

        let programs = tasks.map { $0.reference ?? "" }
        let wantsSites = options.family.map { $0 != .paper } ?? false || options.recovery > 0
        let sites =
            wantsSites ? try await PythonSyntax(interpreter: interpreter).corruptions(in: programs) : []
        corruptor = Corruptor(programs: programs, sites: sites)
        demonstrator = Demonstrator(cache: cache, state: options.state)
        var order = Array(tasks.indices)
        var generator = SeededGenerator(seed: options.seed, stream: .max)
        generator.shuffle(&order)
        self.order = order
    }

    private static func check(
        _ task: RepairTask, _ options: SynthesisOptions, _ cache: JobCache
    ) async throws -> ReferenceCheck {
        if options.family == nil, let reference = task.reference, task.program == reference {
            return .unusable("its program is its reference")
        }
        return try await cache.check(task)
    }

    public func demonstration(_ index: Int) async throws -> Demonstration? {
        var generator = SeededGenerator(seed: options.seed, stream: UInt64(index))
        let number = order[index % order.count]
        // A pair has one faulty program only; its next draw has other orders of the same repair.
        for _ in 0..<Self.attempts {
            let plain = draw(number, using: &generator)
            guard let plain else { continue }
            let kind: Demonstration.Kind = generator.chance(options.recovery) ? .recovery : plain.kind
            guard let steps = steps(plain.script, number, kind: kind, using: &generator) else { continue }
            var task = tasks[number]
            task.program = plain.program
            guard let played = try await demonstrator.play(task, steps: steps, limits: limits[number]) else { continue }
            let id = "\(task.id)#\(options.seed)-\(index)"
            let source = task.id
            task.id = id
            return Demonstration(
                id: id, messages: played.messages, task: task,
                meta: Demonstration.Meta(
                    kind: kind, source: source, operators: plain.operators,
                    failure: played.initialReport.failure ?? "",
                    editDistance: editDistance(plain.program, task.reference ?? ""),
                    commands: played.messages.count { $0.learn == true }, state: options.state, family: options.family,
                    seed: options.seed, index: index))
        }
        return nil
    }

    private struct Start {
        var program: String
        var script: EditScript
        var operators: [Corruption.Operator]
        var kind: Demonstration.Kind
    }

    private func draw(_ number: Int, using generator: inout SeededGenerator) -> Start? {
        guard let family = options.family else {
            let task = tasks[number]
            let script = EditScript(
                from: ProgramText(task.program).lines, to: ProgramText(task.reference ?? "").lines)
            return Start(program: task.program, script: script, operators: [], kind: .pair)
        }
        let faults = options.faults.lowerBound + generator.below(options.faults.count)
        return corruptor.corrupt(number, family: family, faults: faults, using: &generator).map {
            Start(
                program: $0.program, script: $0.repair, operators: $0.corruptions.map(\.operator), kind: .corruption)
        }
    }

    private func steps(
        _ script: EditScript, _ number: Int, kind: Demonstration.Kind, using generator: inout SeededGenerator
    ) -> [Demonstrator.Step]? {
        var plan = RepairPlan(script)
        let order = plan.order(using: &generator)
        let stray = kind == .recovery ? generator.below(order.count) : -1
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
