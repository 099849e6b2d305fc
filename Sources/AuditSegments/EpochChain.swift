import AuditRecords
import Primitives

/// The epochs of a log as a verifier meets them, one leaf after the other.
///
/// Numbers follow each other without a gap. The first epoch of a boot is certified by the log's
/// own key, each other one by the epoch before it. Once there is one, each checkpoint needs the
/// line of the epoch whose leaf is the last in its tree, and of the boot that is writing.
struct EpochChain: Sendable {
    private let identity: NoteKey
    /// Leaves so far.
    private(set) var count: UInt64 = 0
    /// Index of the first leaf.
    private(set) var beginning: UInt64?
    private var current: NoteKey?
    private var boot: UInt64?
    /// Whether the log is read from inside on, and no leaf was met yet.
    private var isPartial = false

    init(identity: NoteKey) {
        self.identity = identity
    }

    /// Goes on inside of a log: the first leaf's number and, unless it is a boot's first, its
    /// signer are taken at its word. The tree that the log's own key signs vouches for both.
    mutating func beginInside() {
        isPartial = true
    }

    /// Takes the leaf at `index`, which is of the process `boot`.
    ///
    /// A leaf that does not hold leaves the log without a key, until a boot's first epoch.
    mutating func take(
        _ certificate: EpochCertificate?, at index: UInt64, boot writer: UInt64
    ) throws(EvidenceError) {
        let before = boot == writer ? current : identity
        let isFirstMet = isPartial
        isPartial = false
        count = isFirstMet ? certificate?.number ?? 0 : count + 1
        beginning = beginning ?? index
        current = nil
        boot = writer
        guard let certificate else { throw .epochMalformed }
        guard certificate.number == count else {
            throw .epochNumberWrong(found: certificate.number, expected: count)
        }
        guard certificate.first == index else { throw .epochMisplaced }
        if isFirstMet, certificate.signer != identity.name {
            let name = EpochCertificate.name(origin: identity.name, number: certificate.number - 1)
            guard certificate.signer == name else { throw .epochSignerWrong }
        } else {
            guard let before else { throw .epochUnproven }
            try certificate.verify(before, origin: identity.name, boot: writer)
        }
        current = try certificate.key(origin: identity.name)
    }

    /// Makes sure that `note`, a checkpoint of the process `boot`, has the epoch's line.
    func verify(_ note: SignedNote, boot writer: UInt64?) throws(EvidenceError) {
        if isPartial { return }
        guard count > 0 else {
            // A line of an epoch that no leaf tells of can't be right.
            let isEpoch = note.lines.contains {
                EpochCertificate.number(name: $0.name, origin: identity.name) != nil
            }
            if isEpoch { throw .epochUnproven }
            return
        }
        guard boot == writer else { throw .epochMissing }
        guard let current else { throw .epochUnproven }
        do {
            try note.verify(current)
        } catch .signatureMissing {
            throw .epochLineMissing
        } catch .signatureWrong {
            throw .epochLineWrong
        }
    }

    // MARK: Kept

    /// What has to be known to go on where a verification ended.
    var value: CanonicalValue {
        var members: [String: CanonicalValue] = [
            "count": .count(count), "partial": .boolean(isPartial),
        ]
        if let beginning { members["from"] = .count(beginning) }
        if let boot { members["boot"] = .string(boot.hexText) }
        if let current { members["key"] = .string(current.text) }
        return .object(members)
    }

    /// Reads what `value` wrote; nil when it is anything else.
    init?(_ object: CanonicalObject, identity: NoteKey) {
        self.init(identity: identity)
        guard let count = object.integer("count"), count >= 0,
            let isPartial = object.boolean("partial")
        else { return nil }
        self.count = UInt64(count)
        self.isPartial = isPartial
        beginning = object.integer("from").flatMap { UInt64(exactly: $0) }
        boot = object.string("boot").flatMap { UInt64($0, radix: 16) }
        current = object.string("key").flatMap { try? NoteKey($0) }
        guard (current == nil) == (object.string("key") == nil) else { return nil }
    }
}
