import ArgumentParser
import AuditSegments
import Crypto

/// The auditor's tool: reads a log, proves it or says what is wrong, and finds records in it.
@main
struct SallyportAudit: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sallyport-audit",
        abstract: "Verifies, shows and proves the access log of a Sallyport proxy.",
        discussion: """
            DIRECTORY is the proxy's audit folder, or the folder of one log in it. Nothing in it \
            is changed. Exit code 0: it holds (or was found); 1: it does not hold (or was not \
            found); 2: could not tell.
            """,
        subcommands: [
            VerifyCommand.self, ShowCommand.self, TailCommand.self, SearchCommand.self,
            ProveCommand.self, BundleCommand.self, ReportCommand.self,
            DecryptCommand.self,
        ])
}

extension ExitCode {
    static let holds = ExitCode(0)
    static let doesNotHold = ExitCode(1)
    static let couldNotTell = ExitCode(2)
}

/// Why the tool could not do what it was asked; the text is for people.
enum ToolError: Error, Equatable {
    case notALog(directory: String)
    case noSuchLog(id: String)
    case severalLogs(ids: [String])
    case unreadable(file: String, why: String)
    case keyMalformed(String)
    case keyOfOtherLog(origin: String)
    case stateOfOtherKey(origin: String)
    case timeMalformed(String)
    case statusMalformed(String)
    case numberMalformed(String)
    case receiptMalformed(String)
    case noCheckpoint
    case noSuchRecord(index: UInt64)
    case recordPruned(index: UInt64)
    case identityMissing
    case notCovered(index: UInt64, size: UInt64)
    case evidence(String)
}

extension ToolError: CustomStringConvertible {
    var description: String {
        switch self {
        case .notALog(let directory): "\(directory) holds no log"
        case .noSuchLog(let id): "there is no log \(id)"
        case .severalLogs(let ids):
            "there are \(ids.count) logs, name one with --log: \(ids.joined(separator: ", "))"
        case .unreadable(let file, let why): "\(file): \(why)"
        case .keyMalformed(let text): "not a verifier key: \(text)"
        case .keyOfOtherLog(let origin): "no key was given for \(origin)"
        case .stateOfOtherKey(let origin):
            "the state of \(origin) was verified with another key"
        case .timeMalformed(let text):
            "not a time: \(text) (2026-11-24T20:00:00Z, 2026-11-24, or 90s, 10m, 2h, 1d ago)"
        case .statusMalformed(let text): "not a status: \(text) (200, or 4xx)"
        case .numberMalformed(let text): "not a number: \(text)"
        case .receiptMalformed(let text): "not a receipt (log.boot.worker.sequence): \(text)"
        case .identityMissing: "the records are encrypted: name an age identity with --identity"
        case .noCheckpoint: "the log has no published checkpoint yet"
        case .noSuchRecord(let index): "there is no record \(index)"
        case .recordPruned(let index):
            "record \(index) was deleted when its time was over: only its hash can be proven"
        case .notCovered(let index, let size):
            "record \(index) is not under the last checkpoint, which covers \(size) records"
        case .evidence(let words): words
        }
    }
}

/// Runs a command's body; what it throws becomes a line for people and exit code 2.
func reporting(_ body: () throws -> ExitCode) throws {
    let code: ExitCode
    do {
        code = try body()
    } catch let error as ToolError {
        Console.complain("could not tell: \(error)")
        throw ExitCode.couldNotTell
    }
    if code != .holds { throw code }
}

extension TreeHasher {
    /// A hasher with an OpenSSL of its own.
    static func ofTool() throws(ToolError) -> TreeHasher {
        do {
            let library = try CryptoLibrary()
            return try TreeHasher(library)
        } catch {
            throw .evidence("OpenSSL has no SHA-256")
        }
    }
}
