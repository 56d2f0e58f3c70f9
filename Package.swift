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
            cxxSettings: [
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
                "RepairTasks",
                "Tensors", "Tokenization",
            ]),
        .target(name: "Evaluation", dependencies: ["Episodes", "LineEditor", "PythonSandbox", "RepairTasks"]),
        .executableTarget(
            name: "coe",
            dependencies: [
                "Demonstrations", "Evaluation", "Episodes", "LineEditor", "LanguageModels", "Policies", "PythonSandbox",
                "RepairTasks",
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
        .testTarget(name: "CoeTests", dependencies: ["coe", "RepairTasks", "TestSupport"], linkerSettings: linkTorch),
        .testTarget(name: "TokenizationTests", dependencies: ["Tokenization"]),
        .testTarget(name: "TensorsTests", dependencies: ["Tensors", "TestSupport"], linkerSettings: linkTorch),
        .testTarget(
            name: "LanguageModelsTests", dependencies: ["LanguageModels", "Tensors", "Tokenization", "TestSupport"],
            linkerSettings: linkTorch),
        .testTarget(
            name: "TrainingTests",
            dependencies: [
                "Training", "Demonstrations", "Episodes", "LanguageModels", "PythonSandbox", "RepairTasks", "Tensors",
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
