import COpenSSL
import Crypto
import Primitives

/// JA4, a fingerprint of what TLS client somebody uses, as FoxIO specifies it for TLS over TCP.
///
///     t13d1516h2_8daaf6152771_e5627efa2ab1
///
/// | characters | what |
/// |---|---|
/// | 1 | `t`, TLS over TCP |
/// | 2 | newest version offered |
/// | 1 | `d` with a server name, else `i` |
/// | 2 + 2 | how many cipher suites and extensions, at most 99 |
/// | 2 | first and last character of the first protocol offered (ALPN) |
/// | 1 + 12 | `_`, start of SHA-256 over the sorted cipher suites |
/// | 1 + 12 | `_`, start of SHA-256 over the sorted extensions, without server name and ALPN, and the signature algorithms in their order |
///
/// GREASE values (RFC 8701) are left out everywhere. A list of nothing has twelve zeros for its
/// digest. No memory is allocated.
public enum ClientHelloFingerprint {
    /// Characters in a fingerprint.
    public static let byteCount = 36
    /// Most values of one list that are sorted and digested. About 350 cipher suites and 70
    /// extensions are registered, so that only a made-up message has more; its further values
    /// count in the counts alone.
    public static let listLimit = 512

    /// Appends the fingerprint of `message`, a ClientHello with its header of four bytes.
    ///
    /// - Returns: False, and nothing is appended, when the message is malformed.
    public static func write(
        _ message: Span<UInt8>, digests: inout SHA256, into writer: inout ByteWriter
    ) -> Bool {
        guard let hello = ClientHello(message), writer.room >= byteCount else { return false }
        write(hello, digests: &digests, into: &writer)
        return true
    }

    /// Appends the fingerprint when what OpenSSL's message callback shows is a ClientHello that was
    /// received.
    ///
    /// The callback shows a whole handshake message, before OpenSSL judges it, to
    /// `SSL_CTX_set_msg_callback`'s function, whose first, third, fourth and fifth arguments these
    /// are. Its other uses cost a call for each record: take it off the session after the first
    /// message (a second ClientHello, after a HelloRetryRequest, does not count).
    ///
    /// - Returns: Whether it was one, and was appended.
    static func write(
        isSent: CInt, contentType: CInt, _ start: UnsafeRawPointer?, _ count: Int,
        digests: inout SHA256, into writer: inout ByteWriter
    ) -> Bool {
        guard isSent == 0, contentType == SSL3_RT_HANDSHAKE, count > 0, let start = unsafe start
        else { return false }
        // Safe: OpenSSL lends that many bytes for the callback, which this call does not outlive.
        let message = unsafe Span<UInt8>(
            _unsafeStart: start.assumingMemoryBound(to: UInt8.self), count: count)
        return write(message, digests: &digests, into: &writer)
    }

    private static func write(
        _ hello: borrowing ClientHello, digests: inout SHA256, into writer: inout ByteWriter
    ) {
        var ciphers = SortedNumbers()
        let suites = hello.ciphers
        var offset = 0
        while offset < suites.count {
            ciphers.add(suites.bigEndian(at: offset))
            offset += 2
        }
        var types = SortedNumbers()
        var rest = hello.extensions
        var hasServerName = false
        while rest.count >= 4 {
            let type: UInt16 = rest.bigEndian(at: 0)
            rest = rest.extracting(droppingFirst: 2)
            guard rest.takeVector(lengthBytes: 2) != nil else { break }
            if type == 0 { hasServerName = true }
            types.add(type, isListed: type != 0 && type != 16)
        }

        writer.append(UInt8(ascii: "t"))
        writer.append(versionText(hello))
        writer.append(UInt8(ascii: hasServerName ? "d" : "i"))
        appendCount(ciphers.total, into: &writer)
        appendCount(types.total, into: &writer)
        appendProtocol(hello, into: &writer)

        var text = ListText()
        digests.begin()
        ciphers.sort()
        for place in 0..<ciphers.count { text.append(ciphers[place], to: &digests) }
        appendDigest(of: text, digests: &digests, into: &writer)

        text = ListText()
        digests.begin()
        types.sort()
        for place in 0..<types.count { text.append(types[place], to: &digests) }
        appendSignatureAlgorithms(hello, to: &text, digests: &digests)
        appendDigest(of: text, digests: &digests, into: &writer)
    }

    /// The newest of `supported_versions`, else the old version field.
    private static func versionText(_ hello: borrowing ClientHello) -> StaticString {
        var version = hello.legacyVersion
        if var body = hello.body(of: 43) {
            version = 0
            if let versions = body.takeVector(lengthBytes: 1) {
                var offset = 0
                while offset + 2 <= versions.count {
                    let offered: UInt16 = versions.bigEndian(at: offset)
                    if !isGrease(offered) { version = max(version, offered) }
                    offset += 2
                }
            }
        }
        switch version {
        case 0x0304: return "13"
        case 0x0303: return "12"
        case 0x0302: return "11"
        case 0x0301: return "10"
        case 0x0300: return "s3"
        case 0x0002: return "s2"
        case 0xFEFF: return "d1"
        case 0xFEFD: return "d2"
        case 0xFEFC: return "d3"
        default: return "00"
        }
    }

