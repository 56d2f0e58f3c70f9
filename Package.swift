// swift-tools-version: 6.2
import PackageDescription

// libtorch is the C++ library inside the `torch` Python wheel; `scripts/bootstrap` links .torch to that folder.
let torch = Context.packageDirectory + "/.torch"
let linkTorch: [LinkerSetting] = [
    .unsafeFlags(["-L\(torch)/lib", "-Xlinker", "-rpath", "-Xlinker", "\(torch)/lib"])
]

let package = Package(
    name: "chain-of-edits",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    ],
    targets: [
        // The environment: these build without libtorch.
        .target(name: "LineEditor"),
        .target(
            name: "PythonSandbox",
            dependencies: [
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            resources: ["peer", "program", "suites", "judge", "zygote"].map { .embedInCode("Resources/\($0).py") }),
        .target(
            name: "RepairTasks",
            dependencies: [
                "LineEditor", "PythonSandbox", .product(name: "Subprocess", package: "swift-subprocess"),
            ],
            resources: [.embedInCode("Resources/syntax.py"), .embedInCode("Resources/starter.jsonl")]),
        .target(name: "Episodes", dependencies: ["LineEditor", "PythonSandbox", "RepairTasks"]),
        .target(name: "Tokenization"),

        // The engine.
        .target(
            name: "CTorch",
            exclude: ["gloo"],
            cxxSettings: [
                .headerSearchPath("gloo"),
                .headerSearchPath("../../.torch/include"),
                .headerSearchPath("../../.torch/include/torch/csrc/api/include"),
            ],
            linkerSettings: [.linkedLibrary("torch_cpu"), .linkedLibrary("c10")]),
        .target(name: "Tensors", dependencies: ["CTorch"]),
        .target(name: "LanguageModels", dependencies: ["Tensors", "Tokenization"]),
        .target(
            name: "Policies", dependencies: ["Episodes", "LanguageModels", "LineEditor", "Tensors", "Tokenization"]),

        // What is built from both.
        .target(name: "Demonstrations", dependencies: ["Episodes", "LineEditor", "PythonSandbox", "RepairTasks"]),
        .target(
            name: "Training",
            dependencies: [
                "Demonstrations", "Episodes", "LanguageModels", "LineEditor", "Policies", "PythonSandbox",
                "RepairTasks", "Reports",
                "Tensors", "Tokenization",
            ]),
        .target(name: "Evaluation", dependencies: ["Episodes", "LineEditor", "PythonSandbox", "RepairTasks"]),
        // Servers and clients. Serving, RemotePolicies and ServeCommands build without libtorch.
        .target(
            name: "Serving",
            dependencies: [
                "Episodes", "LineEditor", "PythonSandbox", "RepairTasks",
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOWebSocket", package: "swift-nio"),
            ],
            resources: ["page.html", "schemas.json", "openapi.json", "tools.json", "environment.md"].map {
                .embedInCode("Resources/\($0)")
            }),
        .target(
            name: "RemotePolicies",
            dependencies: [
                "Episodes", "LineEditor", .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
            ]),
        .target(
            name: "ServeCommands",
            dependencies: [
                "Episodes", "PythonSandbox", "RepairTasks", "Serving",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        .target(
            name: "ModelServing",
            dependencies: [
                "Episodes", "LanguageModels", "Serving", "Tensors", "Tokenization",
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ]),
        .executableTarget(
            name: "coe-environment",
            dependencies: ["ServeCommands", .product(name: "ArgumentParser", package: "swift-argument-parser")]),
        .target(
            name: "Reports", dependencies: ["Episodes", "Evaluation", "LineEditor", "PythonSandbox", "RepairTasks"],
            resources: [.embedInCode("Resources/report.css"), .embedInCode("Resources/report.js")]),
        .executableTarget(
            name: "coe",
            dependencies: [
                "Demonstrations", "Evaluation", "Episodes", "LineEditor", "LanguageModels", "Policies", "PythonSandbox",
                "RepairTasks", "ModelServing", "RemotePolicies", "Reports", "ServeCommands", "Serving",
                "Tensors", "Tokenization", "Training",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            linkerSettings: linkTorch),

        // Tests.
        .target(name: "TestSupport", dependencies: ["Tokenization"], path: "Tests/TestSupport"),
        .testTarget(name: "LineEditorTests", dependencies: ["LineEditor"]),
        .testTarget(name: "PythonSandboxTests", dependencies: ["PythonSandbox"]),
        .testTarget(name: "RepairTasksTests", dependencies: ["LineEditor", "RepairTasks", "PythonSandbox"]),
        .testTarget(
            name: "DemonstrationsTests",
            dependencies: ["Demonstrations", "Episodes", "LineEditor", "PythonSandbox", "RepairTasks"]),
        .testTarget(name: "EpisodesTests", dependencies: ["Episodes", "LineEditor", "PythonSandbox", "RepairTasks"]),
        .testTarget(
            name: "EvaluationTests",
            dependencies: ["Evaluation", "Episodes", "LineEditor", "PythonSandbox", "RepairTasks"]),
        .testTarget(
            name: "CoeTests",
            dependencies: ["coe", "Episodes", "LanguageModels", "RepairTasks", "Tensors", "TestSupport"],
            linkerSettings: linkTorch),
        .testTarget(name: "TokenizationTests", dependencies: ["Tokenization"]),
        .testTarget(name: "TensorsTests", dependencies: ["Tensors", "TestSupport"], linkerSettings: linkTorch),
        .testTarget(
            name: "ServingTests",
            dependencies: [
                "Serving", "ServeCommands", "Episodes", "LineEditor", "PythonSandbox", "RepairTasks", "TestSupport",
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOWebSocket", package: "swift-nio"),
            ],
            exclude: ["Clients"]),
        .testTarget(
            name: "ModelServingTests",
            dependencies: [
                "ModelServing", "RemotePolicies", "ServeCommands", "Serving", "Episodes", "LanguageModels",
                "PythonSandbox",
                "RepairTasks", "TestSupport", "Tokenization", .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            exclude: ["Clients"], linkerSettings: linkTorch),
        .testTarget(
            name: "ReportsTests",
            dependencies: ["Reports", "Episodes", "Evaluation", "LineEditor", "PythonSandbox", "RepairTasks"]),
        .testTarget(
            name: "LanguageModelsTests", dependencies: ["LanguageModels", "Tensors", "Tokenization", "TestSupport"],
            linkerSettings: linkTorch),
        .testTarget(
            name: "TrainingTests",
            dependencies: [
                "Training", "Demonstrations", "Episodes", "LanguageModels", "LineEditor", "Policies", "PythonSandbox",
                "RepairTasks", "Tensors",
                "TestSupport", "Tokenization",
            ],
            linkerSettings: linkTorch),
        .testTarget(
            name: "PoliciesTests",
            dependencies: ["Policies", "Episodes", "LanguageModels", "LineEditor", "Tokenization", "TestSupport"],
            linkerSettings: linkTorch),
    ],
    cxxLanguageStandard: .cxx20
)

for target in package.targets where !target.name.hasPrefix("C") {
    target.swiftSettings = [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .treatAllWarnings(as: .error),
    ]
}
