import ArgumentParser
import LinuxIO
import Primitives
import Settings
import Supervisor

/// Runs the proxy in the foreground until a signal ends it.
struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Run the proxy until SIGTERM or SIGINT.",
        discussion: """
            A first signal drains: requests under way end well. A second one stops at once. SIGHUP \
            takes the settings from the file again, without touching a request. \
            Nothing is served without its audit log.
            """)

    @Option(name: .long, help: "The settings file.")
    var config: String

    func run() throws {
        try ServeCommand.serve(config) { _ in }
    }

    /// Serves by the settings at `path` until a signal ends the process; a failure is printed, and
    /// ends the command.
    static func serve(
        _ path: String, listening: ([ListenerSet.Bound]) -> Void
    ) throws {
        let settings = try loadSettings(path)
        do throws(SupervisorError) {
            let supervisor = try Supervisor(
                settings, build: Sallyport.version
            ) { (generation) throws(SettingsError) -> Settings in
                try Settings.load(path: path, generation: generation)
            }
            try supervisor.run(listening: listening)
        } catch {
            StandardStream.error.writeLine("sallyport: \(error)")
            throw ExitCode.doesNotHold
        }
    }
}