    private static func appendCount(_ count: Int, into writer: inout ByteWriter) {
        let shown = min(count, 99)
        writer.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: shown / 10))
        writer.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: shown % 10))
    }

    /// First and last character of the first protocol, or, when one of the two is no letter or
    /// digit, first and last digit of its hexadecimal form.
    private static func appendProtocol(
        _ hello: borrowing ClientHello, into writer: inout ByteWriter
    ) {
        guard var body = hello.body(of: 16), var list = body.takeVector(lengthBytes: 2),
            let name = list.takeVector(lengthBytes: 1), !name.isEmpty
        else {
            writer.append("00")
            return
        }
        let first = name[0]
        let last = name[name.count - 1]
        if isAlphanumeric(first), isAlphanumeric(last) {
            writer.append(first)
            writer.append(last)
        } else {
            writer.appendHex(UInt64(first >> 4), digits: 1)
            writer.appendHex(UInt64(last & 15), digits: 1)
        }
    }

    private static func appendSignatureAlgorithms(
        _ hello: borrowing ClientHello, to text: inout ListText, digests: inout SHA256
    ) {
        guard !text.isEmpty, var body = hello.body(of: 13),
            let algorithms = body.takeVector(lengthBytes: 2)
        else { return }
        text.endList()
        var offset = 0
        var listed = 0
        while offset + 2 <= algorithms.count, listed < listLimit {
            let algorithm: UInt16 = algorithms.bigEndian(at: offset)
            offset += 2
            if isGrease(algorithm) { continue }
            text.append(algorithm, to: &digests)
            listed += 1
        }
    }

    private static func appendDigest(
        of text: borrowing ListText, digests: inout SHA256, into writer: inout ByteWriter
    ) {
        writer.append(UInt8(ascii: "_"))
        text.flush(to: &digests)
        let digest = digests.finish()
        if text.isEmpty {
            writer.append("000000000000")
        } else {
            writer.appendHex(digest.words.0 >> 16, digits: 12)
        }
    }

    /// Whether a value is one of 0x0A0A, 0x1A1A … 0xFAFA (RFC 8701).
    static func isGrease(_ value: UInt16) -> Bool {
        value & 0x0F0F == 0x0A0A && value >> 8 == value & 0xFF
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        byte.isASCIIDigit || (byte.asciiLowercased &- 0x61) < 26
    }
}

/// Numbers to be sorted, as many as are digested, in fixed memory.
private struct SortedNumbers: ~Copyable {
    /// How many there were, without GREASE; more than are kept, perhaps.
    var total = 0
    /// How many are kept.
    var count = 0
    private var numbers = InlineArray<512, UInt16>(repeating: 0)

    subscript(place: Int) -> UInt16 { numbers[place] }

    mutating func add(_ number: UInt16, isListed: Bool = true) {
        if ClientHelloFingerprint.isGrease(number) { return }
        total += 1
        guard isListed, count < ClientHelloFingerprint.listLimit else { return }
        numbers[count] = number
        count += 1
    }

    /// Shell's sort with Ciura's gaps: lists are short, and a hostile one costs little more.
    mutating func sort() {
        let gaps: InlineArray<7, Int> = [301, 132, 57, 23, 10, 4, 1]
        for step in 0..<7 {
            let gap = gaps[step]
            var place = gap
            while place < count {
                let number = numbers[place]
                var target = place
                while target >= gap, numbers[target - gap] > number {
                    numbers[target] = numbers[target - gap]
                    target -= gap
                }
                numbers[target] = number
                place += 1
            }
        }
    }
}

/// `0005,000a,…` on its way into a digest, a block at a time.
private struct ListText {
    private(set) var isEmpty = true
    private var separator: UInt8 = 0
    private var filled = 0
    private var block = InlineArray<160, UInt8>(repeating: 0)

    /// The next value is set apart from the last by an underscore.
    mutating func endList() { separator = UInt8(ascii: "_") }

    mutating func append(_ number: UInt16, to digests: inout SHA256) {
        if filled + 5 > 160 {
            flush(to: &digests)
            filled = 0
        }
        if separator != 0 {
            block[filled] = separator
            filled += 1
        }
        separator = UInt8(ascii: ",")
        isEmpty = false
        for place in 0..<4 {
            let nibble = UInt8(truncatingIfNeeded: number >> UInt16(12 - 4 * place) & 15)
            block[filled + place] = nibble &+ (nibble < 10 ? 0x30 : 0x57)
        }
        filled += 4
    }

    func flush(to digests: inout SHA256) {
        let bytes = block.span
        digests.update(bytes.extracting(first: filled))
    }
}
