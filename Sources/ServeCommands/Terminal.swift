import Foundation

/// Text for people, on standard error; colours only on a terminal.
package enum Terminal {
    package static let isTerminal = isatty(STDERR_FILENO) == 1
    package static let hasColour = isTerminal && ProcessInfo.processInfo.environment["NO_COLOR"] == nil

    package static func say(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }

    package enum Colour: Int {
        case red = 31
        case green = 32
        case grey = 90
    }

    package static func paint(_ text: String, _ colour: Colour) -> String {
        hasColour ? "\u{1B}[\(colour.rawValue)m\(text)\u{1B}[0m" : text
    }

    /// Prints one JSON object on one line of standard output.
    package static func printJSON(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        FileHandle.standardOutput.write(try encoder.encode(value) + [0x0A])
    }
}
