import AuditSegments
import Crypto
import LinuxIO
import Primitives

/// The keys of pseudonyms and of subjects, in the log's folder `keyring` (audit log format §8).
///
/// One file for each epoch. A row is durable before a record that names its key is: `commit` comes
/// before the batch's frame. In memory are the rows of the epoch in use, from which alone no key
/// can be made; the wrapping key and the epoch's key lie in locked memory. A subject's key is made
/// for each record that is sealed, and lives for that long.
///
/// The writer's thread alone uses it.
struct Keyring: ~Copyable, Sendable {
    let folder: DurableDirectory
    let library: CryptoLibrary
    private let keySeconds: UInt32
    var wrapping: MessageAuthentication
    var hash: SHA256
    private var file: DurableFile
    private(set) var epoch: UInt64
    /// Makes the epoch's pseudonyms.
    var pseudonyms: PseudonymKey
    private var created: WallTime
    private var rows: [KeyRow?]
    /// Where the row of each subject's place lies.
    private var numbers: [Digest256: Int]
    /// Rows from here on are not in the file yet.
    private var durableRows: Int

    /// Most rows of an epoch; at one more, the next epoch begins.
    static let limitRows = 1 << 20
    /// Rows that the file has room for beyond those in it.
    private static let reservedRows: UInt64 = 4096

    /// Opens the keyring in a log's folder, or begins it.
    ///
    /// - Parameter wrappingKey: The key that keys are made with; nil for the one in the keyring.
    init(
        in root: borrowing DurableDirectory, wrappingKey: SecretBytes?, keySeconds: UInt32,
        now: WallTime
    ) throws(AuditWriterError) {
        do {
            let newFolder = try root.secretFolder(KeyringFile.folder)
            let newLibrary = try CryptoLibrary()
            let key = try wrappingKey ?? Keyring.ownKey(in: newFolder)
            var newWrapping = try MessageAuthentication(key: key.bytes, library: newLibrary)
            let newHash = try SHA256(newLibrary)
            let last = try Keyring.epochs(in: newFolder).last
            var found: [KeyRow?] = []
            if let last { found = try Keyring.rows(of: last, in: newFolder) }
            let number = last ?? 1
            if last != nil, found.isEmpty || found[0] == nil {
                throw AuditWriterError.keyringDamaged(KeyringFile.name(epoch: number))
            }
            let newFile =
                try last == nil
                ? Keyring.begin(epoch: number, in: newFolder, now: now, rows: &found)
                : newFolder.openFile(KeyringFile.name(epoch: number))
            guard let first = found[0] else {
                throw AuditWriterError.keyringDamaged(KeyringFile.name(epoch: number))
            }
            let newKey = try PseudonymKey(
                row: first, epoch: number, wrapping: &newWrapping, library: newLibrary)
            folder = newFolder
            library = newLibrary
            wrapping = newWrapping
            hash = newHash
            file = newFile
            pseudonyms = newKey
            epoch = number
            created = first.created
            self.keySeconds = keySeconds
            numbers = Keyring.numbers(of: found)
            durableRows = found.count
            rows = found
        } catch {
            throw AuditWriterError(keyring: error)
        }
    }

    // MARK: Epochs

    /// Begins the next epoch when it is due: by time, or because this one's file is full.
    mutating func turn(now: WallTime) throws(AuditWriterError) {
        let age = now.microseconds - created.microseconds
        guard age >= Int64(keySeconds) * 1_000_000 || rows.count >= Keyring.limitRows else {
            return
        }
        do {
            try commit()
            var new: [KeyRow?] = []
            let next = epoch + 1
            let newFile = try Keyring.begin(epoch: next, in: folder, now: now, rows: &new)
            guard let first = new[0] else { return }
            pseudonyms = try PseudonymKey(
                row: first, epoch: next, wrapping: &wrapping, library: library)
            file = newFile
            epoch = next
            created = first.created
            rows = new
            numbers = [:]
            durableRows = 1
        } catch {
            throw AuditWriterError(keyring: error)
        }
    }

