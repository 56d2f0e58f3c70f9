import Foundation
import LineEditor
import Testing

@Suite struct UnifiedDiffTests {
    @Test func `a changed line stands between its context`() {
        let diff = unifiedDiff(
            from: "1\n2\n3\n4\n5\n6\n7\n8\n9", to: "1\n2\n3\n4\nfive\n6\n7\n8\n9",
            oldName: "a.py", newName: "b.py")
        #expect(
            diff == """
                --- a.py
                +++ b.py
                @@ -2,7 +2,7 @@
                 2
                 3
                 4
                -5
                +five
                 6
                 7
                 8

                """)
    }

    @Test func `equal texts have no difference`() {
        #expect(unifiedDiff(from: "a\n", to: "a\n", oldName: "a", newName: "b") == "")
    }

    static let patch = ["/usr/bin/patch", "/bin/patch"].first { FileManager.default.isExecutableFile(atPath: $0) }

    @Test(.enabled(if: patch != nil, "there is no patch program"))
    func `patch makes the new text of the old one`() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "diff-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        var random = SplitMix64(seed: 7)
        let parts = ["a\n", "b\n", "c\r\n", "é\n", "\n", "d\re\n", "f"]
        for _ in 0..<60 {
            // Not empty: patch removes a file that becomes empty.
            let old = "0\n" + String.random(of: parts, upTo: 20, using: &random)
            var new = ProgramText(old)
            for _ in 0..<4 { try? new.apply(.random(lines: new.lines.count, using: &random)) }
            if new.text.isEmpty { continue }
            let diff = unifiedDiff(
                from: old, to: new.text, oldName: "a", newName: "b", context: Int.random(in: 0...3, using: &random))
            let file = folder.appending(path: "a")
            try Data(old.utf8).write(to: file)
            try Data(diff.utf8).write(to: folder.appending(path: "diff"))
            let process = Process()
            process.executableURL = URL(filePath: try #require(Self.patch))
            process.arguments = ["--batch", "--binary", "--input", "diff", "a"]
            process.currentDirectoryURL = folder
            process.standardOutput = Pipe()
            try process.run()
            process.waitUntilExit()
            if old == new.text { continue }  // patch calls an empty patch garbage
            #expect(process.terminationStatus == 0, "\(diff)")
            #expect(try Data(contentsOf: file) == Data(new.text.utf8), "\(diff)")
        }
    }
}
