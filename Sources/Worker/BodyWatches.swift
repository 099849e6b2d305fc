import AuditRecords
import Crypto
import Primitives
import RequestFlow

/// What is seen of one body while it is forwarded.
struct BodyWatch: ~Copyable {
    var hash: SHA256
    var length: UInt64 = 0
    /// The body's beginning, where its record has text.
    var text = PooledBuffer.none
    var kind = BodyKind.opaque
    var hasEnded = false
}

/// The bodies that are watched now. A watch is made when it is first needed, and then kept: a
/// request allocates none.
struct BodyWatches: ~Copyable {
    private var watches: Slab<BodyWatch>
    private var free: [Int32]
    private var texts: BufferPool
    /// Most bytes of a body's text.
    private let textBytes: Int
    /// Bodies that can be watched at the same time.
    var capacity: Int { watches.capacity }

    /// Room for `capacity` bodies, with text of `textBytes`; 0 is none.
    init(capacity: Int, textBytes: Int) {
        watches = Slab(capacity: capacity)
        free = []
        free.reserveCapacity(capacity)
        self.textBytes = textBytes
        texts = BufferPool(
            capacity: textBytes > 0 ? capacity : 1,
            bufferBytes: (max(1, textBytes) + 63) / 64 * 64)
    }

    /// Begins with a body of that kind; nil when there is no memory for it.
    ///
    /// - Parameter draft: Makes the digest's context.
    mutating func begin(_ kind: BodyKind, _ draft: borrowing RecordDraft) -> Int? {
        let index: Int
        if let last = free.popLast() {
            index = Int(last)
        } else {
            guard let made = BodyWatches.make(draft), let slot = watches.insert(made) else {
                return nil
            }
            index = slot
        }
        watches[index].hash.begin()
        watches[index].length = 0
        watches[index].kind = kind
        watches[index].hasEnded = false
        if kind != .opaque, textBytes > 0, !texts.lend(&watches[index].text) {
            end(index)
            return nil
        }
        return index
    }

    private static func make(_ draft: borrowing RecordDraft) -> BodyWatch? {
        do { return BodyWatch(hash: try draft.makeHash()) } catch { return nil }
    }

    /// Takes in what was forwarded next.
    mutating func add(_ index: Int, _ bytes: Span<UInt8>) {
        watches[index].hash.update(bytes)
        watches[index].length &+= UInt64(bytes.count)
        guard watches[index].text.isLent else { return }
        let room = textBytes - watches[index].text.count
        if room > 0 { watches[index].text.write { $0.append(bytes.extracting(first: room)) } }
    }

    /// The body has come to its end.
    mutating func finish(_ index: Int) {
        watches[index].hasEnded = true
    }

    /// Writes into `draft` what a record says of the body.
    mutating func record(
        _ index: Int, isRequest: Bool, settings: ProxySettings, in draft: inout RecordDraft
    ) {
        let facts = BodyFacts(
            length: watches[index].length, digest: watches[index].hash.finish(),
            isPartial: !watches[index].hasEnded)
        draft.append(
            body: facts, isRequest: isRequest, text: watches[index].text.bytes,
            kind: watches[index].kind, settings: settings)
    }

    /// Ends the watch.
    mutating func end(_ index: Int) {
        texts.give(&watches[index].text)
        free.append(Int32(index))
    }
}
