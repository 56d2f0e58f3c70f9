import Foundation
import Testing

@testable import UserRepair

/// The user's file: how it is read, refused and written.
@Suite struct UserProgramTests {
    let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "coe-program-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    private func write(_ name: String, _ data: Data) throws -> String {
        let file = folder.appending(path: name)
        try data.write(to: file)
        return file.path(percentEncoded: false)
    }

    @Test func `a byte order mark, a coding cookie and line ends survive`() throws {
        let latin = "# -*- coding: latin-1 -*-\r\nNAME = \"Sch\u{F6}n\"\r\n"
        for (name, data) in [
            ("mark.py", Data([0xEF, 0xBB, 0xBF]) + Data("x = 'ö'\r\n".utf8)),
            ("latin.py", latin.data(using: .isoLatin1)!),
            ("second.py", "#!/usr/bin/python\n# coding=cp1252\nx = \"\u{20AC}\"\n".data(using: .windowsCP1252)!),
            ("plain.py", Data("x = 1".utf8)),
        ] {
            let path = try write(name, data)
            let program = try UserProgram(reading: path)
            #expect(!program.text.hasPrefix("\u{FEFF}"))
            #expect(program.encoded(program.text) == data, "\(name)")
            let copy = try program.replace(with: program.text + "y = 2\n")
            #expect(copy == name + ".orig")
            #expect(FileManager.default.contents(atPath: path) == data + Data("y = 2\n".utf8), "\(name)")
            #expect(FileManager.default.contents(atPath: path + ".orig") == data)
        }
    }

    @Test func `a character that the encoding lacks is not written`() throws {
        let path = try write("latin.py", Data("# coding: latin-1\nx = 1\n".utf8))
        let program = try UserProgram(reading: path)
        #expect(program.encoded("x = '\u{20AC}'") == nil)
        #expect(throws: UserProgramError.self) { try program.replace(with: "x = '\u{20AC}'") }
        #expect(FileManager.default.contents(atPath: path) == program.data)
    }

    @Test func `what is no program is refused with a sentence`() throws {
        let cases: [(String, Data, String)] = [
            ("a.ipynb", Data("{}".utf8), "notebook"), ("b.py", Data([0x7F, 0x45, 0x4C, 0x46, 1, 0]), "binary"),
            ("c.py", Data([0x78, 0xFF, 0xFE, 0x0A]), "not UTF-8"), ("d.py", Data(" \n".utf8), "is empty"),
            ("e.py", Data("# coding: klingon\n".utf8), "klingon"),
        ]
        for (name, data, fragment) in cases {
            let path = try write(name, data)
            do {
                _ = try UserProgram(reading: path)
                Issue.record("\(name) was read")
            } catch {
                #expect(error.description.contains(fragment), "\(error)")
                #expect(error.description.hasPrefix(path))
            }
        }
        #expect(throws: UserProgramError.self) {
            try UserProgram(reading: folder.path(percentEncoded: false))
        }
        #expect(throws: UserProgramError.self) { try UserProgram(reading: "no/such.py") }
    }

    @Test func `a file that changed, or is read-only, is not written`() throws {
        let path = try write("m.py", Data("x = 1\n".utf8))
        let program = try UserProgram(reading: path)
        try Data("x = 3\n".utf8).write(to: URL(filePath: path))
        #expect(throws: UserProgramError.self) { try program.replace(with: "x = 2\n") }
        #expect(FileManager.default.contents(atPath: path) == Data("x = 3\n".utf8))
        #expect(!FileManager.default.fileExists(atPath: path + ".orig"))
        try FileManager.default.setAttributes([.posixPermissions: 0o444], ofItemAtPath: path)
        let closed = try UserProgram(reading: path)
        #expect(closed.obstacle?.contains("read-only") == true)
        #expect(throws: UserProgramError.self) { try closed.replace(with: "x = 2\n") }
        #expect(FileManager.default.contents(atPath: path) == Data("x = 3\n".utf8))
    }

    @Test func `an older copy is kept, and the permissions`() throws {
        let path = try write("m.py", Data("x = 1\n".utf8))
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
        #expect(try UserProgram(reading: path).replace(with: "x = 2\n") == "m.py.orig")
        #expect(try UserProgram(reading: path).replace(with: "x = 3\n") == "m.py.orig2")
        #expect(FileManager.default.contents(atPath: path + ".orig") == Data("x = 1\n".utf8))
        #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o755)
    }
}
