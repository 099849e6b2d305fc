import AuditSegments
import Crypto
import LinuxIO
import Primitives

/// Why a signer can't work.
public enum SignerError: Error, Equatable, Sendable {
    /// A file or the socket can't be used.
    case system(SystemError)
    /// The key's file can be read by others than its owner; these are its permission bits.
    case keyExposed(UInt32)
    /// The key's file holds no Ed25519 key.
    case key(CryptoError)
    /// The state's file holds none.
    case state(EvidenceError)
    /// Another signer has the folder of the state.
    case stateInUse
}

/// Holds the log's own key apart from the proxy, and remembers what it has signed.
///
/// A checkpoint is signed when it is of a log of this name, larger than the last one of that log,
/// or the same again; then the state is durable before the signature leaves. So a host whose
/// disk was rolled back, and a thief with the socket but not the key, get no second history of the
/// past signed (format §7 row 5).
public struct SignerService: ~Copyable, Sendable {
    private let name: String
    private let key: SigningKey
    private let folder: DurableDirectory
    private let file: String
    private var state: SignerState

    private static let limitKeyBytes = 1 << 16
    /// Logs that `seen` names at most, the last ones.
    private static let seenEntries = 64

    /// A signer for the logs `name/<log id>`.
    ///
    /// - Parameters:
    ///   - keyPath: An Ed25519 key in PKCS #8 PEM form that only its owner can read.
    ///   - statePath: What was signed; made when there is none. Its folder has to be another than
    ///     the log's, or a copy of one that is put back brings the other along.
    public static func open(
        name: String, keyPath: String, statePath: String
    ) throws(SignerError) -> SignerService {
        let (parent, last) = DurableDirectory.split(statePath)
        let text = try keyText(keyPath)
        let newFolder = try folder(parent)
        try claim(newFolder)
        let newState = try state(last, in: newFolder)
        return SignerService(
            name: name, key: try key(text), folder: newFolder, file: last, state: newState)
    }

    private init(
        name: String, key: consuming SigningKey, folder: consuming DurableDirectory, file: String,
        state: SignerState
    ) {
        self.name = name
        self.key = key
        self.folder = folder
        self.file = file
        self.state = state
    }

    /// The key's public half, 32 bytes.
    public var publicKey: [UInt8] { key.publicKey }

    /// Logs that it has signed for.
    public var logCount: Int { state.entries.count }

    /// Answers one message of a proxy.
    public mutating func answer(_ message: [UInt8]) -> SignerReply {
        guard let request = SignerRequest(message) else { return .refused(.malformed) }
        do throws(SignerRefusal) {
            switch request {
            case .key(let origin):
                try requireOurs(origin)
                return .ok([Base64.encode(key.publicKey.span)])
            case .seen(let asked):
                guard asked == name else { throw .origin }
                return .ok(seen())
            case .checkpoint(let checkpoint): return try sign(checkpoint)
            case .epoch(let epoch, let origin, let boot):
                return try sign(epoch, origin: origin, boot: boot)
            }
        } catch {
            return .refused(error)
        }
    }

    private mutating func sign(
        _ checkpoint: Checkpoint
    ) throws(SignerRefusal) -> SignerReply {
        try requireOurs(checkpoint.origin)
        var next = state
        let isNew: Bool
        do throws(EvidenceError) {
            isNew = try next.take(checkpoint)
        } catch {
            throw error == .signerFull ? .full : .fork
        }
        if isNew { try keep(next) }
        return try signed(checkpoint.text)
    }

    private mutating func sign(
        _ epoch: EpochCertificate, origin: String, boot: UInt64
    ) throws(SignerRefusal) -> SignerReply {
        try requireOurs(origin)
        var next = state
        do throws(EvidenceError) {
            try next.take(epoch: epoch, origin: origin)
        } catch {
            throw error == .signerFull ? .full : .fork
        }
        try keep(next)
        return try signed(epoch.text(origin: origin, boot: boot))
    }

    private func seen() -> [String] {
        state.entries.suffix(SignerService.seenEntries).map { entry in
            "\(entry.origin) \(entry.size) \(Base64.encode(entry.root.bytes.span))"
        }
    }

    /// Makes sure that `origin` is the name, a slash and a log id.
    private func requireOurs(_ origin: String) throws(SignerRefusal) {
        let id = String(origin.dropFirst(name.utf8.count + 1))
        guard origin.hasPrefix("\(name)/"), id.utf8.count == 16,
            UInt64(id, radix: 16)?.hexText == id
        else { throw .origin }
    }

    private mutating func keep(_ next: SignerState) throws(SignerRefusal) {
        let bytes = next.bytes
        do throws(SystemError) {
            try folder.replace(file, bytes.span)
        } catch {
            throw .failed
        }
        state = next
    }

    private func signed(_ text: [UInt8]) throws(SignerRefusal) -> SignerReply {
        let signature: [UInt8]
        do throws(CryptoError) {
            signature = try key.sign(text.span)
        } catch {
            throw .failed
        }
        return .ok([Base64.encode(signature.span)])
    }

    private static func folder(_ path: String) throws(SignerError) -> DurableDirectory {
        do throws(SystemError) {
            return try DurableDirectory(path: path)
        } catch {
            throw .system(error)
        }
    }

    private static func claim(_ folder: borrowing DurableDirectory) throws(SignerError) {
        let isClaimed: Bool
        do throws(SystemError) {
            isClaimed = try folder.claim()
        } catch {
            throw .system(error)
        }
        guard isClaimed else { throw .stateInUse }
    }

    /// What was signed before; a state that can't be written shows at once.
    private static func state(
        _ name: String, in folder: borrowing DurableDirectory
    ) throws(SignerError) -> SignerState {
        let found: [UInt8]?
        do throws(SystemError) {
            found = try folder.read(name)
        } catch {
            throw .system(error)
        }
        var state = SignerState()
        do throws(EvidenceError) {
            if let found { state = try SignerState(found) }
        } catch {
            throw .state(error)
        }
        let bytes = state.bytes
        do throws(SystemError) {
            try folder.replace(name, bytes.span)
        } catch {
            throw .system(error)
        }
        return state
    }

    private static func key(_ bytes: [UInt8]) throws(SignerError) -> SigningKey {
        do throws(CryptoError) {
            return try SigningKey(pem: bytes)
        } catch {
            throw .key(error)
        }
    }

    private static func keyText(_ path: String) throws(SignerError) -> [UInt8] {
        let found: (bytes: [UInt8], status: FileStatus)
        do throws(SystemError) {
            found = try FileReading.read(path, limitBytes: limitKeyBytes)
        } catch {
            throw .system(error)
        }
        guard found.status.permissions & 0o077 == 0 else {
            throw .keyExposed(found.status.permissions)
        }
        return found.bytes
    }
}
