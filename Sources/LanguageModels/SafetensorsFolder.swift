import FoundationEssentials
import Tensors

/// A Hugging Face folder: `model.safetensors`, or shards with `model.safetensors.index.json`.
struct SafetensorsFolder: WeightSource {
    let path: String
    private let files: [String: SafetensorsFile]
    private let shardOfWeight: [String: String]?

    init(path: String) throws {
        let folder = URL(filePath: path)
        func file(_ name: String) throws -> SafetensorsFile {
            try SafetensorsFile(path: folder.appending(path: name).path(percentEncoded: false))
        }
        self.path = path
        if let data = try? Data(contentsOf: folder.appending(path: "model.safetensors.index.json")) {
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
            files = try Dictionary(uniqueKeysWithValues: Set(index.weightMap.values).map { ($0, try file($0)) })
            shardOfWeight = index.weightMap
        } else {
            files = ["model.safetensors": try file("model.safetensors")]
            shardOfWeight = nil
        }
    }

    func weight(_ name: String) throws -> Tensor? {
        guard let shardOfWeight else { return try files["model.safetensors"]?.tensor(name) }
        guard let shard = shardOfWeight[name] else { return nil }
        return try files[shard]?.tensor(name)
    }
}
