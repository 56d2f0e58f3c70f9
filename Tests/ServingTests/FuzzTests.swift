import Foundation
import TestSupport
import Testing

@testable import Serving

/// What Fuzz/run keeps, sent to a server on a socket: it answers to the end.
@Suite(.timeLimit(.minutes(2))) struct FuzzTests {
    private func inputs(_ reader: String) throws -> [[UInt8]] {
        let folder = URL(filePath: fixture("fuzz/\(reader)"))
        return try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            .map { [UInt8](try Data(contentsOf: $0)) }
    }

    @Test func `requests`() async throws {
        let inputs = try inputs("http")
        try await withEnvironment { server, _ in
            for bytes in inputs {
                let client = try await RawClient(port: server.port)
                // The server closes connections whose bytes are no requests.
                try? await client.send(bytes)
                _ = await client.receive(within: 0.02)
                await client.close()
            }
            #expect(try await request(server.port, "GET", "/health").status == 200)
        }
    }

    @Test func `WebSocket frames`() async throws {
        let inputs = try inputs("websocket")
        try await withEnvironment { server, environment in
            for bytes in inputs where !bytes.isEmpty {
                let client = try await SocketClient(port: server.port, path: bytes[0] & 1 == 1 ? "/mcp" : "/ws")
                try? await client.raw.send(Array(bytes.dropFirst()))
                _ = await client.raw.receive(within: 0.02)
                await client.raw.close()
            }
            #expect(try await request(server.port, "GET", "/health").status == 200)
        }
    }
}
