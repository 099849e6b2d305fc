import Primitives

/// The parts of a ClientHello that say what a client is and whom it asks for (RFC 8446 §4.1.2).
///
/// | bytes | what |
/// |---|---|
/// | 1 | 1, the handshake type |
/// | 3 | length of the rest, big-endian |
/// | 2 | version as TLS 1.2 and older gave it |
/// | 32 | random |
/// | 1 + n | session id |
/// | 2 + n | cipher suites |
/// | 1 + n | compression methods |
/// | 2 + n | extensions: type (2), length (2), body; the whole field may be missing |
///
/// OpenSSL's own accessors leave out every extension that OpenSSL does not implement, so the
/// message is read here, as the message callback shows it. Only lengths are judged: OpenSSL
/// refuses whatever else is wrong.
public struct ClientHello: ~Escapable {
    /// The version field, which TLS 1.3 keeps at 0x0303.
    public let legacyVersion: UInt16
    /// Cipher suites, two bytes each.
    public let ciphers: Span<UInt8>
    /// All extensions, one after the other.
    public let extensions: Span<UInt8>

    /// The ClientHello in `message`, its four bytes of header included; nil when lengths disagree.
    @_lifetime(copy message)
    public init?(_ message: Span<UInt8>) {
        guard message.count >= 4, message[0] == 1 else { return nil }
        var rest = message.extracting(droppingFirst: 1)
        guard var body = rest.takeVector(lengthBytes: 3), rest.isEmpty, body.count >= 34 else {
            return nil
        }
        let version: UInt16 = body.bigEndian(at: 0)
        body = body.extracting(droppingFirst: 34)
        guard body.takeVector(lengthBytes: 1) != nil,
            let ciphers = body.takeVector(lengthBytes: 2), ciphers.count % 2 == 0,
            let compressions = body.takeVector(lengthBytes: 1)
        else { return nil }
        _ = compressions
        legacyVersion = version
        self.ciphers = ciphers
        if body.isEmpty {
            extensions = body
            return
        }
        guard let extensions = body.takeVector(lengthBytes: 2), body.isEmpty,
            ClientHello.isWhole(extensions)
        else { return nil }
        self.extensions = extensions
    }

    /// The body of the first extension of this type; nil when there is none.
    @_lifetime(copy self)
    public func body(of type: UInt16) -> Span<UInt8>? {
        var rest = extensions
        while rest.count >= 4 {
            let found: UInt16 = rest.bigEndian(at: 0)
            rest = rest.extracting(droppingFirst: 2)
            guard let body = rest.takeVector(lengthBytes: 2) else { return nil }
            if found == type { return body }
        }
        return nil
    }

    /// The name that the client asks for, as it sent it; empty when it sent none.
    public var serverName: Span<UInt8> {
        @_lifetime(copy self)
        get {
            guard let body = body(of: 0) else { return extensions.extracting(first: 0) }
            return ClientHello.serverName(inExtension: body)
        }
    }

    /// The host name in the body of a `server_name` extension (RFC 6066 §3); empty when there is
    /// none or the lengths disagree.
    @_lifetime(copy body)
    public static func serverName(inExtension body: Span<UInt8>) -> Span<UInt8> {
        let none = body.extracting(first: 0)
        var rest = body
        guard var list = rest.takeVector(lengthBytes: 2), rest.isEmpty else { return none }
        while !list.isEmpty {
            let isHostName = list[0] == 0
            list = list.extracting(droppingFirst: 1)
            guard let name = list.takeVector(lengthBytes: 2) else { return none }
            if isHostName { return name }
        }
        return none
    }

    private static func isWhole(_ extensions: Span<UInt8>) -> Bool {
        var rest = extensions
        while !rest.isEmpty {
            guard rest.count >= 4 else { return false }
            rest = rest.extracting(droppingFirst: 2)
            guard rest.takeVector(lengthBytes: 2) != nil else { return false }
        }
        return true
    }
}

extension Span where Element == UInt8 {
    /// Takes a length of so many bytes and what it counts off the front; nil when that is cut off.
    @_lifetime(copy self)
    @_lifetime(self: copy self)
    mutating func takeVector(lengthBytes: Int) -> Span<UInt8>? {
        guard count >= lengthBytes else { return nil }
        var length = 0
        for offset in 0..<lengthBytes { length = length << 8 | Int(self[offset]) }
        guard length <= count - lengthBytes else { return nil }
        let taken = extracting(lengthBytes..<lengthBytes + length)
        self = extracting((lengthBytes + length)...)
        return taken
    }
}
