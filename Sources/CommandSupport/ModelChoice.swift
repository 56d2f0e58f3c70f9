internal import Foundation
internal import LanguageModels
package import StatefulTools

/// A model, the adapter that it plays with, and the prompt that they know.
package struct ModelChoice: Hashable, Sendable {
    /// The model as the user named it.
    package var name: String
    /// The adapter's folder; nil for the bare model.
    package var adapter: String?
    /// What the adapter was trained with; worked examples for a bare model.
    package var prompt = PromptStyle.examples

    /// - Parameters:
    ///   - model: nil for the adapter's own model, or the default.
    ///   - adapter: nil for the model's own where it knows all `tools`, `none` for no adapter.
    ///   - tools: the names of the tools to play.
    package init(model: String?, adapter: String?, tools: Set<String>) throws {
        if let adapter, adapter != "none" {
            let card = try AdapterCard.read(fromAdapter: adapter)
            name = try model ?? card?.model ?? Self.base(of: adapter) ?? KnownModel.default.name
            self.adapter = adapter
            prompt = card?.prompt ?? .compact
            return
        }
        name = model ?? KnownModel.default.name
        let known = KnownModel.all.first { [name] in $0.name == name }
        guard adapter == nil, let bundled = known?.bundledAdapter else { return }
        let card = try AdapterCard.read(fromAdapter: bundled)
        guard tools.isSubset(of: card?.knownTools ?? [ToolTask.standardTool]) else { return }
        self.adapter = bundled
        prompt = card?.prompt ?? .compact
    }

    /// The model here that an adapter without a card names as its base; nil where it names none.
    ///
    /// - Throws: ``PolicyError`` for an adapter whose base is not here: on another model it would play nonsense.
    private static func base(of adapter: String) throws -> String? {
        guard let name = try LoRAAdapter.baseModel(of: adapter) else { return nil }
        if let known = KnownModel.all.first(where: { [$0.name, $0.repository].contains(name) }) { return known.name }
        if FileManager.default.fileExists(atPath: name) { return name }
        throw PolicyError(
            .unavailable,
            "The adapter \(adapter) was trained on \(name), which is not here under that name: name the model's file or "
                + "folder with --model.")
    }

    /// The model's file or folder.
    package var path: String { get throws { try KnownModel.path(of: name) } }
}

extension AdapterCard {
    /// The tools whose commands the adapter knows.
    fileprivate var knownTools: Set<String> { tools.isEmpty ? [ToolTask.standardTool] : Set(tools) }
}
