import FoundationEssentials
import JSONKeys
import Tensors

/// A Hugging Face folder: `model.safetensors`, or shards with `model.safetensors.index.json`.
///
/// As in Transformers, the index does not count beside a `model.safetensors`.
struct SafetensorsFolder: WeightSource {
    let path: String
    private let files: [String: SafetensorsFile]
    private let shardOfWeight: [String: String]?
    private let isRead = ReadNames()

    init(path: String) throws {
        let folder = URL(filePath: path)
        func file(_ name: String) throws -> SafetensorsFile {
            try SafetensorsFile(path: folder.appending(path: name).path(percentEncoded: false))
        }
        self.path = path
        let indexFile = folder.appending(path: "model.safetensors.index.json")
        let isWhole = FileManager.default.fileExists(atPath: "\(path)/model.safetensors")
        if !isWhole, let data = try? Data(contentsOf: indexFile) {
            if let key = repeatedKey(inJSON: data) {
                throw LanguageModelError(
                    .modelNotReadable, "\(path)/model.safetensors.index.json gives \(key) twice; leave one of them.")
            }
            struct Index: Decodable { let weightMap: [String: String] }
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            guard let index = try? decoder.decode(Index.self, from: data) else {
                throw LanguageModelError(
                    .modelNotReadable, "\(path)/model.safetensors.index.json is not an index of shards.")
            }
            for shard in Set(index.weightMap.values) where shard.contains("/") {
                throw LanguageModelError(
                    .modelNotReadable, "\(path)/model.safetensors.index.json names \(shard), outside the folder.")
            }
            for shard in Set(index.weightMap.values) { try Self.checkIsThere(shard, of: path) }
            files = try Dictionary(uniqueKeysWithValues: Set(index.weightMap.values).map { ($0, try file($0)) })
            shardOfWeight = index.weightMap
            try checkEachIsOnce()
        } else {
            try Self.checkIsThere("model.safetensors", of: path)
            files = ["model.safetensors": try file("model.safetensors")]
            shardOfWeight = nil
        }
    }

    /// Of a tensor in two shards, the order of reading would choose one.
    private func checkEachIsOnce() throws {
        var shards: [String: String] = [:]
        for (shard, file) in files.sorted(by: { $0.key < $1.key }) {
            for name in file.entries.keys {
                guard let other = shards.updateValue(shard, forKey: name) else { continue }
                throw LanguageModelError(
                    .modelNotReadable, "\(path) holds \(name) in \(other) and in \(shard); take the model anew.")
            }
        }
    }

    private static func checkIsThere(_ file: String, of path: String) throws {
        guard !FileManager.default.fileExists(atPath: "\(path)/\(file)") else { return }
        throw LanguageModelError(
            .modelNotReadable,
            "\(path) lacks \(file): weights are read from safetensors files alone, so convert other formats first.")
    }

    func weight(_ name: String) throws -> Tensor? {
        isRead.insert(name)
        guard let shardOfWeight else { return try files["model.safetensors"]?.tensor(name) }
        guard let shard = shardOfWeight[name] else { return nil }
        guard let tensor = try files[shard]?.tensor(name) else {
            throw LanguageModelError(.modelNotReadable, "\(path)/\(shard) lacks \(name), which the index puts there.")
        }
        return tensor
    }

    /// Tensors outside these are another model's, such as a head for classes, and change nothing here.
    private static let ownPrefixes = ["model.layers.", "model.embed_tokens.", "model.norm.", "lm_head."]

    var unread: [String] {
        files.values.flatMap { $0.entries.keys }.filter { name in
            // The rotary frequencies, which follow from config.json.
            Self.ownPrefixes.contains(where: name.hasPrefix) && !isRead(name) && !name.hasSuffix("rotary_emb.inv_freq")
        }
    }
}
