import Foundation
package import StatefulTools
import Synchronization

/// Results go to standard output, progress and prose to standard error. With `--json`, standard output holds JSON alone.
///
/// Whatever a text holds, only ``paint(_:_:)`` acts on the terminal.
package enum Terminal {
    private static let environment = ProcessInfo.processInfo.environment
    /// A terminal that can't move its cursor shows plain lines.
    private static let isDumb = environment["TERM"] == "dumb"
    private static let mayColour = !isDumb && environment["NO_COLOR", default: ""].isEmpty

    /// `coe --quiet`: no progress and no prose, only results and errors.
    private static let isQuiet = CommandLine.arguments.dropFirst().contains("--quiet")

    /// Whether standard error is a terminal on which a line can be written over.
    package static let isTerminal = isatty(STDERR_FILENO) == 1 && !isDumb
    /// Whether a line there shows progress.
    package static let showsProgress = isTerminal && !isQuiet
    /// Whether standard error takes colours.
    package static let hasColour = isTerminal && mayColour
    /// Whether standard output is a terminal on which text can be paged.
    package static let isResultTerminal = isatty(STDOUT_FILENO) == 1 && !isDumb
    /// Whether standard output takes colours.
    package static let hasResultColour = isResultTerminal && mayColour

    /// Columns of the terminal at standard error; 80 where it does not say.
    package static var columns: Int { columns(of: STDERR_FILENO) }
    /// Columns of the terminal at standard output; 80 where it does not say.
    package static var resultColumns: Int { columns(of: STDOUT_FILENO) }

    /// Rows of the terminal at standard error; 24 where it does not say.
    private static var rows: Int { size(of: STDERR_FILENO).map { Int($0.ws_row) } ?? 24 }

    private static func columns(of descriptor: CInt) -> Int { size(of: descriptor).map { Int($0.ws_col) } ?? 80 }

    private static func size(of descriptor: CInt) -> winsize? {
        var size = winsize()
        let known = ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 && size.ws_row > 0
        return known ? size : nil
    }

    /// Progress and prose, on standard error; a terminal gets its long lines broken between words.
    package static func say(_ text: String) {
        if !isQuiet { complain(text) }
    }

    /// An error, on standard error, also with `--quiet`.
    package static func complain(_ text: String) {
        let shown = TerminalText.render(text + "\n", hasColour: hasColour)
        let wrapped = isTerminal ? TerminalText.wrap(shown, columns: columns) : shown
        pinned.withLock { write(erasure($0) + wrapped + $0.joined(), to: STDERR_FILENO) }
    }

    /// The lines at the bottom of the terminal as they are written, each with its line break.
    private static let pinned = Mutex<[String]>([])

    /// What takes them away. The cursor is below them.
    private static func erasure(_ lines: [String]) -> String { lines.isEmpty ? "" : "\u{1B}[\(lines.count)A\r\u{1B}[J" }

    /// Keeps lines at the bottom of the terminal at standard error, in place of those before; what is said scrolls away
    /// above them. They are cut where the terminal ends.
    package static func pin(_ lines: [(text: String, style: TerminalText.Style?)]) {
        guard showsProgress else { return }
        let (columns, rows) = (columns, rows)
        let shown = lines.prefix(max(1, rows - 1)).map { text, style in
            let line = String(TerminalText.visible(text).prefix(max(1, columns - 1)))
            return TerminalText.render(style.map { paint(line, $0) } ?? line, hasColour: hasColour) + "\n"
        }
        pinned.withLock { pinned in
            write(erasure(pinned) + shown.joined(), to: STDERR_FILENO)
            pinned = shown
        }
    }

    /// Leaves the pinned lines where they are: what is said next comes below them.
    package static func unpin() { pinned.withLock { $0 = [] } }

    /// Writes over the line at the cursor, on standard error.
    package static func overwrite(_ text: String) {
        if isQuiet { return }
        write("\r\u{1B}[K" + TerminalText.render(text, hasColour: hasColour), to: STDERR_FILENO)
    }

    /// A part of a command's result, on standard output; on standard error where that holds JSON.
    ///
    /// - Parameter isProse: Whether a terminal gets its long lines broken between words. A patch must stay as it is.
    package static func show(_ text: String, json: Bool = false, isProse: Bool = false) {
        if json { return say(text) }
        let shown = TerminalText.render(text + "\n", hasColour: hasResultColour)
        let wraps = isProse && isResultTerminal
        write(wraps ? TerminalText.wrap(shown, columns: resultColumns) : shown, to: STDOUT_FILENO)
    }

    /// A text in a colour, where the stream that it goes to takes colours.
    package static func paint(_ text: String, _ style: TerminalText.Style) -> String {
        TerminalText.paint(text, style)
    }

    /// Prints one JSON object on one line of standard output.
    package static func printJSON(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let json = String(decoding: try encoder.encode(value), as: UTF8.self)
        write(TerminalText.visible(json: json) + "\n", to: STDOUT_FILENO)
    }

    /// Writes all of the text as it is. A reader that has left (`coe trace RUN | head`) ends the process, as it ends others.
    package static func write(_ text: String, to descriptor: CInt) {
        var left = Array(text.utf8)[...]
        while !left.isEmpty {
            let count = left.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                left = left.dropFirst(count)
            } else if errno == EPIPE {
                signal(SIGPIPE, SIG_DFL)
                raise(SIGPIPE)
                _exit(141)
            } else if errno != EINTR && errno != EAGAIN {
                return
            }
        }
    }
}
