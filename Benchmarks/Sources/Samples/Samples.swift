import AuditRecords
import Crypto
import Primitives

/// Records like those of real requests.
public enum Samples {
    /// The names behind their numbers.
    public static var names: RecordNames {
        var names = RecordNames()
        names.listeners = ["public"]
        names.routes = ["orders-read"]
        names.issuers = ["corp"]
        names.limits = ["per_subject"]
        names.roles = ["reader"]
        names.upstreams = ["orders"]
        names.endpoints = [["127.0.0.1:9000"]]
        return names
    }

    /// The facts of a request that was allowed.
    public static func facts() -> RecordFacts {
        var facts = RecordFacts()
        facts.outcome = .allow
        facts.httpVersion = 11
        facts.method = 1
        facts.level = 1
        facts.isCacheHit = true
        facts.isUpstreamReused = true
        facts.upstreamAttempts = 1
        facts.algorithm = SignatureAlgorithm.RS256.rawValue
        facts.listener = 0
        facts.route = 0
        facts.rule = 0
        facts.role = 0
        facts.issuer = 0
        facts.limit = 0
        facts.upstream = 0
        facts.endpoint = 0
        facts.status = 200
        facts.upstreamStatus = 200
        facts.sequence = 123_456
        facts.time = WallTime(microseconds: 1_800_000_000_123_456)
        facts.instant = Instant(nanoseconds: 123_456_789_000)
        facts.connection = 4711
        facts.requestID = Identifier128(high: 0x0123_4567_89AB_CDEF, low: 0xFEDC_BA98_7654_3210)
        facts.traceID = Identifier128(high: 0x1123_4567_89AB_CDEF, low: 0xEEDC_BA98_7654_3210)
        facts.spanID = 0x1122_3344_5566_7788
        facts.peer = PeerAddress(ipv4: 0x7F00_0001, port: 50000)
        facts.client = PeerAddress(ipv4: 0x7F00_0001, port: 50000)
        facts.bytesIn = 800
        facts.bytesOut = 350
        facts.headMicroseconds = 12
        facts.decisionMicroseconds = 15
        facts.firstByteMicroseconds = 210
        facts.totalMicroseconds = 230
        facts.limitRemaining = 100
        return facts
    }

    /// The same request on a TLS 1.3 connection.
    public static func secured(_ facts: RecordFacts) -> RecordFacts {
        var facts = facts
        facts.tlsVersion = 0x0304
        facts.tlsCipher = 0x1301
        facts.tlsGroup = 29
        facts.tlsSignature = 0x0403
        facts.tlsProtocol = 1
        facts.handshakeMicroseconds = 1234
        return facts
    }

    /// What TLS adds to the text.
    public static func handshakeFields() -> [UInt8] {
        fields([
            (.serverName, "api.example.com"),
            (.tlsFingerprint, "t13d1516h1_8daaf6152771_02713d6af862"),
        ])
    }

    /// What a client certificate adds.
    public static func certificateFields() -> [UInt8] {
        fields([
            (.certificateHash, "0123456789abcdef0123456789abcdef"),
            (.certificateSubject, "CN=orders,O=Example"),
            (.certificateName, "uri:spiffe://example.com/orders"),
            (.certificateName, "dns:orders.example.com"),
        ])
    }

    /// Its text.
    public static func fields() -> [UInt8] {
        fields([
            (.authority, "api.example.com"), (.path, "/v1/acme/orders/4711"),
            (.queryKeys, "expand"), (.userAgent, "curl/8.5.0"), (.subject, "alice@example.com"),
            (.clientID, "perf-client"), (.tokenID, "4c1d9f52-6a0e-4f9b-9a53-0f8f6f0f7c1e"),
            (.tokenThumbprint, "0123456789abcdef"), (.keyID, "rs-1"),
        ])
    }

    /// `texts` as the text of a record.
    public static func fields(_ texts: [(RecordField, String)]) -> [UInt8] {
        let limits = RecordLimits()
        var buffer = ByteBuffer(capacity: 4096)
        for (field, text) in texts {
            let bytes = Array(text.utf8)
            let isWritten = buffer.write {
                $0.appendRecordField(field, bytes.span, limits: limits)
            }
            precondition(isWritten)
        }
        return (0..<buffer.count).map { buffer.span[$0] }
    }
}
