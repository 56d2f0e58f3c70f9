/// A sentence about what the user gave; exit code 2.
package struct UsageError: Error, CustomStringConvertible {
    package var description: String

    package init(_ description: String) { self.description = description }
}
