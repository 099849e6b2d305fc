import AuditPublishing
import AuditWriter
import Crypto
import LinuxIO
import Systemd
import TLS
import Worker

/// Why the process can't serve, or ended other than by being asked to.
public enum SupervisorError: Error, Sendable, CustomStringConvertible {
    /// The process's signals or limits could not be set.
    case process(SystemError)
    /// A listener's address is no literal, or could not be bound.
    case listener(name: String, address: String, SystemError?)
    /// Sockets that systemd passed can't be used, by `listener` or, when that is nil, by nobody.
    case passedSockets(listener: String?, PassedSocketError)
    /// OpenSSL could not be set up.
    case cryptography(CryptoError)
    /// OpenSSL could not be set up for TLS.
    case tls(TLSError)
    /// A file that a listener or an upstream needs for TLS can't be used.
    case certificates(place: String, problem: String)
    /// The audit log could not be opened: nothing is served without one.
    case audit(directory: String, AuditWriterError)
    /// The local sockets could not be opened, or their thread started.
    case administration(SystemError)
    /// A subject was not erased.
    case erasureRefused(WriterRefusal)
    /// The audit writer's thread could not be started.
    case writer(SystemError)
    /// A thread that tells others what the log says could not be started.
    case publishing(PublishingError)
    /// A worker could not be started.
    case worker(Int, WorkerError)
    /// A worker's thread ended without being asked to.
    case workerEnded
    /// The log could not be ended in order.
    case writerEnded(AuditWriterError)

    /// What happened, in words for the operator.
    public var description: String {
        switch self {
        case .process(let error): "the process could not be set up: \(error)"
        case .listener(let name, let address, nil):
            "listener \(name): \(address) is no address literal"
        case .listener(let name, let address, let error?):
            "listener \(name): \(address) can't be listened on: \(error)"
        case .passedSockets(let listener?, let error): "listener \(listener): \(error)"
        case .passedSockets(nil, let error): "\(error)"
        case .cryptography(let error): "OpenSSL could not be set up: \(error)"
        case .tls(let error): "TLS could not be set up: \(error)"
        case .certificates(let place, let problem): "\(place): \(problem)"
        case .audit(let directory, let error):
            "no request is served without its record, and the audit log in \(directory) can't be "
                + "opened: \(error.words)"
        case .administration(let error):
            "the sockets for administrators and readers could not be opened: \(error)"
        case .erasureRefused(let refusal): "nothing was erased: \(refusal.words)"
        case .writer(let error): "the audit writer could not be started: \(error)"
        case .publishing(let error): "what the log says could not be published: \(error)"
        case .worker(let index, let error): "worker \(index) could not be started: \(error)"
        case .workerEnded: "a worker ended without being asked to"
        case .writerEnded(let error): "the audit log did not end in order: \(error.words)"
        }
    }
}

extension AuditWriterError {
    /// What happened to the log, in words for the operator.
    var words: String {
        switch self {
        case .system(let error): "\(error)"
        case .evidence(let error): "its evidence is damaged: \(error)"
        case .cryptography(let error): "OpenSSL, or the signing key: \(error)"
        case .signingKeyMissing: "there is no file at audit.signing_key"
        case .originMalformed: "audit.origin is no name that a key can have"
        case .directoryInUse:
            "another process writes there: is the proxy already running? (`fuser -v` on the folder "
                + "names it)"
        case .severalLogs(let names):
            "it holds several logs of this name (\(names.joined(separator: ", "))), and none says "
                + "that it replaces the others"
        case .logUnreadable(let name): "\(name) has no readable head: nothing says whose log it is"
        case .signingKeyDiffers(let log): "\(log) was signed with another key than the one given"
        case .segmentDamaged(let segment, let offset, let error):
            "\(segment), byte \(offset) is damaged, and good frames follow: \(error)"
        case .checkpointDiffers(let segment, let offset):
            "\(segment), byte \(offset): the checkpoint is not of the entries before it"
        case .signerUnavailable(let error): "the signer can't be reached: \(error)"
        case .checkpointUnknown(let file): "\(file) holds a checkpoint that is in no frame"
        case .segmentsDeleted(let before, let allowed):
            "the records before \(before) are gone, and a signed leaf allows that of those before "
                + "\(allowed) only"
        case .writeRefused(let error): "the disk refused a second file, too: \(error)"
        case .keyringKeyMalformed:
            "the keyring's wrapping key is not 64 hexadecimal digits in lower case"
        case .keyringDamaged(let file): "the keyring is not what it was: \(file)"
        case .checkpointRefused(let error): "the disk refused a checkpoint: \(error)"
        case .segmentDiffers(let name):
            "\(name) was removed, and no longer holds what had been written to it"
        }
    }
}
