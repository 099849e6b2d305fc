import ArgumentParser
import AuditRecords
import AuditSegments
import LinuxIO
import Primitives
import Settings

/// `sallyport hold DIRECTORY`
struct HoldCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hold",
        abstract: "Sets, releases and lists legal holds on the audit log.",
        discussion: """
            A hold keeps records from being deleted by audit.retain, and subjects from being \
            erased. With --config a running proxy is asked through admin.socket, and answers when \
            the hold is in force and in a record. Otherwise the files are changed: the hold is in \
            force at once, also while the proxy runs, which records within a minute which holds \
            there are; a stopped one records it when it starts.
            """)

    @Argument(help: "The proxy's audit folder: the hold is on all logs in it.")
    var directory: String?

    @Option(help: "The settings file, instead of the folder.")
    var config: String?

    @Option(help: "The name of a hold to set, such as a file number.")
    var add: String?

    @Option(help: "Who sets it; recorded as said.")
    var by: String?

    @Option(help: "Index of the first record to hold; without it, all are held.")
    var from: UInt64 = 0

    @Option(help: "The name of a hold to release.")
    var release: String?

    func validate() throws {
        guard (directory == nil) != (config == nil) else {
            throw ValidationError("name the audit folder, or the settings file with --config")
        }
        guard add == nil || release == nil else {
            throw ValidationError("--add and --release exclude each other")
        }
        for text in [add, by, release].compactMap({ $0 }) where !LegalHold.isName(text) {
            throw ValidationError(
                "a name has 1 to \(LegalHold.limitBytes) bytes, no quotes and no control characters"
            )
        }
        guard add == nil || by != nil else { throw ValidationError("--add needs --by") }
        guard add != nil || (by == nil && from == 0) else {
            throw ValidationError("--by and --from belong to --add")
        }
    }

    func run() throws {
        var place = directory ?? ""
        var asked: String?
        if let config {
            let settings = try loadSettings(config)
            place = settings.audit.directory
            asked = try settings.admin.flatMap { try ask($0) }
        }
        do {
            let logs = try logs(in: place)
            guard !logs.isEmpty else {
                StandardStream.error.writeLine("sallyport: \(place) holds no log")
                throw ExitCode.couldNotTell
            }
            var isDone = true
            for log in logs {
                isDone = try change(log, in: place, isChanged: log == asked) && isDone
            }
            if !isDone { throw ExitCode.doesNotHold }
        } catch let error as SystemError {
            StandardStream.error.writeLine("sallyport: \(place): \(error)")
            throw ExitCode.couldNotTell
        }
    }

    /// Has the running proxy do it to its log.
    ///
    /// - Returns: That log's id; nil when no proxy runs, or nothing is to be done.
    private func ask(_ admin: AdminSettings) throws -> String? {
        let request: LocalRequest
        if let add {
            request = .hold(name: add, setBy: by ?? "", first: from)
        } else if let release {
            request = .release(name: release)
        } else {
            return nil
        }
        guard let answer = try AdminClient.ask(request, at: admin) else { return nil }
        let object = CanonicalObject(answer)
        guard object.boolean("ok") == true, let log = object.string("log") else {
            StandardStream.error.writeLine(
                "sallyport: refused: \(object.string("error") ?? "no reason was given")")
            throw ExitCode.doesNotHold
        }
        return log
    }

    /// The ids of the logs in the folder.
    private func logs(in place: String) throws(SystemError) -> [String] {
        try DurableDirectory(path: place).names().filter { name, isFolder in
            isFolder && UInt64(name, radix: 16)?.hexText == name
        }.map(\.name)
    }

    /// Does what was asked for to one log's holds, unless the proxy did; false when it could not be.
    private func change(
        _ log: String, in place: String, isChanged: Bool
    ) throws(SystemError) -> Bool {
        let folder = try DurableDirectory(path: "\(place)/\(log)")
        let file = try folder.read(LegalHolds.fileName)
        var holds = file.map { LegalHolds(file: $0) } ?? LegalHolds()
        guard !holds.isUnreadable else {
            StandardStream.error.writeLine(
                "sallyport: \(log)/\(LegalHolds.fileName) can't be read: everything is held until "
                    + "it is mended or removed")
            return false
        }
        if isChanged {
            // Nothing is left to do but to show them.
        } else if let add {
            let hold = LegalHold(
                name: add, setBy: by ?? "", since: SystemClock.wall(), first: from)
            guard holds.add(hold) else {
                StandardStream.error.writeLine("sallyport: \(log) has a hold \(add)")
                return false
            }
        } else if let release {
            guard holds.release(release) else {
                StandardStream.error.writeLine("sallyport: \(log) has no hold \(release)")
                return false
            }
        }
        if !isChanged, add != nil || release != nil {
            try folder.replace(LegalHolds.fileName, holds.json.span)
        }
        for hold in holds.holds {
            StandardStream.output.writeLine(
                "\(log)  \(hold.name), set by \(hold.setBy), from record \(hold.first) on")
        }
        if holds.holds.isEmpty { StandardStream.output.writeLine("\(log)  no hold") }
        return true
    }
}
