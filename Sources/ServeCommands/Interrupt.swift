import Foundation
import Synchronization

/// Ctrl-C: the first asks for an orderly end, the second ends the process at once.
package enum Interrupt {
    private static let count = Atomic<Int>(0)
    private static let action = Mutex<(@Sendable () -> Void)?>(nil)

    package static var isRequested: Bool { count.load(ordering: .relaxed) > 0 }

    /// Calls `body` at the first Ctrl-C, at once where that has come already.
    package static func onRequest(_ body: @escaping @Sendable () -> Void) {
        action.withLock { $0 = body }
        if isRequested { body() }
    }

    /// Ctrl-C ends the process at once with exit code 130, for commands that have nothing to save. Jails end with it.
    package static func stopAtOnce() {
        signal(SIGINT) { _ in
            // A status line may stand there.
            _ = write(STDERR_FILENO, "\n", 1)
            _exit(130)
        }
    }

    package static func catchFirst() {
        SignalPipe.watch([SIGINT]) { _, _ in
            if count.add(1, ordering: .relaxed).newValue > 1 { _exit(130) }
            action.withLock { $0 }?()
            Terminal.say("Finishing what runs and saving; Ctrl-C again stops at once.")
        }
    }
}
