import ArgumentParser
import AuditRecords
import AuditSegments
import LinuxIO
import Primitives
import Settings
import Supervisor

/// `sallyport erase --subject S --reason R --config FILE`
struct EraseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "erase",
        abstract: "Erases the keys of one subject, so that its sealed records can't be read again.",
        discussion: """
            The running proxy is asked through admin.socket; a stopped proxy's log is opened \
            instead. The log gains a record of who asked, why, and which keys are gone, not of \
            whose they were. Proofs still hold. Copies of the keyring are erased by whoever made \
            them.
            """)

    @Option(help: "The settings file.")
    var config: String
    @Option(help: "The subject, as the token or certificate named it.")
    var subject: String
    @Option(help: "Why, for the record; it must not name the subject.")
    var reason: String

    func validate() throws {
        guard !subject.isEmpty, !reason.isEmpty else {
            throw ValidationError("--subject and --reason are not empty")
        }
        guard !reason.contains(subject) else {
            throw ValidationError("--reason names the subject: it would stand in the log for good")
        }
    }

    func run() throws {
        let settings = try loadSettings(config)
        let request = LocalRequest.erase(subject: subject, reason: reason)
        if let admin = settings.admin, let answer = try AdminClient.ask(request, at: admin) {
            return try AdminClient.show(answer)
        }
        do throws(SupervisorError) {
            let keys = try StoppedLog(settings, build: Sallyport.version)
                .erase(subject: Array(subject.utf8), reason: reason)
            StandardStream.output.writeLine(EraseCommand.summary(keys))
        } catch {
            StandardStream.error.writeLine("sallyport: \(error)")
            throw ExitCode.doesNotHold
        }
    }

    /// What was erased, for people.
    static func summary(_ keys: [String]) -> String {
        guard !keys.isEmpty else { return "the subject had no keys; the request is recorded" }
        return "erased \(keys.count) keys: \(keys.joined(separator: " "))"
    }
}

/// `sallyport status --config FILE`
struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Asks the running proxy how it is, as one JSON object.")

    @Option(help: "The settings file.")
    var config: String

    func run() throws {
        guard let admin = try loadSettings(config).admin else {
            StandardStream.error.writeLine("sallyport: the settings have no admin.socket")
            throw ExitCode.couldNotTell
        }
        guard let answer = try AdminClient.ask(.status, at: admin) else {
            StandardStream.error.writeLine("sallyport: nobody listens at \(admin.socketPath)")
            throw ExitCode.couldNotTell
        }
        StandardStream.output.writeLine(String(decoding: answer, as: UTF8.self))
        guard CanonicalObject(answer).boolean("ok") == true else { throw ExitCode.doesNotHold }
    }
}

/// Asks a running proxy.
enum AdminClient {
    /// Longest answer, and how long it may take.
    private static let limitBytes = 1 << 20
    private static let patienceNanoseconds: UInt64 = 40_000_000_000

    /// The proxy's answer; nil when no proxy runs.
    static func ask(_ request: LocalRequest, at admin: AdminSettings) throws -> [UInt8]? {
        let deadline = SystemClock.monotonic().advanced(nanoseconds: patienceNanoseconds)
        let stream: LocalStream
        do throws(SystemError) {
            stream = try LocalStream.connect(path: admin.socketPath)
        } catch {
            if error.isMissingFile || error.isRefused { return nil }
            StandardStream.error.writeLine("sallyport: \(admin.socketPath): \(error)")
            throw ExitCode.couldNotTell
        }
        do throws(SystemError) {
            try stream.writeLine(request.line, until: deadline)
            if let answer = try stream.readLine(limitBytes: limitBytes, until: deadline) {
                return answer
            }
            StandardStream.error.writeLine("sallyport: the proxy ended without an answer")
        } catch {
            StandardStream.error.writeLine("sallyport: \(admin.socketPath): \(error)")
        }
        throw ExitCode.couldNotTell
    }

    /// Prints the answer to an erasure.
    static func show(_ answer: [UInt8]) throws {
        let object = CanonicalObject(answer)
        guard object.boolean("ok") == true else {
            StandardStream.error.writeLine(
                "sallyport: refused: \(object.string("error") ?? "no reason was given")")
            throw ExitCode.doesNotHold
        }
        StandardStream.output.writeLine(EraseCommand.summary(object.strings("keys") ?? []))
    }
}
