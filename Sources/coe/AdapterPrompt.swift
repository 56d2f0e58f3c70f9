import Episodes

/// The prompt that an adapter was trained with; for a model without one, with worked examples.
func prompt(forAdapter adapter: String?) throws -> Prompt {
    guard let adapter else { return Prompt() }
    return try AdapterCard.read(fromAdapter: adapter)?.prompt ?? Prompt(workedExamples: false)
}
