package import ArgumentParser

/// Which model computes, with which adapter.
package struct ModelOptions: ParsableArguments {
    @OptionGroup package var base: BaseModelOptions
    @Option(help: .adapter, completion: .directory) package var adapter: String?

    package init() {}

    /// - Parameter tools: the names of the tools to play.
    package func choice(for tools: Set<String>) throws -> ModelChoice {
        try ModelChoice(model: base.model, adapter: adapter, tools: tools)
    }
}
