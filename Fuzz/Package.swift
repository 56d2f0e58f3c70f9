// swift-tools-version: 6.2
import PackageDescription

// What reads files, messages and requests, under libFuzzer; outside the products: see run. The sources are the project's
// own, by links.
let torch = Context.packageDirectory + "/../.torch"
/// libFuzzer without a main function of its own; run finds it in the toolchain.
let libFuzzer = Context.environment["LIBFUZZER"] ?? "libclang_rt.fuzzer_no_main.a"

func nio(_ name: String) -> Target.Dependency { .product(name: name, package: "swift-nio") }
let processes: [Target.Dependency] = [
    .product(name: "Subprocess", package: "swift-subprocess"), .product(name: "SystemPackage", package: "swift-system"),
]
func embedded(_ files: [String]) -> [Resource] { files.map { .embedInCode("Resources/\($0)") } }

let package = Package(
    name: "fuzz",
    dependencies: [
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    ],
    targets: [
        .target(name: "Tokenization"),
        .target(
            name: "CTorch",
            exclude: ["gloo"],
            cxxSettings: [
                .headerSearchPath("gloo"),
                .unsafeFlags(["-O2", "-I\(torch)/include", "-I\(torch)/include/torch/csrc/api/include"]),
            ],
            linkerSettings: [.linkedLibrary("torch_cpu"), .linkedLibrary("c10")]),
        .target(name: "Tensors", dependencies: ["CTorch"]),
        .target(name: "LanguageModels", dependencies: ["Tensors", "Tokenization"]),
        .target(
            name: "PythonSandbox", dependencies: processes,
            resources: embedded(
                ["wire", "program", "things", "tests", "asserts", "suites", "judge", "zygote"].map { "\($0).py" })),
        .target(
            name: "UserRunner", dependencies: processes,
            resources: embedded(
                ["boot", "layer", "outline", "plain", "pytest", "report", "syntax", "warm"].map { "runner_\($0).py" }
                    + ["runner.py"])),
        .target(name: "CBuild"),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib"),
        // Without digests of fetched files, which take BoringSSL.
        .target(
            name: "StatefulTools", dependencies: ["CBuild", "CZlib", "PythonSandbox"],
            exclude: ["Support/FileDigest.swift", "StatefulTools.docc"]),
        .target(name: "StarterTasks", resources: [.embedInCode("starter.jsonl")]),
        .target(
            name: "PythonRepair", dependencies: ["PythonSandbox", "StarterTasks", "StatefulTools"] + processes,
            exclude: ["DataSets/DataSet+Fetching.swift"], resources: embedded(["syntax.py"])),
        .target(name: "Countdown", dependencies: ["PythonSandbox", "StatefulTools"]),
        .target(name: "UserRepair", dependencies: ["PythonRepair", "PythonSandbox", "StatefulTools", "UserRunner"]),
        .target(name: "Runs", dependencies: ["StatefulTools"]),
        .target(name: "Demonstrations", dependencies: ["PythonSandbox", "StatefulTools"]),
        .target(name: "Evaluation", dependencies: ["PythonSandbox", "Runs", "StatefulTools"]),
        .target(
            name: "Reports", dependencies: ["Evaluation", "Runs", "StatefulTools"],
            resources: embedded(["report.css", "report.js"])),
        .target(
            name: "Serving",
            dependencies: [
                "PythonSandbox", "StatefulTools", nio("NIOCore"), nio("NIOPosix"), nio("NIOHTTP1"), nio("NIOWebSocket"),
            ],
            resources: embedded(["page.html", "schemas.json", "openapi.json", "tools.json", "environment.md"])),
        .target(
            name: "ModelServing",
            dependencies: [
                "LanguageModels", "Serving", "StatefulTools", "Tensors", "Tokenization", nio("NIOHTTP1"),
            ]),
        .executableTarget(
            name: "Fuzz",
            dependencies: [
                "Countdown", "Demonstrations", "Evaluation", "LanguageModels", "ModelServing", "PythonRepair",
                "PythonSandbox", "Reports", "Runs", "Serving", "StatefulTools", "Tensors", "Tokenization", "UserRepair",
                "UserRunner", nio("NIOCore"),
                nio("NIOEmbedded"), nio("NIOHTTP1"),
            ],
            linkerSettings: [
                .unsafeFlags(["-L\(torch)/lib", "-Xlinker", "-rpath", "-Xlinker", "\(torch)/lib"]),
                .unsafeFlags(["-Xlinker", libFuzzer]), .linkedLibrary("stdc++"),
            ]),
    ],
    cxxLanguageStandard: .cxx20
)

for target in package.targets where !["CBuild", "CTorch", "CZlib"].contains(target.name) {
    target.swiftSettings = [
        .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
    ]
}
