public import Foundation
import StatefulTools

/// A Python file of the user: its text, how it is encoded, and the bytes that were read.
///
/// The text is without a byte order mark. What is written back has the file's own encoding, mark and permissions.
public struct UserProgram: Hashable, Sendable {
    /// The path without links.
    public let path: String
    /// The path as the user wrote it.
    public let name: String
    public let text: String
    /// The file's bytes when it was read.
    public let data: Data
    private let encoding: String.Encoding
    private let hasMark: Bool

    private static let mark = Data([0xEF, 0xBB, 0xBF])

    /// Reads a file.
    ///
    /// - Throws: ``UserProgramError`` for what is no Python program: a folder, a notebook, a binary, text in an encoding
    ///   that it does not declare.
    public init(reading name: String) throws(UserProgramError) {
        self.name = name
        path = URL(filePath: name).resolvingSymlinksInPath().path(percentEncoded: false)
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw UserProgramError("There is no file \(name).")
        }
        if isFolder.boolValue {
            throw UserProgramError("\(name) is a folder. Name one Python file; its tests may be a folder (--tests).")
        }
        if name.lowercased().hasSuffix(".ipynb") {
            throw UserProgramError(
                "\(name) is a notebook. Export it first: jupyter nbconvert --to script \(name)")
        }
        guard let data = FileManager.default.contents(atPath: path) else {
            throw UserProgramError("\(name) can't be read. Check its permissions.")
        }
        if data.contains(0) || data.starts(with: [0x7F, 0x45, 0x4C, 0x46]) {
            throw UserProgramError("\(name) is a binary file, not a Python program.")
        }
        self.data = data
        hasMark = data.starts(with: Self.mark)
        let body = hasMark ? data.dropFirst(3) : data
        let declared = Self.declaredEncoding(body)
        let encoding = hasMark ? String.Encoding.utf8 : Self.encodings[declared ?? "utf-8"]
        guard let encoding else {
            throw UserProgramError(
                "\(name) declares the encoding \(declared ?? ""), which coe does not know. Save it as UTF-8.")
        }
        let text = encoding == .utf8 ? String(validating: body, as: UTF8.self) : String(data: body, encoding: encoding)
        guard let text else {
            throw UserProgramError(
                "\(name) is not \(declared ?? "UTF-8") text. Save it as UTF-8, or declare its encoding in the first line: "
                    + "# -*- coding: latin-1 -*-")
        }
        if text.allSatisfy(\.isWhitespace) { throw UserProgramError("\(name) is empty: there is nothing to test.") }
        self.text = text
        self.encoding = encoding
    }

    /// Another text of the file in the file's own form; nil where its encoding lacks a character.
    public func encoded(_ text: String) -> Data? {
        guard let body = encoding == .utf8 ? Data(text.utf8) : text.data(using: encoding) else { return nil }
        return hasMark ? Self.mark + body : body
    }

    private static let encodings: [String: String.Encoding] = [
        "utf-8": .utf8, "utf8": .utf8, "utf-8-sig": .utf8, "ascii": .ascii, "us-ascii": .ascii, "latin-1": .isoLatin1,
        "latin1": .isoLatin1, "iso-8859-1": .isoLatin1, "iso8859-1": .isoLatin1, "l1": .isoLatin1,
        "iso-8859-2": .isoLatin2, "latin-2": .isoLatin2, "latin2": .isoLatin2, "cp1250": .windowsCP1250,
        "windows-1250": .windowsCP1250, "cp1251": .windowsCP1251, "windows-1251": .windowsCP1251,
        "cp1252": .windowsCP1252, "windows-1252": .windowsCP1252,
    ]

    /// The encoding that one of the first two lines declares (PEP 263).
    private static func declaredEncoding(_ data: Data) -> String? {
        for line in data.split(separator: 0x0A, maxSplits: 2, omittingEmptySubsequences: false).prefix(2) {
            let text = String(decoding: line, as: UTF8.self)
            if let match = text.firstMatch(of: /^[ \t\f]*#.*?coding[:=][ \t]*([-_.a-zA-Z0-9]+)/) {
                return match.1.lowercased().replacing("_", with: "-")
            }
            if !text.allSatisfy(\.isWhitespace), !text.drop(while: \.isWhitespace).hasPrefix("#") { return nil }
        }
        return nil
    }

    // MARK: - Writing

    /// Says before any work why a repair could not be written; nil where it can.
    public var obstacle: String? {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        let mode = (attributes?[.posixPermissions] as? Int) ?? 0o644
        let folder = URL(filePath: path).deletingLastPathComponent().path(percentEncoded: false)
        if mode & 0o222 == 0 || access(path, W_OK) != 0 {
            return "\(name) is read-only, so --apply can't write it. Make it writable: chmod u+w \(name)"
        }
        if access(folder, W_OK) != 0 { return "The folder of \(name) is read-only, so --apply can't write there." }
        return nil
    }

    /// Keeps the old file under a new name and puts the text in its place in one step.
    ///
    /// - Returns: the name of the old file's copy.
    /// - Throws: ``UserProgramError`` where the file has changed since it was read, and where it can't be written.
    public func replace(with text: String) throws(UserProgramError) -> String {
        guard let data = encoded(text) else {
            throw UserProgramError(
                "The repair holds characters that the encoding of \(name) lacks. Nothing was written.")
        }
        if let obstacle { throw UserProgramError(obstacle) }
        let manager = FileManager.default
        guard manager.contents(atPath: path) == self.data else {
            throw UserProgramError(
                "\(name) has changed since it was read. Nothing was written; run coe repair again, or apply the diff.")
        }
        let file = URL(filePath: path)
        // An older copy may be the only one of the first program.
        var copy = file.appendingPathExtension("orig")
        var number = 1
        while manager.fileExists(atPath: copy.path(percentEncoded: false)) {
            number += 1
            copy = file.appendingPathExtension("orig\(number)")
        }
        do {
            try manager.copyItem(at: file, to: copy)
            let permissions = try manager.attributesOfItem(atPath: path)[.posixPermissions]
            try data.write(to: file, options: .atomic)
            if let permissions { try manager.setAttributes([.posixPermissions: permissions], ofItemAtPath: path) }
        } catch {
            throw UserProgramError("\(name) can't be written: \(words(of: error))")
        }
        return copy.lastPathComponent
    }
}

/// Why a file can't be used as the program, or can't be written, as full sentences.
public struct UserProgramError: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}
