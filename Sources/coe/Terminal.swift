import Foundation
import RepairTasks
import Synchronization

/// Text for people, on standard error; colours only on a terminal.
enum Terminal {
    static let hasColour = isatty(STDERR_FILENO) == 1 && ProcessInfo.processInfo.environment["NO_COLOR"] == nil

    static func say(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }

    enum Colour: Int {
        case red = 31
        case green = 32
        case grey = 90
    }

    static func paint(_ text: String, _ colour: Colour) -> String {
        hasColour ? "\u{1B}[\(colour.rawValue)m\(text)\u{1B}[0m" : text
    }

    /// One JSON object on one line of standard output.
    static func printJSON(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        FileHandle.standardOutput.write(try encoder.encode(value) + [0x0A])
    }
}

/// Ctrl-C: the first asks for an orderly end, the second ends at once.
enum Interrupt {
    private static let count = Atomic<Int>(0)
    /// Held so that it keeps listening; set once, before anything else runs.
    nonisolated(unsafe) private static var source: (any DispatchSourceSignal)?

    static var isRequested: Bool { count.load(ordering: .relaxed) > 0 }

    static func catchFirst() {
        signal(SIGINT, SIG_IGN)
        let handler = DispatchSource.makeSignalSource(signal: SIGINT)
        handler.setEventHandler {
            if count.add(1, ordering: .relaxed).newValue > 1 { _exit(130) }
            Terminal.say("Finishing what runs and saving; Ctrl-C again stops at once.")
        }
        handler.resume()
        source = handler
    }
}
