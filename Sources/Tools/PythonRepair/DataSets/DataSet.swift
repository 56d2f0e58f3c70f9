public import Foundation
import StatefulTools

/// A public data set that the project knows where to fetch; none is part of the project.
public struct DataSet: Hashable, Sendable {
    public var name: String
    /// Its file in ``folder``.
    public var file: String
    public var url: URL
    /// SHA-256 in hexadecimal; nil where no digest is published: the first fetch then records its own.
    public var digest: String?
    /// Where ``digest`` is published, or how ``url`` is pinned.
    public var source: String

    public init(name: String, file: String, url: URL, digest: String?, source: String) {
        self.name = name
        self.file = file
        self.url = url
        self.digest = digest
        self.source = source
    }

    public static let all = [
        DataSet(
            name: "mbpp", file: "mbpp.jsonl",
            url: URL(
                string: "https://raw.githubusercontent.com/google-research/google-research/master/mbpp/mbpp.jsonl")!,
            digest: "ccf64ceae9c5403bf50a044cb6d505bfd2a2963ee58338ba268fd65beab92a9f", source: huggingFace),
        DataSet(
            name: "mbpp-sanitized", file: "sanitized-mbpp.json",
            url: URL(
                string:
                    "https://raw.githubusercontent.com/google-research/google-research/master/mbpp/sanitized-mbpp.json")!,
            digest: "ca95deaa9a01ef0a6f439f88bcf0dd3db3563d22f22aad6cae04ebb9a8d8c8e9", source: huggingFace),
        DataSet(
            name: "humanevalfix", file: "humanevalpack-python.jsonl",
            url: URL(
                string:
                    "https://huggingface.co/datasets/bigcode/humanevalpack/resolve/7980d99405b56c9745d51040cabbd9e86a056397/data/python/data/humanevalpack.jsonl"
            )!,
            digest: nil, source: "the publisher's commit in the address"),
        DataSet(
            name: "quixbugs", file: "quixbugs.tar.gz",
            url: URL(string: "https://codeload.github.com/jkoppel/QuixBugs/tar.gz/refs/heads/master")!,
            digest: nil, source: "none: the branch may move"),
        DataSet(
            name: "debugbench", file: "debugbench.tar.gz",
            url: URL(
                string:
                    "https://codeload.github.com/thunlp/DebugBench/tar.gz/2761bab93c4c65351b19d0ef4a94b26abe47a185")!,
            digest: nil, source: "the publisher's commit in the address"),
    ]

    private static let huggingFace = "datasets/mbpp/dataset_infos.json of github.com/huggingface/datasets"

    /// `${COE_HOME:-~/.cache/coe}/data`
    public static var folder: URL { UserFolder.coe.appending(path: "data") }
}
