// swift-tools-version: 6.2
import PackageDescription

// libtorch is the C++ library inside the `torch` Python wheel; `scripts/bootstrap` links .torch to that folder.
let torch = Context.packageDirectory + "/.torch"
let linkTorch: [LinkerSetting] = [
    .unsafeFlags(["-L\(torch)/lib", "-Xlinker", "-rpath", "-Xlinker", "\(torch)/lib"])
]

// What `coe --version` says beside the version. An archive without git names its commit in COE_COMMIT.
let git = Context.gitInformation
let commit =
    Context.environment["COE_COMMIT"]
    ?? git.map { $0.currentCommit.prefix(10) + ($0.hasUncommittedChanges ? "+" : "") } ?? "unknown"

let package = Package(
    name: "chain-of-edits",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.0.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.4.0"),
    ],
    targets: [
        // The loop and the tools: these build without libtorch.
        .target(
            name: "PythonSandbox",
            dependencies: [
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            resources: ["wire", "program", "things", "tests", "asserts", "suites", "judge", "zygote"].map {
                .embedInCode("Resources/\($0).py")
            }),
        // The user's own pytest, unittest or doctest as the judge of `coe check` and `coe repair`.
        .target(
            name: "UserRunner",
            dependencies: [
                "PythonSandbox",
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            resources: (["boot", "layer", "outline", "plain", "pytest", "report", "syntax", "warm"].map {
                "Resources/runner_\($0).py"
            }
                + ["Resources/runner.py"]).map { .embedInCode($0) }),
        // JSON that two readers would read in two ways.
        .target(name: "JSONKeys"),
        .target(name: "CBuild", cSettings: [.define("COE_COMMIT", to: "\"\(commit)\"")]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .target(
            name: "StatefulTools",
            dependencies: [
                "CBuild", "CZlib", "JSONKeys", "PythonSandbox", .product(name: "Crypto", package: "swift-crypto"),
            ]),
        .target(
            name: "PythonRepair",
            dependencies: [
                "PythonSandbox", "StarterTasks", "StatefulTools",
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            path: "Sources/Tools/PythonRepair",
            resources: [.embedInCode("Resources/syntax.py")]),
        // `coe check` and `coe repair` on the user's own files.
        .target(name: "UserRepair", dependencies: ["PythonRepair", "PythonSandbox", "StatefulTools", "UserRunner"]),
        .target(
            name: "StarterTasks", path: "Sources/Tools/StarterTasks", resources: [.embedInCode("starter.jsonl")]),
        .target(
            name: "Countdown", dependencies: ["PythonSandbox", "StatefulTools"], path: "Sources/Tools/Countdown"),
        .target(
            name: "Tools", dependencies: ["Countdown", "PythonRepair", "StatefulTools"], path: "Sources/Tools/List"),
        // The engine.
        .target(name: "Tokenization", dependencies: ["JSONKeys"]),
        .target(
            name: "CTorch",
            exclude: ["gloo"],
            cxxSettings: [
                .headerSearchPath("gloo"),
                .headerSearchPath("../../.torch/include"),
                .headerSearchPath("../../.torch/include/torch/csrc/api/include"),
                // Without it the kernels of a debug build take minutes for a prompt.
                .unsafeFlags(["-O2"], .when(configuration: .debug)),
            ],
            linkerSettings: [.linkedLibrary("torch_cpu"), .linkedLibrary("c10")]),
        .target(name: "Tensors", dependencies: ["CTorch", "JSONKeys"]),
        .target(name: "LanguageModels", dependencies: ["JSONKeys", "Tensors", "Tokenization"]),

        // Who plays.
        .target(name: "Policies", dependencies: ["LanguageModels", "StatefulTools", "Tensors", "Tokenization"]),
        .target(
            name: "RemotePolicies",
            dependencies: [
                "StatefulTools", .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ]),

        // What is made of episodes.
        .target(name: "Runs", dependencies: ["StatefulTools"]),
        .target(name: "Demonstrations", dependencies: ["PythonSandbox", "Runs", "StatefulTools"]),
        .target(
            name: "Training",
            dependencies: [
                "Demonstrations", "LanguageModels", "Policies", "PythonSandbox", "Runs", "StatefulTools", "Tensors",
                "Tokenization",
            ]),
        .target(name: "Evaluation", dependencies: ["PythonSandbox", "Runs", "StatefulTools"]),
        .target(
            name: "Reports", dependencies: ["Evaluation", "Runs", "StatefulTools"],
            resources: [.embedInCode("Resources/report.css"), .embedInCode("Resources/report.js")]),

        // Servers. Serving and ServeCommands build without libtorch.
        .target(
            name: "Serving",
            dependencies: [
                "JSONKeys", "PythonSandbox", "StatefulTools", .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOWebSocket", package: "swift-nio"),
            ],
            resources: ["page.html", "schemas.json", "openapi.json", "tools.json", "environment.md"].map {
                .embedInCode("Resources/\($0)")
            }),
        .target(
            name: "ServeCommands",
            dependencies: [
                "PythonSandbox", "Serving", "StatefulTools", "Tools",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        .target(
            name: "ModelServing",
            dependencies: [
                "LanguageModels", "Serving", "StatefulTools", "Tensors", "Tokenization",
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ]),
        .executableTarget(
            name: "coe-environment",
            dependencies: [
                "ServeCommands", "StatefulTools", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),

        // The command line.
        .target(
            name: "CommandSupport",
            dependencies: [
                "LanguageModels", "Policies", "RemotePolicies", "StatefulTools", "Tensors",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            resources: [.embedInCode("Resources/fetch_model.py")]),
        .target(
            name: "Benchmarks",
            dependencies: [
                "CommandSupport", "Demonstrations", "Evaluation", "LanguageModels", "ModelServing", "Policies",
                "PythonRepair",
                "PythonSandbox", "RemotePolicies", "Runs", "ServeCommands", "Serving", "StatefulTools", "Tensors",
                "Tokenization", "Tools", "Training",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        .executableTarget(
            name: "coe",
            dependencies: [
                "Benchmarks", "CommandSupport", "Demonstrations", "Evaluation", "LanguageModels", "ModelServing",
                "Policies", "PythonRepair", "PythonSandbox", "RemotePolicies", "Reports", "Runs", "ServeCommands",
                "Serving",
                "StatefulTools", "Tensors", "Tokenization", "Tools", "Training", "UserRepair", "UserRunner",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Yams", package: "Yams"),
            ],
            linkerSettings: linkTorch),

        // Tests.
        .target(name: "TestSupport", dependencies: ["StatefulTools", "Tokenization"], path: "Tests/TestSupport"),
        .testTarget(
            name: "PythonSandboxTests", dependencies: ["PythonSandbox"], exclude: ["JudgeCases"]),
        .testTarget(
            name: "UserRunnerTests", dependencies: ["UserRunner"], exclude: ["RunnerCases", "runner_test.py"]),
        .testTarget(
            name: "UserRepairTests",
            dependencies: ["PythonRepair", "PythonSandbox", "StatefulTools", "UserRepair", "UserRunner"]),
        .testTarget(
            name: "StatefulToolsTests", dependencies: ["PythonSandbox", "StatefulTools", "TestSupport", "Tools"]),
        .testTarget(
            name: "PythonRepairTests", dependencies: ["PythonRepair", "PythonSandbox", "StatefulTools", "TestSupport"]),
        .testTarget(
            name: "CountdownTests", dependencies: ["Countdown", "PythonSandbox", "StatefulTools", "TestSupport"]),
        .testTarget(name: "RunsTests", dependencies: ["Runs", "StatefulTools", "TestSupport"]),
        .testTarget(
            name: "DemonstrationsTests",
            dependencies: ["Demonstrations", "PythonRepair", "PythonSandbox", "StatefulTools", "TestSupport", "Tools"]),
        .testTarget(
            name: "EvaluationTests",
            dependencies: [
                "Evaluation", "PythonRepair", "PythonSandbox", "Runs", "StatefulTools", "TestSupport", "Tools",
            ]),
        .testTarget(
            name: "CoeTests",
            dependencies: [
                "coe", "CommandSupport", "Demonstrations", "LanguageModels", "PythonRepair", "Runs", "StatefulTools",
                "Tensors", "TestSupport", "Tools", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            exclude: ["Clients"], linkerSettings: linkTorch),
        .testTarget(name: "TokenizationTests", dependencies: ["Tokenization"]),
        .testTarget(name: "TensorsTests", dependencies: ["Tensors", "TestSupport"], linkerSettings: linkTorch),
        .testTarget(
            name: "ServingTests",
            dependencies: [
                "PythonRepair", "PythonSandbox", "ServeCommands", "Serving", "StatefulTools", "TestSupport", "Tools",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOWebSocket", package: "swift-nio"),
            ],
            exclude: ["Clients"]),
        .testTarget(
            name: "ModelServingTests",
            dependencies: [
                "Benchmarks", "LanguageModels", "ModelServing", "PythonRepair", "PythonSandbox", "RemotePolicies",
                "ServeCommands", "Serving", "StatefulTools", "TestSupport", "Tokenization", "Tools",
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            exclude: ["Clients"], linkerSettings: linkTorch),
        .testTarget(
            name: "BenchmarksTests",
            dependencies: ["Benchmarks", "PythonSandbox", "Serving", "StatefulTools", "TestSupport", "Tools"],
            linkerSettings: linkTorch),
        .testTarget(
            name: "ReportsTests",
            dependencies: [
                "Evaluation", "PythonRepair", "PythonSandbox", "Reports", "Runs", "StatefulTools", "TestSupport",
                "Tools",
            ]),
        .testTarget(
            name: "LanguageModelsTests", dependencies: ["LanguageModels", "Tensors", "Tokenization", "TestSupport"],
            linkerSettings: linkTorch),
        .testTarget(
            name: "TrainingTests",
            dependencies: [
                "Training", "Demonstrations", "LanguageModels", "Policies", "PythonRepair", "PythonSandbox", "Runs",
                "StatefulTools", "Tensors", "TestSupport", "Tokenization", "Tools",
            ],
            linkerSettings: linkTorch),
        .testTarget(
            name: "PoliciesTests",
            dependencies: [
                "Policies", "LanguageModels", "PythonRepair", "StatefulTools", "Tokenization", "TestSupport",
            ],
            linkerSettings: linkTorch),
    ],
    cxxLanguageStandard: .cxx20
)

let cTargets: Set = ["CBuild", "CTorch", "CZlib"]
for target in package.targets where !cTargets.contains(target.name) {
    target.swiftSettings = [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .treatAllWarnings(as: .error),
    ]
}
