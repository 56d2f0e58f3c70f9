import FoundationEssentials

/// What the runner is told at its start; `runner.py` describes the fields.
struct RunnerStart: Encodable {
    var sources: [[String]]
    var project, file, cwd: String
    var tests: [String]
    var kind: String
    var command: String?
    var seconds: Double
    var memoryBytes, outputBytes: Int
    var layer: String
    var pristine, stage: String?
    var scratch, hidden: [String]
    var files: [String: String]
    /// Whether the root's file system is the jail's own.
    var jailed: Bool

    init(_ configuration: RunnerConfiguration, _ jail: RunnerJail) {
        let parts: [(String, [UInt8])] = [
            ("runner_report", PackageResources.runner_report_py), ("runner_layer", PackageResources.runner_layer_py),
            ("runner_warm", PackageResources.runner_warm_py), ("runner_pytest", PackageResources.runner_pytest_py),
            ("runner_plain", PackageResources.runner_plain_py), ("runner_outline", PackageResources.runner_outline_py),
            ("runner_syntax", PackageResources.runner_syntax_py), ("runner", PackageResources.runner_py),
        ]
        sources = parts.map { [$0, String(decoding: $1, as: UTF8.self)] }
        project = configuration.project.folder
        file = configuration.file
        cwd = configuration.project.workingFolder
        tests = configuration.tests
        command = configuration.command
        kind = (command == nil ? configuration.kind : .command).rawValue
        seconds = configuration.limits.seconds
        memoryBytes = configuration.limits.memoryBytes
        outputBytes = configuration.limits.outputBytes
        layer = jail.layer.rawValue
        jailed = jail.layer != .copy
        pristine = jail.layer == .restore ? RunnerJail.pristine : nil
        stage = jail.layer == .overlay ? RunnerJail.stage : nil
        scratch = jailed ? RunnerJail.scratch : []
        hidden = jailed ? jail.hidden : []
        files = jailed ? jail.files : [:]
    }

    static var boot: String { String(decoding: PackageResources.runner_boot_py, as: UTF8.self) }
}

/// The runner's greeting.
struct RunnerGreeting: Decodable {
    var ready: Bool
    var kind: TestKind?
    /// Why the tests can't be used.
    var unusable: String?
    /// Why the layer can't be used; another one may be.
    var layerProblem: String?
    var python: String?
    var pytest: String?
}

/// A candidate to judge.
struct RunnerJob: Encodable {
    var id = 1
    /// In base 64.
    var bytes: String
    /// Whether each test's parameters are reported.
    var details: Bool?
    /// Whether the program's lines that run are reported.
    var trace: Bool?
}
