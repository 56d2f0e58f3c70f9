import Foundation
import TestSupport
import Testing

@testable import ModelServing
@testable import Serving

/// What Fuzz/run keeps: each request is read or refused, none crashes or hangs.
@Suite(.timeLimit(.minutes(1))) struct FuzzTests {
    @Test func `bodies of generation requests`() throws {
        let folder = URL(filePath: fixture("fuzz/completion"))
        for file in try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil) {
            _ = try? decodeRequest(GenerationRequest.self, Data(contentsOf: file))
        }
    }
}
