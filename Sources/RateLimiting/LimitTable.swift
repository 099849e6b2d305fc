import Primitives
import Synchronization

/// Who is counted: a keyed hash of the limit and of the subject, address or route.
public struct LimitKeyValue: Sendable, Equatable, BitwiseCopyable {
    /// Says in which set of slots the key lives, and where the search there begins.
    @usableFromInline let place: UInt64
    /// Tells the key from others in its set; never 0, which marks an empty slot.
    @usableFromInline let fingerprint: UInt64

    init(_ hash: (UInt64, UInt64)) {
        place = hash.0
        fingerprint = hash.1 == 0 ? 1 : hash.1
    }
}

/// The rate limits' memory, shared by all workers: exact without a lock.
///
/// A slot is two words that change together by a 128-bit compare-and-swap: the key's fingerprint,
/// and its GCRA arrival time. An arrival time in the past says nothing, so such a slot is free.
///
/// A key may live in any of the 16 slots of its set, and counting is exact only while it lives in
/// one. So a new key first stands as a *claim*: a slot whose second word has the top bit set and
/// a ticket that no other claim ever had. Whoever meets the claim looks at the whole set again;
/// when it holds no counted slot of this key and no earlier claim, later claims are removed and
/// this one is turned into a counted slot. That swap succeeds only if the very same claim stood
/// there throughout the look, and a claim of the same key that was made in the meantime will find
/// the counted slot before it can be turned. Any thread can finish any other's claim, so a thread
/// that stops at a bad moment holds nobody up.
///
/// Workers read the clock once per loop turn, so their times differ a little. A slot is therefore
/// left alone for `graceNanoseconds` after its arrival time; a worker that lags more than that
/// behind another could count a key anew.
@safe
public final class LimitTable: @unchecked Sendable {
    // Sendable: the slots change by compare-and-swap only; all else is constant.

    /// Slots in one set: four cache lines.
    @usableFromInline static let setSlots = 16
    /// How long a slot is left alone after nothing is owed in it.
    static let graceNanoseconds: UInt64 = 1_000_000_000
    /// Attempts before giving up; each failed one means that another thread got its way.
    static let attempts = 1024
    private static let claimBit: UInt64 = 1 << 63

    /// Fewest slots of a table.
    public static let leastSlots = 16
    /// Most slots of a table (1 GiB).
    public static let mostSlots = 1 << 26
    /// Slots when nothing is said (4 MiB).
    public static let defaultSlots = 1 << 18

    /// How many slots there are.
    public let slots: Int
    private let memory: UnsafeMutablePointer<Atomic<WordPair>>
    private let setMask: UInt64
    private let secret: (UInt64, UInt64)
    private let nextTicket = Atomic<UInt64>(1)

    /// A table of `slots` slots, rounded up to a power of two; `secret` keys its hash.
    public init(slots: Int, secret: (UInt64, UInt64)) {
        let wanted = min(max(slots, LimitTable.leastSlots), LimitTable.mostSlots)
        let count = 1 << (Int.bitWidth - (wanted - 1).leadingZeroBitCount)
        self.slots = count
        self.secret = secret
        setMask = UInt64(count / LimitTable.setSlots - 1)
        let bytes = count * MemoryLayout<Atomic<WordPair>>.stride
        // Aligned to cache lines, so that a set fills four and shares none.
        let raw = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
        unsafe memory = raw.bindMemory(to: Atomic<WordPair>.self, capacity: count)
        for slot in 0..<count {
            unsafe (memory + slot).initialize(to: Atomic(WordPair(first: 0, second: 0)))
        }
    }

    deinit {
        unsafe memory.deinitialize(count: slots)
        unsafe UnsafeMutableRawPointer(memory).deallocate()
    }

    /// The key of `subject` of the `issuer`th issuer under the `limit`th limit.
    public func key(limit index: Int, subject: Span<UInt8>, issuer: UInt16) -> LimitKeyValue {
        var hash = SipHash(secret: secret, isWide: true)
        hash.absorb(head(index, .subject) | UInt64(issuer) << 8)
        return LimitKeyValue(hash.finishWide(subject))
    }

    /// The key of a client's `address` under the `limit`th limit; IPv6 counts by its /64.
    public func key(limit index: Int, address: Identifier128) -> LimitKeyValue {
        var hash = SipHash(secret: secret, isWide: true)
        hash.absorb(head(index, .clientAddress))
        let isIPv4 = address.high == 0 && address.low >> 32 == 0xFFFF
        hash.absorb(address.high)
        hash.absorb(isIPv4 ? address.low : 0)
        return LimitKeyValue(hash.finishWide(Span()))
    }

    /// The key of the `route`th route under the `limit`th limit.
    public func key(limit index: Int, route: Int) -> LimitKeyValue {
        var hash = SipHash(secret: secret, isWide: true)
        hash.absorb(head(index, .route))
        hash.absorb(UInt64(truncatingIfNeeded: route))
        return LimitKeyValue(hash.finishWide(Span()))
    }

    private func head(_ index: Int, _ kind: LimitKey) -> UInt64 {
        UInt64(truncatingIfNeeded: index) << 32 | UInt64(kind.rawValue)
    }

    /// Counts one request of `keyHash` at `now` under `limit`, if it is within it.
    public func take(limit: RateLimit, keyHash: LimitKeyValue, now: Instant) -> LimitDecision {
        take(limit: limit.rule, keyHash: keyHash, now: now)
    }

