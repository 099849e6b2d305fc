import ArgumentParser
import Authentication
import Authorization
import LinuxIO
import Settings
import Supervisor

/// `sallyport check FILE`
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Checks a settings file and prints its routes as resolved.",
        discussion: """
            Every error of the file comes in one run, as FILE:LINE:COLUMN: error: MESSAGE on \
            standard error. The exit status is 0 when the file can be served, and 1 when not.
            """)

    @Argument(help: "The settings file.", completion: .file(extensions: ["yaml", "yml"]))
    var file: String

    @Flag(help: "Print one JSON object instead.")
    var json = false

    @Flag(help: "Treat warnings as errors.")
    var strict = false

    func run() throws {
        var settings: Settings
        do throws(SettingsError) {
            settings = try Settings.load(path: file)
        } catch {
            report(error)
            throw ExitCode.doesNotHold
        }
        try checkCertificates(&settings)
        report(settings)
        if strict, !settings.warnings.isEmpty { throw ExitCode.doesNotHold }
    }

    /// Reads the certificates as a start would; what they warn of joins the file's own warnings.
    private func checkCertificates(_ settings: inout Settings) throws {
        // Their place is the file as a whole: they lie in files of their own.
        func problem(_ severity: SettingsProblem.Severity, _ text: String) -> SettingsProblem {
            SettingsProblem(file: file, line: 1, column: 1, severity: severity, message: text)
        }
        let check: CertificateCheck
        do throws(SupervisorError) {
            check = try CertificateCheck(settings)
        } catch {
            StandardStream.error.writeLine("sallyport: \(error)")
            throw ExitCode.couldNotTell
        }
        settings.warnings += check.warnings.map { problem(.warning, $0) }
        guard !check.errors.isEmpty else { return }
        report(
            SettingsError(
                errors: check.errors.map { problem(.error, $0) }, warnings: settings.warnings))
        throw ExitCode.doesNotHold
    }

    private func report(_ settings: Settings) {
        let table = RouteTable(settings)
        if json {
            let object = JSONValue.object([
                ("holds", .bool(true)), ("routes", .list(table.rows.map(\.json))),
                ("errors", .list([])), ("warnings", .list(settings.warnings.map(\.json))),
            ])
            StandardStream.output.writeLine(object.line)
            return
        }
        for line in table.lines { StandardStream.output.writeLine(line) }
        StandardStream.output.writeLine("")
        StandardStream.output.writeLine("\(file) holds: \(summary(settings))")
        for warning in settings.warnings { StandardStream.error.writeLine(warning.description) }
    }

    private func summary(_ settings: Settings) -> String {
        let counts = [
            (settings.policy.routes.count, "route"), (settings.listeners.count, "listener"),
            (settings.authentication.issuers.count, "issuer"),
            (settings.rateLimits.count, "rate limit"), (settings.upstreams.count, "upstream"),
            (settings.warnings.count, "warning"),
        ]
        return counts.map { count, name in
            count == 1 ? "1 \(name)" : "\(count) \(name)s"
        }.joined(separator: ", ")
    }

    private func report(_ error: SettingsError) {
        if json {
            let object = JSONValue.object([
                ("holds", .bool(false)), ("routes", .list([])),
                ("errors", .list(error.errors.map(\.json))),
                ("warnings", .list(error.warnings.map(\.json))),
            ])
            StandardStream.output.writeLine(object.line)
            return
        }
        StandardStream.error.writeLine(error.description)
        for warning in error.warnings { StandardStream.error.writeLine(warning.description) }
        let count = error.errors.count
        StandardStream.error.writeLine(
            "\(file) does not hold: \(count == 1 ? "1 error" : "\(count) errors")")
    }
}

extension RouteTable.Row {
    /// The row as an object.
    var json: JSONValue {
        .object([
            ("order", .number(Int64(order))), ("name", .text(name)), ("host", .text(host)),
            ("path", .text(path)), ("methods", .texts(methods)), ("auth", .texts(issuers)),
            ("roles", .list(rules.map { .texts($0) })),
            ("certificates", .list(certificates.map { .texts($0) })), ("limits", .texts(limits)),
            ("upstream", .text(target)),
        ])
    }
}
