internal import Foundation

/// Makes libtorch's idle threads sleep after some microseconds instead of spinning on.
///
/// Programs run in the sandbox on the same cores as the model. Threads that spin beside a busy core make a matrix
/// product many times slower; threads that sleep at once are woken for each of a token's two hundred products (LOG.md).
/// OpenMP reads its wait policy while it is loaded, before `main`, so the process starts itself again with the policy set;
/// where that fails, it goes on as it is.
package func startAgainWithSleepingThreads() {
    guard getenv("OMP_WAIT_POLICY") == nil else { return }
    setenv("OMP_WAIT_POLICY", "passive", 1)
    // Rounds of a loop, of which libgomp does about one a nanosecond.
    setenv("GOMP_SPINCOUNT", "3000", 0)
    execv("/proc/self/exe", CommandLine.unsafeArgv)
}
