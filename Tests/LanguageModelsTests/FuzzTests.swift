import Foundation
import Tensors
import TestSupport
import Testing
import Tokenization

@testable import LanguageModels

/// What Fuzz/run keeps: each input is read or refused, none crashes or hangs.
@Suite(.timeLimit(.minutes(1))) struct FuzzTests {
    private func inputs(_ reader: String) throws -> [String] {
        let folder = fixture("fuzz/\(reader)")
        return try FileManager.default.contentsOfDirectory(atPath: folder).map { "\(folder)/\($0)" }
    }

    @Test func `GGUF files`() throws {
        for path in try inputs("gguf") {
            guard let file = try? GGUFFile(path: path) else { continue }
            for (name, entry) in file.entries where entry.format != nil { _ = try? file.tensor(name) }
            _ = try? ModelConfiguration(gguf: file)
            _ = try? Tokenizer(modelPath: path)
        }
    }

    @Test func `safetensors files`() throws {
        for path in try inputs("safetensors") {
            guard let file = try? SafetensorsFile(path: path) else { continue }
            for (name, entry) in file.entries where entry.dtype != nil { _ = try? file.tensor(name) }
        }
    }

    @Test func `config.json and adapter_config.json`() throws {
        for path in try inputs("config") {
            let data = try Data(contentsOf: URL(filePath: path))
            _ = try? ModelConfiguration(json: data, source: "config.json").inverseFrequencies
        }
        for path in try inputs("adapter") {
            let data = try Data(contentsOf: URL(filePath: path))
            _ = try? PEFTConfiguration(json: data, source: "adapter").scale(of: "model.layers.0.self_attn.q_proj")
        }
    }
}
