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
    products: [
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.0"),
    ],
    targets: [
        .target(
            name: "CTorch",
            cxxSettings: [
                .headerSearchPath("../../.torch/include"),
                .headerSearchPath("../../.torch/include/torch/csrc/api/include"),
            ],
            linkerSettings: [.linkedLibrary("torch_cpu"), .linkedLibrary("c10")]),
        .target(name: "Tensors", dependencies: ["CTorch"]),
        .target(name: "TestSupport", path: "Tests/TestSupport"),
        .target(name: "Tokenization"),
        .testTarget(name: "TokenizationTests", dependencies: ["Tokenization"]),
        .target(name: "LanguageModels", dependencies: ["Tensors", "Tokenization"]),
        .testTarget(name: "LanguageModelsTests", dependencies: ["LanguageModels", "Tensors", "TestSupport"], linkerSettings: linkTorch),
        .testTarget(name: "TensorsTests", dependencies: ["Tensors", "TestSupport"], linkerSettings: linkTorch),
    ],
    cxxLanguageStandard: .cxx20
)

for target in package.targets {
    var settings = target.swiftSettings ?? []
    settings += [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
    ]
    target.swiftSettings = settings
}
