// swift-tools-version: 6.2
import PackageDescription

// The readers of files under libFuzzer, outside the products: see run. The sources are the project's own, by links.
let torch = Context.packageDirectory + "/../.torch"
/// libFuzzer without a main function of its own; run finds it in the toolchain.
let libFuzzer = Context.environment["LIBFUZZER"] ?? "libclang_rt.fuzzer_no_main.a"

let package = Package(
    name: "fuzz",
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
        .executableTarget(
            name: "Fuzz", dependencies: ["LanguageModels", "Tensors", "Tokenization"],
            linkerSettings: [
                .unsafeFlags(["-L\(torch)/lib", "-Xlinker", "-rpath", "-Xlinker", "\(torch)/lib"]),
                .unsafeFlags(["-Xlinker", libFuzzer]), .linkedLibrary("stdc++"),
            ]),
    ],
    cxxLanguageStandard: .cxx20
)

for target in package.targets where !target.name.hasPrefix("C") {
    target.swiftSettings = [
        .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"), .unsafeFlags(["-sanitize=fuzzer", "-O"]),
    ]
}
