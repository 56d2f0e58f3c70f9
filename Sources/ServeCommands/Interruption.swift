/// Ctrl-C ended a command that saved what it had; exit code 130.
package struct Interruption: Error, CustomStringConvertible {
    /// How to go on.
    package var description: String

    package init(_ description: String) { self.description = description }
}
