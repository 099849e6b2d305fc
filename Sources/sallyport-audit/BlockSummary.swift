import AuditSegments
import Primitives

/// What one batch holds, in so few bytes that all of a log's can be looked through at once.
struct BlockSummary: Equatable, Sendable {
    /// Where its frame begins in the segment.
    let offset: UInt64
    /// Its times, kinds and outcomes; `kinds` and `outcomes` have a bit for each.
    var firstTime = WallTime(microseconds: .max)
    var lastTime = WallTime(microseconds: .min)
    var kinds: UInt16 = 0
    var outcomes: UInt8 = 0
    /// The statuses in it, in order; nil when there are too many to list.
    var statuses: [UInt16]? = []
    var filter = TokenFilter(hashes: [])

    static let statusLimit = 254

    /// The bit of an outcome; all words that are none share one.
    static func bit(outcome: some Sequence<UInt8>) -> UInt8 {
        for (bit, word) in ["allow", "deny", "throttle", "error"].enumerated()
        where outcome.elementsEqual(word.utf8) {
            return 1 << UInt8(bit)
        }
        return 1 << 4
    }

    /// Whether a record of the batch may be one that `filter` asks for.
    func mayHold(_ wanted: RecordFilter, _ hasher: TokenHasher) -> Bool {
        if let since = wanted.since, lastTime < since { return false }
        if let until = wanted.until, firstTime >= until { return false }
        if let kinds = wanted.selection.kinds {
            guard kinds.contains(where: { self.kinds >> UInt16($0) & 1 == 1 }) else { return false }
        }
        if let outcome = wanted.outcome {
            guard outcomes & BlockSummary.bit(outcome: outcome.utf8) != 0 else { return false }
        }
        if let status = wanted.status, let statuses {
            guard statuses.contains(where: { status.contains(Int64($0)) }) else { return false }
        }
        return wanted.tokens(hasher).allSatisfy { filter.mayHold($0) }
    }
}

/// Makes a batch's summary out of its records.
struct BlockSummaryMaker {
    private var summary: BlockSummary
    private var hashes: Set<UInt64> = []
    private var statuses: Set<UInt16> = []
    private let hasher: TokenHasher

    init(offset: UInt64, hasher: TokenHasher) {
        summary = BlockSummary(offset: offset)
        self.hasher = hasher
    }

    mutating func add(_ record: StoredRecord) {
        summary.kinds |= record.kind < 16 ? 1 << UInt16(record.kind) : 0
        CanonicalObject(record.part(0)).forEachMember { takeCore($0, $1) }
        CanonicalObject(record.part(1)).forEachMember { takeSubject($0, $1) }
    }

    /// Times come from the batch's header, as they do where there is no index.
    mutating func finish(_ header: BatchHeader) -> BlockSummary {
        summary.firstTime = header.firstTime
        summary.lastTime = header.lastTime
        summary.filter = TokenFilter(hashes: hashes)
        summary.statuses = statuses.count > BlockSummary.statusLimit ? nil : statuses.sorted()
        return summary
    }

    private mutating func takeCore(_ name: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) {
        switch String(decoding: name, as: UTF8.self) {
        case "request_id": add(.requestID, value)
        case "trace_id": add(.traceID, value)
        case "route": add(.route, value)
        case "reason": add(.reason, value)
        case "method": add(.method, value)
        case "outcome":
            summary.outcomes |= BlockSummary.bit(outcome: value.dropFirst().dropLast())
        case "status":
            let text = String(decoding: value, as: UTF8.self)
            if let status = UInt16(text) { statuses.insert(status) }
        case "tls":
            guard let sni = CanonicalObject(Array(value)).string("sni") else { return }
            hashes.insert(hasher.hash(.serverName, sni.lowercased().utf8))
        default: break
        }
    }

    private mutating func takeSubject(_ name: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) {
        switch String(decoding: name, as: UTF8.self) {
        case "sub": add(.subject, value)
        case "ja4": add(.fingerprint, value)
        case "client_ip", "peer_ip":
            guard let text = CanonicalObject.unquoted(value) else { return }
            hashes.insert(hasher.hash(address: text))
        case "cert":
            guard let digest = CanonicalObject(Array(value)).string("sha256") else { return }
            hashes.insert(hasher.hash(.certificate, digest.utf8))
        default: break
        }
    }

    private mutating func add(_ field: TokenField, _ value: ArraySlice<UInt8>) {
        guard let text = CanonicalObject.unquoted(value) else { return }
        hashes.insert(hasher.hash(field, text.utf8))
    }
}
