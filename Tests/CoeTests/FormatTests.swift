import Foundation
import TestSupport
import Testing

/// What `coe` writes fits the schemas in docs/schemas, checked by the package jsonschema.
extension CoeTests {
    private func expect(_ files: String..., fit schema: String) async throws {
        guard let python = clientsPython() else { return }
        let schemas = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "docs/schemas")
        let paths = files.map { folder.appending(path: $0).path() }
        let checked = try await runClient(python, ["check_schema.py", schemas.path(), schema] + paths)
        #expect(checked.code == 0, "\(schema): \(checked.output)")
    }

    /// Runs the command and checks its JSON.
    private func expect(_ arguments: [String], fit schema: String, code: Int32 = 0) async throws {
        let outcome = try run(arguments)
        #expect(outcome.code == code, "\(arguments): \(outcome.errors)")
        try write("output.json", outcome.output)
        try await expect("output.json", fit: schema)
    }

    @Test func `files fit their schemas`() async throws {
        try writeTasks()
        let model = try byteModelFolder().path(percentEncoded: false)
        #expect(try coe("eval", "--set", "tasks.jsonl", "--method", "oracle", "--out", "run").code == 0)
        #expect(try coe("data", "synthesize", "--count", "6", "--recovery", "0.5", "--out", "demos.jsonl").code == 0)
        #expect(
            try coe("data", "synthesize", "--tool", "countdown", "--count", "6", "--out", "games.jsonl").code == 0)
        let trained = try coe(
            "sft", "--data", "demos.jsonl", "--model", model, "--out", "sft", "--batch", "6", "--epochs", "1",
            "--max-length", "8000", "--precision", "float32")
        #expect(trained.code == 0, "\(trained.errors)")
        try await expect("run/traces.jsonl", fit: "trace")
        try await expect("run/tasks.jsonl", fit: "task")
        try await expect("demos.jsonl", "games.jsonl", fit: "demonstration")
        try await expect("sft/metrics.jsonl", fit: "metrics")
    }

    @Test func `--json fits its schemas`() async throws {
        try writeTasks()
        try await expect(
            ["eval", "--set", "tasks.jsonl", "--method", "oracle", "--out", "run", "--json"], fit: "eval")
        try await expect(["trace", "run", "--json"], fit: "trace-json")
        try await expect(["report", "run", "--json"], fit: "report")
        try await expect(["models", "list", "--json"], fit: "models-list")
        try await expect(["data", "check", "tasks.jsonl", "--json"], fit: "data-check")
        let doctor = try coe("doctor", "--json")
        try write("doctor.json", doctor.output)
        try await expect("doctor.json", fit: "doctor")
    }

    @Test func `errors are JSON too, with the exit code`() async throws {
        try await expect(["trace", "nowhere", "--json"], fit: "error", code: 2)
        try await expect(["trace", "--json"], fit: "error", code: 64)
        try await expect(["eval", "--set", "none.jsonl", "--out", "run", "--json"], fit: "error", code: 2)
        try write("p.py", "x = 1\n")
        for command in ["check", "repair"] {
            let unusable = try coe(command, "p.py", "--tests", "none.py", "--json")
            #expect(unusable.code == 2 && unusable.output.contains("\"exitCode\":2"), "\(unusable.output)")
            #expect(unusable.output.contains("\"error\":\"There is no file none.py"), "\(unusable.output)")
        }
        let plain = try coe("trace", "nowhere")
        #expect(plain.code == 2 && plain.output.isEmpty && plain.errors.hasPrefix("Error: "), "\(plain.errors)")
    }
}
