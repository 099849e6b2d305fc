import ArgumentParser
import LinuxIO
import Settings
import Supervisor

/// Runs the proxy in the foreground until a signal ends it.
struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Run the proxy until SIGTERM or SIGINT.",
        discussion: """
            A first signal drains: requests under way end well. A second one stops at once. \
            Nothing is served without its audit log.
            """)

    @Option(name: .long, help: "The settings file.")
    var config: String

    func run() throws {
        try ServeCommand.serve(try loadSettings(config)) { _ in }
    }

    /// Serves until a signal ends the process; a failure is printed, and ends the command.
    static func serve(
        _ settings: Settings, listening: ([ListenerSet.Bound]) -> Void
    ) throws {
        do throws(SupervisorError) {
            let supervisor = try Supervisor(settings, build: Sallyport.version)
            try supervisor.run(listening: listening)
        } catch {
            StandardStream.error.writeLine("sallyport: \(error)")
            throw ExitCode.doesNotHold
        }
    }
}
