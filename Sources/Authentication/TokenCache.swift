import Crypto
import Primitives

/// What is remembered of a verified token, beside its bytes and texts.
struct CachedToken: BitwiseCopyable {
    var principal: Principal
    var generation: SettingsGeneration
    var tokenCount: UInt32
    /// When it was last used, in calls.
    var lastUse: UInt32
    /// Moments in microseconds since 1970, the issuer's clock skew counted in.
    var validFrom: Int64
    var validBefore: Int64
    /// Not valid any more at this moment, whatever `exp` says.
    var tooOldFrom: Int64
    /// Where subject, client id, token id and key id end in the slot's texts.
    var textEnds: (UInt16, UInt16, UInt16, UInt16)
    /// SHA-256 of the certificate that the token is bound to, when it is bound to one.
    var certificate: Digest256?
}

/// Verified tokens of one worker: a fixed number of slots in sets of four.
///
/// A keyed hash of the token's last 64 bytes, which are its signature, only says where to look;
/// then the whole token is compared, so that no two tokens can be taken for one another, however
/// they were made. Whoever doesn't know a token's signature doesn't even reach the comparison,
/// so that its duration says nothing; it doesn't stop early all the same. Only tokens that were
/// verified get in, and a set that is full loses the one that was used least recently.
@safe
struct TokenCache: ~Copyable {
    static let ways = 4
    /// Tokens longer than this are recognised by their SHA-256.
    static let storedTokenBytes = 2048
    /// Four texts of up to 255 bytes.
    static let storedTextBytes = 1024
    static let mostTextBytes = 255
    /// One cache line more, so that slots do not all begin in the same set of the processor's.
    private static let stride = storedTokenBytes + storedTextBytes + 64

    let slotCount: Int
    private let tags: UnsafeMutablePointer<UInt64>
    private let entries: UnsafeMutablePointer<CachedToken>
    private let memory: UnsafeMutablePointer<UInt8>
    private let secret: (UInt64, UInt64)
    private var calls: UInt32 = 0

    /// A cache of at least `slots`, rounded up to a power of two.
    init(slots: Int) {
        precondition(slots > 0 && slots <= 1 << 20)
        var count = TokenCache.ways
        while count < slots { count *= 2 }
        slotCount = count
        unsafe tags = .allocate(capacity: count)
        unsafe tags.initialize(repeating: 0, count: count)
        unsafe entries = .allocate(capacity: count)
        // Touched when first used; never given back, so that a text's span cannot dangle.
        unsafe memory = .allocate(capacity: count * TokenCache.stride)
        secret = (RandomBytes.number(), RandomBytes.number())
    }

    deinit {
        unsafe tags.deallocate()
        unsafe entries.deallocate()
    }

    /// What a token is looked for under; never 0.
    func tag(_ token: Span<UInt8>) -> UInt64 {
        let tail = token.extracting(last: min(token.count, 64))
        return SipHash.hash(tail, secret: secret) | 1
    }

    /// Counts a call, for the order of use.
    mutating func beginCall() { calls &+= 1 }

    /// The slot of `token` under any issuer in `accepting`.
    ///
    /// - Returns: nil when there is none; `isOfOtherIssuer` says whether there is one of an issuer
    ///   that is not accepted.
    mutating func find(
        _ token: Span<UInt8>, tag: UInt64, accepting: IssuerSet, generation: SettingsGeneration,
        isOfOtherIssuer: inout Bool, digests: inout SHA256
    ) -> Int? {
        let first = firstSlot(tag)
        for slot in first..<first + TokenCache.ways where unsafe tags[slot] == tag {
            guard unsafe entries[slot].generation == generation,
                holds(slot, token, digests: &digests)
            else { continue }
            guard unsafe accepting.contains(Int(entries[slot].principal.issuer)) else {
                isOfOtherIssuer = true
                continue
            }
            unsafe entries[slot].lastUse = calls
            return slot
        }
        return nil
    }

    /// What is remembered in a slot that was found or filled.
    subscript(slot: Int) -> CachedToken {
        precondition(slot >= 0 && slot < slotCount)
        unsafe precondition(tags[slot] != 0)
        return unsafe entries[slot]
    }

