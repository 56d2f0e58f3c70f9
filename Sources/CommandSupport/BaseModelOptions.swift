package import ArgumentParser
package import LanguageModels
import Tensors

/// Which model computes, and in what.
package struct BaseModelOptions: ParsableArguments {
    @Option(help: .model, completion: .models) package var model: String?
    @Option(help: .precision) package var precision: Precision?

    package init() {}

    /// The precision that was asked for, or the machine's.
    package var resolvedPrecision: Precision { precision ?? .standard(on: .best) }
}

extension CompletionKind {
    /// The known models' names.
    package static var models: Self { .list(KnownModel.all.map(\.name)) }
}

extension ArgumentHelp {
    package static let model: Self = """
        A known model's name, a GGUF file or a Hugging Face folder; when not given, the adapter's model or \
        qwen2.5-coder-0.5b.
        """
    package static let adapter: Self = "An adapter (PEFT folder); the model's own when not given; none for no adapter."
    package static let precision: Self = """
        What the model computes in: float32, bfloat16 or int8; int8 on a CPU and bfloat16 on a GPU when not given.
        """
}