    /// Counts one request of `keyHash` at `now` under `limit`, if it is within it.
    ///
    /// Any thread; no lock, no allocation.
    public func take(limit: LimitRule, keyHash: LimitKeyValue, now: Instant) -> LimitDecision {
        for _ in 0..<LimitTable.attempts {
            let place: Place
            switch look(for: keyHash, now: now) {
            case .counted(let slot, let arrival):
                if let decision = advance(slot, keyHash, from: arrival, limit, now) {
                    return decision
                }
                continue
            case .claimed(let slot, let claim):
                place = Place(slot: slot, claim: claim)
            case .free(let slot, let old):
                let claim = LimitTable.claimBit | nextTicket.add(1, ordering: .relaxed).oldValue
                let new = WordPair(
                    first: UInt(keyHash.fingerprint), second: UInt(truncatingIfNeeded: claim))
                guard swap(slot, old, new) else { continue }
                place = Place(slot: slot, claim: claim)
            case .full:
                return LimitDecision(
                    outcome: .tableFull, remaining: 0,
                    retryAfterNanoseconds: limit.emissionNanoseconds, resetNanoseconds: 0)
            }
            guard isSole(place, keyHash) else { continue }
            let (arrival, decision) = GCRA.step(arrival: 0, rule: limit, now: now)
            let old = pair(keyHash, place.claim)
            if swap(place.slot, old, pair(keyHash, arrival)) { return decision }
        }
        return LimitDecision(
            outcome: .tableFull, remaining: 0, retryAfterNanoseconds: limit.emissionNanoseconds,
            resetNanoseconds: 0)
    }

    // MARK: - Slots

    private struct Place {
        let slot: Int
        let claim: UInt64
    }

    private enum Finding {
        case counted(slot: Int, arrival: UInt64)
        /// The first claim of the key, in the order of its search.
        case claimed(slot: Int, claim: UInt64)
        case free(slot: Int, old: WordPair)
        case full
    }

    /// The key's `step`th slot: its set's slots in turn, from a place of the key's own.
    @inline(__always)
    private func slot(_ key: LimitKeyValue, _ step: Int) -> Int {
        let set = Int(truncatingIfNeeded: key.place & setMask) &* LimitTable.setSlots
        let start = Int(truncatingIfNeeded: key.place >> 60)
        return set &+ ((start &+ step) & (LimitTable.setSlots &- 1))
    }

    /// The two words of `slot`, read one after the other.
    ///
    /// They may belong to two different moments. Whatever is done about them is a swap that
    /// succeeds only if both stood there together, except in `isSole`, which reads both at once.
    @inline(__always)
    private func words(_ slot: Int) -> (fingerprint: UInt64, state: UInt64) {
        let pointer = unsafe UnsafeRawPointer(memory + slot)
        // Safe: a slot is two naturally aligned words; an aligned load of one is never torn.
        let word = unsafe pointer.assumingMemoryBound(to: Atomic<UInt>.self)
        let first = unsafe word[0].load(ordering: .acquiring)
        let second = unsafe word[1].load(ordering: .acquiring)
        return (UInt64(first), UInt64(second))
    }

    private func look(for key: LimitKeyValue, now: Instant) -> Finding {
        var claimed: Finding?
        var free: Finding?
        for step in 0..<LimitTable.setSlots {
            let slot = slot(key, step)
            let (fingerprint, state) = words(slot)
            let isClaim = state & LimitTable.claimBit != 0
            if fingerprint == key.fingerprint {
                if !isClaim { return .counted(slot: slot, arrival: state) }
                if claimed == nil { claimed = .claimed(slot: slot, claim: state) }
            } else if free == nil, !isClaim, isOver(state, now: now) {
                let old = WordPair(first: UInt(fingerprint), second: UInt(state))
                free = .free(slot: slot, old: old)
            }
        }
        return claimed ?? free ?? .full
    }

    /// Whether nothing has been owed at the arrival time `state` for long enough.
    @inline(__always)
    private func isOver(_ state: UInt64, now: Instant) -> Bool {
        // An empty slot has 0 and is free at once, also in the first second after boot.
        state == 0 || now.nanoseconds >= state &+ LimitTable.graceNanoseconds
    }

    /// Moves the arrival time of a counted slot on; nil when another thread was faster.
    @inline(__always)
    private func advance(
        _ slot: Int, _ key: LimitKeyValue, from arrival: UInt64, _ rule: LimitRule, _ now: Instant
    ) -> LimitDecision? {
        let (next, decision) = GCRA.step(arrival: arrival, rule: rule, now: now)
        // The swap also stands guard for a refusal: the two words were read apart.
        return swap(slot, pair(key, arrival), pair(key, next)) ? decision : nil
    }

    /// Whether the claim at `place` is the key's only slot, after removing later claims.
    private func isSole(_ place: Place, _ key: LimitKeyValue) -> Bool {
        var isBefore = true
        for step in 0..<LimitTable.setSlots {
            let slot = slot(key, step)
            if slot == place.slot {
                isBefore = false
                continue
            }
            // Sequentially consistent, as the swaps are: of two claims, at least one is seen.
            let found = unsafe memory[slot].load(ordering: .sequentiallyConsistent)
            guard UInt64(found.first) == key.fingerprint else { continue }
            if UInt64(found.second) & LimitTable.claimBit == 0 || isBefore {
                // Counted elsewhere, or claimed earlier: this claim is not needed.
                _ = swap(place.slot, pair(key, place.claim), WordPair(first: 0, second: 0))
                return false
            }
            guard swap(slot, found, WordPair(first: 0, second: 0)) else { return false }
        }
        return true
    }

    @inline(__always)
    private func pair(_ key: LimitKeyValue, _ state: UInt64) -> WordPair {
        WordPair(first: UInt(key.fingerprint), second: UInt(state))
    }

    @inline(__always)
    private func swap(_ slot: Int, _ old: WordPair, _ new: WordPair) -> Bool {
        unsafe memory[slot].compareExchange(
            expected: old, desired: new, ordering: .sequentiallyConsistent
        ).exchanged
    }
}
