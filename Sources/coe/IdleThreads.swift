import Foundation

/// Makes libtorch's idle threads sleep instead of spin.
///
/// Programs run in the sandbox on the same cores as the model, and threads that spin beside a busy core make a matrix
/// product many times slower (LOG.md). OpenMP reads its wait policy while it is loaded, before `main`, so the process
/// starts itself again with the policy set; where that fails, it goes on as it is.
func startAgainWithSleepingThreads() {
    guard getenv("OMP_WAIT_POLICY") == nil else { return }
    setenv("OMP_WAIT_POLICY", "passive", 1)
    execv("/proc/self/exe", CommandLine.unsafeArgv)
}
