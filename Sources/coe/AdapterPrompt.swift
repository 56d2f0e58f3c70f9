import Episodes
import Foundation

/// The prompt that an adapter was trained with; for a model without one, with worked examples.
func prompt(forAdapter adapter: String?) throws -> Prompt {
    guard let adapter else { return Prompt() }
    return try AdapterCard.read(fromAdapter: adapter)?.prompt ?? Prompt(workedExamples: false)
}

extension KnownModel {
    /// The adapter that comes with this model: `NAME` in `$COE_ADAPTERS`, in the folder `Adapters` beside or above the
    /// program, or in `${COE_HOME:-~/.cache/coe}/adapters`.
    var bundledAdapter: String? {
        var folders: [URL] = []
        if let folder = ProcessInfo.processInfo.environment["COE_ADAPTERS"] { folders.append(URL(filePath: folder)) }
        var above = URL(filePath: CommandLine.arguments[0])
        if let link = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") {
            above = URL(filePath: link)
        }
        // .build/PLATFORM/release/coe lies three folders below the checkout.
        for _ in 0..<5 {
            above.deleteLastPathComponent()
            folders.append(above.appending(path: "Adapters"))
        }
        folders.append(Self.folder.deletingLastPathComponent().appending(path: "adapters"))
        return folders.map { $0.appending(path: name).path(percentEncoded: false) }
            .first { FileManager.default.fileExists(atPath: $0 + "/adapter_config.json") }
    }
}

/// The model that the options mean: the named one, else the one that the adapter was trained on, else the default.
func resolvedModel(_ model: String?, adapter: String? = nil) throws -> String {
    try model ?? adapter.flatMap(AdapterCard.read(fromAdapter:))?.model ?? KnownModel.default.name
}

/// The adapter that an option names: none for `none`, the one that comes with the model when nothing is named.
func resolvedAdapter(_ adapter: String?, model: String?) -> String? {
    if adapter == "none" { return nil }
    return adapter ?? KnownModel.all.first { $0.name == model ?? KnownModel.default.name }?.bundledAdapter
}
