import Foundation
import StatefulTools
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
        var random = SeededGenerator(seed: 7)
        let parts = ["a\n", "b\n", "c\r\n", "é\n", "\n", "d\re\n"]
        for _ in 0..<60 {
            // Not empty: patch removes a file that becomes empty.
            let old = ["0\n"] + (0..<random.below(21)).compactMap { _ in random.element(of: parts) }
            var new = old
            for _ in 0..<4 {
                let place = random.below(new.count)
                switch random.below(3) {
                case 0 where new.count > 1: new.remove(at: place)
                case 1: new[place] = random.element(of: parts) ?? ""
                default: new.insert(random.element(of: parts) ?? "", at: place)
                }
            }
            let ends = [random.chance(0.3) ? "f" : "", random.chance(0.3) ? "f" : ""]
            let (before, after) = (old.joined() + ends[0], new.joined() + ends[1])
            let diff = unifiedDiff(from: before, to: after, oldName: "a", newName: "b", context: random.below(4))
            let file = folder.appending(path: "a")
            try Data(before.utf8).write(to: file)
            try Data(diff.utf8).write(to: folder.appending(path: "diff"))
            let process = Process()
            process.executableURL = URL(filePath: try #require(Self.patch))
            process.arguments = ["--batch", "--binary", "--input", "diff", "a"]
            process.currentDirectoryURL = folder
            process.standardOutput = Pipe()
            try process.run()
            process.waitUntilExit()
            if before == after { continue }  // patch calls an empty patch garbage
            #expect(process.terminationStatus == 0, "\(diff)")
            #expect(try Data(contentsOf: file) == Data(after.utf8), "\(diff)")
        }
    }
}
