/// How a sandbox is set up.
public struct SandboxConfiguration: Hashable, Sendable {
    /// The Python interpreter, as a path or a name on `PATH`.
    public var interpreter: String
    /// The number of jobs that run at once; the number of cores when nil.
    public var workers: Int?
    /// Whether the interpreter's site-packages are visible (read only), for files that import numpy or pytest.
    public var sitePackages: Bool
    /// Runs programs without the jail. Resource limits remain; files, network and processes of the user are open to them.
    public var unsafeNoSandbox: Bool

    /// Makes a configuration.
    public init(
        interpreter: String = "python3", workers: Int? = nil, sitePackages: Bool = false, unsafeNoSandbox: Bool = false
    ) {
        self.interpreter = interpreter
        self.workers = workers
        self.sitePackages = sitePackages
        self.unsafeNoSandbox = unsafeNoSandbox
    }

    /// `python3`, one worker a core, no site-packages, the whole jail.
    public static let `default` = SandboxConfiguration()
}
