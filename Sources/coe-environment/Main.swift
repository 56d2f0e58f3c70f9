import ArgumentParser
import ServeCommands

/// The environment server as a program of its own, without libtorch: for containers.
@main enum Main {
    static func main() async { await ServeEnv.main() }
}
