import AuditSegments
import Primitives

/// What a record may be looked up by.
enum TokenField: UInt8 {
    case requestID = 1
    case traceID, subject, route, address, certificate, fingerprint, serverName, reason, method
}

/// The secret of an index's hashes: without it, nobody can choose values that fill its filters.
struct TokenHasher: Equatable, Sendable {
    let first: UInt64
    let second: UInt64

    /// The hash of a value of `field`.
    func hash(_ field: TokenField, _ value: some Sequence<UInt8>) -> UInt64 {
        var bytes = [field.rawValue]
        bytes.append(contentsOf: value)
        return SipHash.hash(bytes.span, secret: (first, second))
    }

    /// The hash of an address, however it is written; of anything else by its text.
    func hash(address text: String) -> UInt64 {
        let bytes = Array(text.utf8)
        guard let parsed = Identifier128(addressText: bytes.span) else {
            return hash(.address, bytes)
        }
        return hash(address: parsed)
    }

    func hash(address: Identifier128) -> UInt64 {
        hash(.address, "\(address.high.hexText)\(address.low.hexText)".utf8)
    }
}

/// Says of a value that it is in none of a batch's records, or that it may be (a Bloom filter).
///
/// Twelve bits and seven probes for each value: three values in a thousand that are not there
/// look as if they were, and none that is there is missed.
struct TokenFilter: Equatable, Sendable {
    let bits: [UInt8]

    private static let bitsPerToken = 12
    private static let probes: UInt64 = 7

    /// A filter as it was stored.
    init(bits: [UInt8]) {
        self.bits = bits
    }

    /// The filter of these hashes.
    init(hashes: Set<UInt64>) {
        var filled = [UInt8](
            repeating: 0, count: (max(1, hashes.count) * TokenFilter.bitsPerToken + 7) / 8)
        let size = UInt64(filled.count * 8)
        for hash in hashes {
            for probe in 0..<TokenFilter.probes {
                let place = TokenFilter.place(hash, probe, size)
                filled[Int(place / 8)] |= 1 << UInt8(place % 8)
            }
        }
        bits = filled
    }

    /// Whether a value with this hash may be there.
    func mayHold(_ hash: UInt64) -> Bool {
        let size = UInt64(bits.count * 8)
        guard size > 0 else { return true }
        return (0..<TokenFilter.probes).allSatisfy { probe in
            let place = TokenFilter.place(hash, probe, size)
            return bits[Int(place / 8)] >> UInt8(place % 8) & 1 == 1
        }
    }

    private static func place(_ hash: UInt64, _ probe: UInt64, _ size: UInt64) -> UInt64 {
        // Each probe is a place of its own, also in filters of few bytes (the end of SplitMix64).
        var mixed = hash &+ probe &* 0x9E37_79B9_7F4A_7C15
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return (mixed ^ mixed >> 31) % size
    }
}
