public import PythonSandbox
public import StatefulTools

/// Makes demonstrations of a teacher's lessons.
public struct Synthesizer: DemonstrationSource {
    private let teacher: any Teacher
    private let options: LessonOptions
    private let demonstrator: Demonstrator
    /// The order in which draws take the tasks.
    private let order: [Int]

    /// Lessons tried before a draw gives nothing.
    private static let attempts = 12

    public init(_ teacher: any Teacher, options: LessonOptions, sandbox: PythonSandbox) {
        self.teacher = teacher
        self.options = options
        demonstrator = Demonstrator(sandbox: sandbox, prompt: options.prompt)
        var order = Array(teacher.tasks.indices)
        var generator = SeededGenerator(seed: options.seed, stream: .max)
        generator.shuffle(&order)
        self.order = order
    }

    public func demonstration(_ index: Int) async throws -> Demonstration? {
        guard !order.isEmpty else { return nil }
        var generator = SeededGenerator(seed: options.seed, stream: UInt64(index))
        let number = order[index % order.count]
        for _ in 0..<Self.attempts {
            guard let lesson = teacher.lesson(number, using: &generator),
                let played = try await demonstrator.play(lesson.start, steps: lesson.steps)
            else { continue }
            return Demonstration(
                played, from: lesson.start, kind: lesson.kind, operators: lesson.operators, mark: "#",
                options: options, index: index)
        }
        return nil
    }
}
