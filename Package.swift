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
        .executable(name: "coe", targets: ["coe"]),
        .library(name: "ChainOfEdits", targets: ["LineEditor", "PythonSandbox", "RepairTasks", "Episodes"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.0"),
    ],
    targets: [
        .target(name: "LineEditor"),
        .testTarget(name: "LineEditorTests", dependencies: ["LineEditor"]),
    ]
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
