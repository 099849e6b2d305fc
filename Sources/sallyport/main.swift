import ArgumentParser

/// The proxy and its operator's commands.
struct Sallyport: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sallyport",
        abstract: "A secure API access proxy whose access log is evidence.",
        subcommands: [CheckCommand.self, ExplainCommand.self, KeygenCommand.self])
}

Sallyport.main()