    /// Forgets a slot.
    mutating func forget(_ slot: Int) {
        precondition(slot >= 0 && slot < slotCount)
        unsafe tags[slot] = 0
    }

    /// Remembers a token and its texts.
    ///
    /// - Returns: The slot it took.
    mutating func insert(
        _ token: Span<UInt8>, tag: UInt64, entry: CachedToken,
        generation: SettingsGeneration, now: Int64,
        texts: borrowing TokenTexts
    ) -> Int {
        let slot = victim(tag, issuer: entry.principal.issuer, generation: generation, now: now)
        unsafe tags[slot] = tag
        unsafe entries[slot] = entry
        unsafe entries[slot].lastUse = calls
        unsafe entries[slot].tokenCount = UInt32(token.count)
        unsafe entries[slot].generation = generation
        let start = unsafe memory + slot * TokenCache.stride
        if token.count <= TokenCache.storedTokenBytes {
            unsafe TokenCache.copy(token, to: start)
        }
        precondition(texts.texts.count <= TokenCache.storedTextBytes)
        unsafe TokenCache.copy(texts.texts.span, to: start + TokenCache.storedTokenBytes)
        return slot
    }

    /// One text of a slot. It changes when the slot is filled anew; it never dangles.
    @_lifetime(immortal)
    func text(_ slot: Int, from start: Int, to end: Int) -> Span<UInt8> {
        precondition(slot >= 0 && slot < slotCount)
        precondition(start >= 0 && start <= end && end <= TokenCache.storedTextBytes)
        // Safe: the texts were written up to `end`, and the memory is never freed.
        let base = unsafe memory + slot * TokenCache.stride + TokenCache.storedTokenBytes
        let span = unsafe Span(_unsafeStart: base + start, count: end - start)
        return unsafe _overrideLifetime(span, copying: ())
    }

    private func firstSlot(_ tag: UInt64) -> Int {
        // The lowest bit is always set and says nothing.
        Int(truncatingIfNeeded: tag >> 1) & (slotCount - 1) & ~(TokenCache.ways - 1)
    }

    /// Whether `slot` holds `token`, all of it.
    private func holds(
        _ slot: Int, _ token: Span<UInt8>, digests: inout SHA256
    ) -> Bool {
        guard unsafe Int(entries[slot].tokenCount) == token.count else { return false }
        guard token.count <= TokenCache.storedTokenBytes else {
            return unsafe digests.digest(token) == entries[slot].principal.thumbprint
        }
        // Safe: as many bytes were stored as the entry says.
        let stored = unsafe Span(
            _unsafeStart: memory + slot * TokenCache.stride, count: token.count)
        var difference: UInt64 = 0
        var offset = 0
        while offset &+ 8 <= token.count {
            difference |= token.word(at: offset) ^ stored.word(at: offset)
            offset &+= 8
        }
        while offset < token.count {
            difference |= UInt64(token[offset] ^ stored[offset])
            offset &+= 1
        }
        return difference == 0
    }

    /// The slot of the set that is missed least: free, stale, expired, or used longest ago.
    private func victim(
        _ tag: UInt64, issuer: UInt16, generation: SettingsGeneration, now: Int64
    ) -> Int {
        let first = firstSlot(tag)
        var oldest = first
        var greatestAge: UInt32 = 0
        for slot in first..<first + TokenCache.ways {
            guard unsafe tags[slot] != 0, unsafe entries[slot].generation == generation,
                unsafe entries[slot].validBefore > now
            else { return slot }
            let age = unsafe calls &- entries[slot].lastUse
            if age >= greatestAge {
                greatestAge = age
                oldest = slot
            }
        }
        return oldest
    }

    @unsafe
    private static func copy(_ bytes: Span<UInt8>, to target: UnsafeMutablePointer<UInt8>) {
        // Safe: the caller checked the room; the source is borrowed and so does not overlap.
        unsafe bytes.withUnsafeBufferPointer { source in
            if let start = source.baseAddress {
                unsafe target.update(from: start, count: source.count)
            }
        }
    }
}
