internal import AsyncHTTPClient
internal import Foundation
internal import NIOCore
internal import NIOHTTP1
internal import StatefulTools

extension HubModel {
    /// How far a download is: the file, its bytes so far and in all.
    package typealias Progress = @Sendable (_ file: String, _ bytes: Int, _ of: Int?) -> Void

    /// Fetches what the model needs from the hub (`$HF_ENDPOINT`, or huggingface.co) into the cache, in the layout of the
    /// hub's own clients. Files that are there already are not fetched again.
    ///
    /// - Throws: `PolicyError` with code `unavailable` and what the hub said.
    package func fetch(_ progress: Progress) async throws {
        let environment = ProcessInfo.processInfo.environment
        var endpoint = environment["HF_ENDPOINT"] ?? "https://huggingface.co"
        while endpoint.hasSuffix("/") { endpoint.removeLast() }
        let hub = Hub(endpoint: endpoint, token: environment["HF_TOKEN"])
        struct Listing: Decodable {
            struct File: Decodable { var rfilename: String }
            var sha: String
            var siblings: [File]
        }
        let answer = try await hub.get("/api/models/\(repository)/revision/main")
        let listing: Listing
        do {
            listing = try JSONDecoder().decode(Listing.self, from: answer)
        } catch {
            throw PolicyError(.unavailable, "\(endpoint) answered something else than a list of files.")
        }
        let files = listing.siblings.map(\.rfilename)
        guard let chosen = try choice(of: files) else {
            throw PolicyError(
                .unavailable, "\(repository) has no weights" + (part.map { " with \($0)" } ?? "") + " that coe reads.")
        }
        let wanted = chosen.isEmpty ? files.filter(Self.belongsToModel) : [chosen]
        for file in wanted {
            try await hub.fetch(file, of: repository, at: listing.sha, into: folder, progress)
        }
        let references = folder.appending(path: "refs")
        try FileManager.default.createDirectory(at: references, withIntermediateDirectories: true)
        try Data(listing.sha.utf8).write(to: references.appending(path: "main"), options: .atomic)
    }

    /// Configuration, tokenizer and weights, without other formats of the same weights.
    private static func belongsToModel(_ file: String) -> Bool {
        if file.contains("/") { return false }
        return file.hasSuffix(".safetensors") || file.hasSuffix(".json") || file == "merges.txt"
            || file.hasSuffix(".jinja")
    }
}

/// Requests to a hub.
private struct Hub {
    var endpoint: String
    var token: String?

    private func request(_ path: String) -> HTTPClientRequest {
        let place = path.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed) ?? path
        var request = HTTPClientRequest(url: endpoint + place)
        request.headers.add(name: "user-agent", value: "coe/\(Build.version)")
        if let token { request.headers.add(name: "authorization", value: "Bearer \(token)") }
        return request
    }

    private func send(_ path: String) async throws -> HTTPClientResponse {
        let response: HTTPClientResponse
        do {
            response = try await HTTPClient.shared.execute(request(path), timeout: .hours(6))
        } catch {
            throw PolicyError(.unavailable, "\(endpoint) can't be reached: \(error)")
        }
        guard response.status == .ok else {
            let hint =
                [.unauthorized, .forbidden, .notFound].contains(response.status)
                ? " The name may be wrong, or the model asks for a token in HF_TOKEN." : ""
            throw PolicyError(.unavailable, "\(endpoint)\(path): the hub answered \(response.status).\(hint)")
        }
        return response
    }

    func get(_ path: String) async throws -> Data {
        Data(try await send(path).body.collect(upTo: 64 << 20).readableBytesView)
    }

    /// One file: the bytes into `blobs`, and a link to them into the snapshot.
    func fetch(
        _ file: String, of repository: String, at commit: String, into folder: URL, _ progress: HubModel.Progress
    ) async throws {
        let files = FileManager.default
        let link = folder.appending(path: "snapshots/\(commit)/\(file)")
        if files.fileExists(atPath: link.path(percentEncoded: false)) { return }
        let response = try await send("/\(repository)/resolve/\(commit)/\(file)")
        let total = response.headers.first(name: "content-length").flatMap { Int($0) }
        let blobs = folder.appending(path: "blobs")
        for place in [blobs, link.deletingLastPathComponent()] {
            try files.createDirectory(at: place, withIntermediateDirectories: true)
        }
        let partial = blobs.appending(path: "\(UUID()).incomplete")
        defer { try? files.removeItem(at: partial) }
        try Data().write(to: partial)
        let handle = try FileHandle(forWritingTo: partial)
        var bytes = 0
        for try await piece in response.body {
            try handle.write(contentsOf: Data(piece.readableBytesView))
            bytes += piece.readableBytes
            progress(file, bytes, total)
        }
        try handle.close()
        if let total, total != bytes {
            throw PolicyError(.unavailable, "\(file) broke off after \(bytes) of \(total) bytes; fetch it again.")
        }
        let digest = try FileDigest.sha256(of: partial)
        if let tag = response.etag, tag.count == 64, tag != digest {
            throw PolicyError(
                .unavailable, "\(file) has the SHA-256 \(digest), and the hub names \(tag); nothing was kept.")
        }
        let blob = blobs.appending(path: response.etag ?? digest)
        if !files.fileExists(atPath: blob.path(percentEncoded: false)) { try files.moveItem(at: partial, to: blob) }
        let up = String(repeating: "../", count: 2 + file.count { $0 == "/" })
        try files.createSymbolicLink(
            atPath: link.path(percentEncoded: false), withDestinationPath: "\(up)blobs/\(blob.lastPathComponent)")
    }
}

extension HTTPClientResponse {
    /// The hub's name for the bytes: a SHA-256 for large files, git's for others.
    fileprivate var etag: String? {
        let named = headers.first(name: "x-linked-etag") ?? headers.first(name: "etag")
        let tag = named?.replacing("W/", with: "").filter { $0 != "\"" }
        guard let tag, !tag.isEmpty, tag.allSatisfy(\.isHexDigit) else { return nil }
        return tag
    }
}