    /// Writes the file of a new epoch, whose first row it answers in `rows`.
    private static func begin(
        epoch: UInt64, in folder: borrowing DurableDirectory, now: WallTime,
        rows: inout [KeyRow?]
    ) throws -> DurableFile {
        let name = KeyringFile.name(epoch: epoch)
        let temporary = name + DurableDirectory.temporaryEnding
        try folder.remove(temporary)
        let file = try folder.createSecretFile(temporary)
        let row = KeyRow(place: .zero, created: now)
        let bytes = row.bytes
        try file.write(KeyringFile.head(epoch: epoch).span, at: 0)
        try file.write(bytes.span, at: UInt64(KeyringFile.offset(row: 0)))
        file.reserve(UInt64(KeyringFile.headBytes) + reservedRows * UInt64(KeyRow.byteCount))
        try file.sync()
        try folder.commit(name)
        try folder.sync()
        rows = [row]
        return file
    }

    /// The numbers of all epochs, in order.
    static func epochs(in folder: borrowing DurableDirectory) throws -> [UInt64] {
        try folder.names().compactMap { KeyringFile.epoch(of: $0.name) }.sorted()
    }

    /// The rows of an epoch's file.
    static func rows(
        of epoch: UInt64, in folder: borrowing DurableDirectory
    ) throws -> [KeyRow?] {
        let name = KeyringFile.name(epoch: epoch)
        guard let bytes = try folder.read(name),
            let rows = KeyringFile.rows(bytes, epoch: epoch)
        else { throw AuditWriterError.keyringDamaged(name) }
        return rows
    }

    private static func numbers(of rows: [KeyRow?]) -> [Digest256: Int] {
        var numbers: [Digest256: Int] = [:]
        for (number, row) in rows.enumerated().dropFirst() {
            if let row { numbers[row.place] = number }
        }
        return numbers
    }

    /// The wrapping key that lies in the keyring itself; it is made when there is none.
    private static func ownKey(
        in folder: borrowing DurableDirectory
    ) throws -> SecretBytes {
        let name = KeyringFile.wrappingKey
        if try folder.read(name) == nil {
            // Without its key, no row of the keyring that is there would ever open again.
            guard try epochs(in: folder).isEmpty else {
                throw AuditWriterError.keyringDamaged(name)
            }
            let temporary = name + DurableDirectory.temporaryEnding
            try folder.remove(temporary)
            let file = try folder.createSecretFile(temporary)
            let digits = (0..<4).map { _ in RandomBytes.number().hexText }.joined()
            try file.write(Array("\(digits)\n".utf8).span, at: 0)
            try file.sync()
            try folder.commit(name)
            try folder.sync()
        }
        guard let bytes = try folder.read(name), let key = KeyringFile.wrappingKey(bytes.span)
        else { throw AuditWriterError.keyringDamaged(name) }
        return key
    }

    // MARK: Subjects

    /// The key of the subject at `place`, and its number; both are new when it has none yet.
    mutating func key(of place: Digest256, now: WallTime) -> (id: UInt64, key: Digest256) {
        let row: KeyRow
        if let number = numbers[place], let known = rows[number] {
            row = known
        } else {
            row = KeyRow(place: place, created: now)
            numbers[place] = rows.count
            rows.append(row)
        }
        return (row.id, row.key(epoch: epoch, wrapping: &wrapping))
    }

    /// Forgets the row at `place`, which is no longer in its file.
    mutating func forget(_ place: KeyPlace) {
        guard place.epoch == epoch, place.row < rows.count, let row = rows[place.row],
            row.id == place.id
        else { return }
        numbers[row.place] = nil
        rows[place.row] = nil
    }

    /// Makes the rows durable that records may name. Before the frame of those records.
    mutating func commit() throws(SystemError) {
        guard durableRows < rows.count else { return }
        var buffer = ByteBuffer(capacity: (rows.count - durableRows) * KeyRow.byteCount)
        for row in rows[durableRows...] {
            let bytes = row?.bytes ?? InlineArray<96, UInt8>(repeating: 0)
            buffer.write { $0.append(bytes.span) }
        }
        let start = UInt64(KeyringFile.offset(row: durableRows))
        try file.write(buffer.span, at: start)
        try file.syncData()
        durableRows = rows.count
        file.reserve(
            start + UInt64(buffer.count) + Keyring.reservedRows * UInt64(KeyRow.byteCount))
    }
}

extension AuditWriterError {
    /// What went wrong with the keyring, as one of these.
    init(keyring error: any Error) {
        self =
            switch error {
            case let error as AuditWriterError: error
            case let error as SystemError: .system(error)
            case let error as CryptoError: .cryptography(error)
            default: .evidence(.cryptographyFailed)
            }
    }
}
