import ArgumentParser
import AuditSegments
import AuditWriter
import Crypto
import LinuxIO

/// `sallyport signer`: the log's own key in a process of its own.
struct SignerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "signer",
        abstract: "Hold the key that signs the audit log, apart from the proxy.",
        discussion: """
            Signs checkpoints over a local socket for a proxy with audit.signer in its settings. \
            It remembers what it has signed, durably, and never signs a smaller tree or a second \
            root for the same size. Run it as another user than the proxy, with its state on \
            another disk than the log, so that neither can be rolled back with the other.
            """)

    @Option(help: "The Ed25519 key (PKCS #8 PEM), readable by its owner only.")
    var key: String
    @Option(help: "The file that says what was signed; it is made when there is none.")
    var state: String
    @Option(help: "The socket's path.")
    var socket: String
    @Option(help: "audit.origin of the settings: the name of the logs that are signed.")
    var origin: String
    @Option(
        name: .customLong("allow-uid"),
        help: "A user id that may ask; may be given several times. Default: this process's own.")
    var users: [UInt32] = []

    func validate() throws {
        guard NoteKey.isName(origin) else {
            throw ValidationError("--origin has no white space and no '+'")
        }
    }

    func run() throws {
        do {
            try ProcessLimits.refuseCoreDumps()
            var signals = try SignalWaiter()
            if case .locked = SecureHeap.start(bytes: SecureHeap.leastBytes) {
            } else {
                say("the key can't be locked in memory, and may be written to swap")
            }
            let service = try SignerService.open(name: origin, keyPath: key, statePath: state)
            let vkey = try NoteKey(name: origin, publicKey: service.publicKey)
            let logs = service.logCount
            var server = try SignerServer(
                service, path: socket, users: users.isEmpty ? [LocalPeer.ownUser] : Set(users))
            say("listening on \(socket), \(logs) logs known, vkey \(vkey.text)")
            try server.run(isEnding: { signals.wait(milliseconds: 0)?.signal == .stop }) { event in
                switch event {
                case .userRefused(let user): say("refused a process of user \(user)")
                case .refused(let why): say("refused a request: \(why.rawValue)")
                }
            }
            say("stopped")
        } catch {
            say(SignerCommand.words(error))
            throw ExitCode.doesNotHold
        }
    }

    private func say(_ text: String) {
        StandardStream.error.writeLine("sallyport signer: \(text)")
    }

    private static func words(_ error: any Error) -> String {
        guard let error = error as? SignerError else { return "\(error)" }
        switch error {
        case .system(let error): return "\(error)"
        case .keyExposed(let mode):
            return "the key has mode 0\(String(mode & 0o777, radix: 8)), so that others can read "
                + "it; chmod 600 it"
        case .key(.privateKeyOfOtherAlgorithm):
            return "the key is of another algorithm than Ed25519"
        case .key: return "the key is not an unencrypted private key in PEM form (PKCS #8)"
        case .state(let error): return "the state can't be read: \(error)"
        case .stateInUse: return "another process uses the folder of the state"
        }
    }
}
