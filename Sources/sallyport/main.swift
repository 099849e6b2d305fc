import ArgumentParser
import TLS

/// The proxy and its operator's commands.
struct Sallyport: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sallyport",
        abstract: "A secure API access proxy whose access log is evidence.",
        version: version,
        subcommands: [
            ServeCommand.self, CheckCommand.self, ExplainCommand.self, KeygenCommand.self,
            HoldCommand.self, EraseCommand.self, StatusCommand.self, SignerCommand.self,
            DemoCommand.self,
        ])

    /// What the log's segments name as the program that wrote them.
    static let version = "0.1.0"
}

// Refused only where OpenSSL was used before: then every request costs two calls of malloc more.
_ = RecordMemory.keepBuffers()
Sallyport.main()
