import ArgumentParser
import AuditRecords
import AuditSegments
import Crypto
import LinuxIO
import Primitives

/// What opens sealed subjects, and tells whose a pseudonym is.
struct KeyringOptions: ParsableArguments {
    @Option(
        help: "The log's keyring folder, or a copy: opens sealed subjects, and finds pseudonyms.")
    var keyring: String?
    @Option(
        name: .customLong("keyring-key"),
        help: "The file of the keyring's wrapping key, where it does not lie in the keyring.")
    var key: String?

    func validate() throws {
        if key != nil, keyring == nil {
            throw ValidationError("--keyring-key needs --keyring")
        }
    }

    /// The keyring that was named; nil when none was.
    func read() throws(ToolError) -> KeyringReader? {
        guard let keyring else { return nil }
        return try KeyringReader.read(keyring, keyPath: key)
    }
}

/// A keyring's rows in memory.
struct KeyringReader: ~Copyable {
    private struct Row {
        var epoch: UInt64
        var row: KeyRow
    }

    private let library: CryptoLibrary
    private var wrapping: MessageAuthentication
    private var hash: SHA256
    /// Each epoch's rows, its own first.
    private let epochs: [UInt64: [KeyRow?]]
    private var rows: [String: Row] = [:]

    /// Reads the keyring in the folder `path`, with the wrapping key in it or at `keyPath`.
    static func read(_ path: String, keyPath: String?) throws(ToolError) -> KeyringReader {
        do {
            let folder = try DurableDirectory(path: path)
            let file = keyPath ?? "\(path)/\(KeyringFile.wrappingKey)"
            let (bytes, _) = try FileReading.read(file, limitBytes: 256)
            guard let secret = KeyringFile.wrappingKey(bytes.span) else {
                throw ToolError.unreadable(file: file, why: "it is no keyring's key")
            }
            var epochs: [UInt64: [KeyRow?]] = [:]
            for name in try folder.names().map(\.name) {
                guard let epoch = KeyringFile.epoch(of: name) else { continue }
                guard let rows = KeyringFile.rows(try folder.read(name) ?? [], epoch: epoch)
                else { throw ToolError.unreadable(file: "\(path)/\(name)", why: "no key rows") }
                epochs[epoch] = rows
            }
            return try KeyringReader(epochs, secret: secret)
        } catch let error as ToolError {
            throw error
        } catch {
            throw .unreadable(file: path, why: "\(error)")
        }
    }

    private init(_ epochs: [UInt64: [KeyRow?]], secret: SecretBytes) throws(CryptoError) {
        let newLibrary = try CryptoLibrary()
        let newWrapping = try MessageAuthentication(key: secret.bytes, library: newLibrary)
        let newHash = try SHA256(newLibrary)
        library = newLibrary
        wrapping = newWrapping
        hash = newHash
        self.epochs = epochs
        for (epoch, rows) in epochs {
            for row in rows {
                if let row { self.rows[row.id.hexText] = Row(epoch: epoch, row: row) }
            }
        }
    }

    /// What records of `subject` have in its place, in every epoch.
    mutating func person(_ subject: String) throws(ToolError) -> PersonMatch {
        var person = PersonMatch(name: subject)
        let text = Array(subject.utf8)
        do {
            for (epoch, rows) in epochs {
                guard let first = rows.first ?? nil else { continue }
                var key = try PseudonymKey(
                    row: first, epoch: epoch, wrapping: &wrapping, library: library)
                person.pseudonyms[first.id.hexText] =
                    key.digest("sub", text, of: .subject, hash: &hash).pseudonym
                let place = key.digest(PseudonymKey.place, text, of: .subject, hash: &hash)
                for row in rows.dropFirst() {
                    if let row, row.place == place { person.keys.insert(row.id.hexText) }
                }
            }
        } catch {
            throw .evidence("the keyring: \(error)")
        }
        return person
    }

    /// What records have in the place of `address`, by the key that it is made under.
    mutating func pseudonyms(of address: Identifier128) throws(ToolError) -> [String: String] {
        var pseudonyms: [String: String] = [:]
        do {
            for (epoch, rows) in epochs {
                guard let first = rows.first ?? nil else { continue }
                var key = try PseudonymKey(
                    row: first, epoch: epoch, wrapping: &wrapping, library: library)
                pseudonyms[first.id.hexText] = key.digest(address).pseudonym
            }
        } catch {
            throw .evidence("the keyring: \(error)")
        }
        return pseudonyms
    }

    /// The record with its subject part opened, when it is sealed and its key is here.
    mutating func open(_ record: LogRecord) -> LogRecord {
        let subject = record.subject
        guard let text = subject.string("sealed"), let id = subject.string("subject_key"),
            let found = rows[id]
        else { return record }
        let characters = Array(text.utf8)
        guard let sealed = Base64URL.decode(characters.span) else { return record }
        let key = found.row.key(epoch: found.epoch, wrapping: &wrapping)
        guard let part = try? SealingBox.open(sealed.span, key: key) else { return record }
        var parts = record.record.parts
        parts[1].bytes = part
        return LogRecord(
            index: record.index, record: StoredRecord(kind: record.record.kind, parts: parts),
            entry: record.entry, leaf: record.leaf, isCommitted: record.isCommitted)
    }
}

/// What stands for one person in records: the name, pseudonyms by their key, keys of seals.
struct PersonMatch: Sendable {
    let name: String
    var pseudonyms: [String: String] = [:]
    var keys: Set<String> = []

    init(name: String) {
        self.name = name
    }

    /// Whether the subject part is of this person.
    func matches(_ subject: CanonicalObject) -> Bool {
        guard let key = subject.string("subject_key") else { return subject.string("sub") == name }
        if subject.string("sealed") != nil { return keys.contains(key) }
        guard let pseudonym = pseudonyms[key] else { return false }
        return subject.string("sub") == pseudonym
    }
}
