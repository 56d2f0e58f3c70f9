/// The layers to which PEFT gives the matrices of an adapter; it drops those that are stored for others.
///
/// Source: PEFT 0.21, `tuners/tuners_utils.py`, `check_target_module_exists`.
struct PEFTTargets {
    private enum Names {
        /// Names of layers, or ends of them.
        case list([String])
        /// A pattern that matches whole names.
        case pattern(String)
    }

    /// The names, or ends of names, of modules whose weights are stored whole.
    let saved: [String]
    private let targets, excluded: Names
    /// The numbers of the blocks with matrices, nil for all, and the names that stand before these numbers.
    private let blocks: Set<Int>?
    private let blockNames: [String]
    private let source: String

    /// - Parameter fields: Those of `adapter_config.json`.
    init(_ fields: [String: JSONField], source: String) throws {
        func failure(_ key: String, _ what: String) -> LanguageModelError {
            LanguageModelError(
                .adapterMismatch, "\(source) has a \(key) in its adapter_config.json that is no \(what).")
        }
        func names(_ key: String, _ otherwise: [String] = []) throws -> Names {
            switch fields[key] {
            case nil, .null?: return .list(otherwise)
            case .string(let pattern)?: return .pattern(pattern)
            case let value?:
                guard let names = value.strings else { throw failure(key, "list of names") }
                return .list(names)
            }
        }
        func list(_ key: String) throws -> [String] {
            guard case .list(let found) = try names(key) else { throw failure(key, "list of names") }
            return found
        }
        // PEFT's own choice for all families here.
        targets = try names("target_modules", ["q_proj", "v_proj"])
        excluded = try names("exclude_modules")
        saved = try list("modules_to_save")
        blockNames = try fields["layers_pattern"]?.string.map { $0.isEmpty ? [] : [$0] } ?? list("layers_pattern")
        if let value = fields["layers_to_transform"], !value.isNeutral {
            guard let numbers = value.integers else { throw failure("layers_to_transform", "list of whole numbers") }
            blocks = Set(numbers)
        } else {
            blocks = nil
        }
        self.source = source
    }

    /// Whether PEFT gives matrices to a layer.
    ///
    /// - Parameter layer: The layer's name, `model.layers.0.self_attn.q_proj`.
    func contains(_ layer: String) throws -> Bool {
        let isSaved = saved.contains { ".\(layer).".contains(".\($0).") }
        if try isSaved || matches(excluded, layer, "exclude_modules") { return false }
        guard try matches(targets, layer, "target_modules") else { return false }
        guard case .list(let names) = targets, !names.contains(layer), let blocks else { return true }
        return block(of: layer).map(blocks.contains) ?? false
    }

    private func block(of layer: String) -> Int? {
        let parts = layer.split(separator: ".").map(String.init)
        for place in parts.indices.dropFirst().dropLast() {
            guard let number = Int(parts[place]) else { continue }
            if blockNames.isEmpty ? place > 1 : blockNames.contains(parts[place - 1]) { return number }
        }
        return nil
    }

    private func matches(_ names: Names, _ layer: String, _ key: String) throws -> Bool {
        switch names {
        case .list(let names): return names.contains { layer == $0 || layer.hasSuffix(".\($0)") }
        case .pattern(let pattern):
            if key == "target_modules", pattern.lowercased() == "all-linear" { return layer != "lm_head" }
            // Names are short; a longer search, or a repeat of a group with repeats in it, could take for ever.
            let repeats = pattern.count { "*+{".contains($0) }
            guard pattern.utf8.count <= 2000, repeats <= 6, !pattern.contains(/\)[*+{]|\(\?[^:]/),
                let expression = try? Regex(pattern).wordBoundaryKind(.simple)
            else {
                throw LanguageModelError(
                    .adapterMismatch,
                    "\(source) has a pattern as \(key) that is not read here; write the names of the layers as a list.")
            }
            return (try? expression.wholeMatch(in: layer)) != nil
        }
    }
}
