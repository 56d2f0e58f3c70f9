import Foundation
import LanguageModels
import Tensors
import Testing

/// Two processes that train together against one with the doubled batch.
extension SFTProcessTests {
    /// Starts a command in two processes, as `torchrun --no-python` would, and waits for both.
    func together(_ command: String) throws {
        let port = Int.random(in: 20_000..<30_000)
        let runs = try (0..<2).map { rank in
            try start("RANK=\(rank) WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=\(port) \(command)")
        }
        for run in runs { try finish(run) }
    }

    /// How far two adapters are apart, relative to how far the second is from `start`.
    func difference(_ first: String, _ second: String, from start: String) throws -> Double {
        let adapters = try [first, second, start].map {
            try LoRAAdapter(path: folder.appending(path: $0).path(percentEncoded: false))
        }
        var (apart, moved) = (0.0, 0.0)
        for name in adapters[0].layers.keys {
            let pairs = try adapters.map { try #require($0.layers[name]) }
            for values in [pairs.map(\.a), pairs.map(\.b)] {
                let values = try values.map { try $0.to(.float32) }
                apart += pow(try (values[0] - values[1]).norm(), 2)
                moved += pow(try (values[1] - values[2]).norm(), 2)
            }
        }
        #expect(moved > 0)
        return (apart / moved).squareRoot()
    }

    func options(batch: Int, _ out: String) -> String {
        "exec \(coe) sft --data demos.jsonl --validation demos.jsonl --validation-episodes 0 --validation-count 2 "
            + "--model \(model) --out \(out) --batch \(batch) --max-length 4000 --rank 8 --validate-every 4 "
            + "--precision float32"
    }

    @Test func supervisedStepsAreThoseOfTheDoubledBatch() throws {
        try finish(try start(options(batch: 4, "one") + " --epochs 1"))
        try together(options(batch: 2, "two") + " --epochs 1")
        // New adapters of one seed begin equal: a run of one step with next to no learning rate shows where.
        try finish(try start(options(batch: 16, "begin") + " --learning-rate 1e-30"))
        #expect(try difference("one/adapter", "two/adapter", from: "begin/adapter") < 0.01)
        let lines = try String(contentsOf: folder.appending(path: "two/metrics.jsonl"), encoding: .utf8)
        #expect(lines.split(separator: "\n").count == 4, "one process alone writes metrics")
    }

    @Test func reinforcedStepsAreThoseOfTheDoubledBatch() throws {
        try finish(try start(options(batch: 16, "begin")))
        func rl(starts: Int, _ out: String) -> String {
            "exec \(coe) rl --data demos.jsonl --model \(model) --adapter begin/adapter --preset best --out \(out) "
                + "--starts \(starts) --group 4 --steps 2 --turns 2 --learning-rate 1e-3 --precision float32"
        }
        try finish(try start(rl(starts: 4, "one")))
        try together(rl(starts: 2, "two"))
        #expect(try difference("one/adapter", "two/adapter", from: "begin/adapter") < 0.02)
    }

    @Test func aProcessWhoseOthersAreMissingSaysSo() throws {
        let errors = try finish(try start("RANK=0 " + options(batch: 2, "alone")), expecting: 2)
        #expect(errors.contains("WORLD_SIZE"))
        #expect(!FileManager.default.fileExists(atPath: folder.appending(path: "alone").path(percentEncoded: false)))
    }
}
