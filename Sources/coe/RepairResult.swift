import StatefulTools
import UserRunner

/// What `coe repair --json` prints.
struct RepairResult: Encodable {
    /// The best program that does not pass.
    struct Partial: Encodable {
        var diff: String
        var passing: Int
        var tests: Int
        /// Names of tests that still fail.
        var failing: [String]
    }

    var file: String
    var judge: String
    var repaired = false
    /// Whether the file passes now, or would pass with ``diff``.
    var passed = false
    var alreadyPassed = false
    var diff = ""
    /// The repaired program.
    var program: String?
    /// `suggestion` (the interpreter's own), or `model`.
    var by: String?
    var warnings: [String] = []
    /// Tests that the model did not see at first, and whether it saw them in the end.
    var heldBack: [String] = []
    var heldBackShown = false
    /// Why a program that passes was not accepted.
    var rejected: [String] = []
    var best: Partial?
    var hint: String?
    /// Why the program or its tests can't be used, and the exit code then.
    var error: String?
    var exitCode: Int?
    var seconds = 0.0
    var attempts: [Trace] = []
}
