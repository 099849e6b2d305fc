import Primitives
import Testing

@testable import AuditRecords

/// What is written in one pass is what the thorough way writes.
@Suite struct QuickPartsTests {
    @Test(arguments: 0..<20)
    func `both ways write the same bytes`(seed: UInt64) {
        var ways = BothWays()
        var random = Numbers(state: seed)
        for _ in 0..<10 {
            let facts = randomFacts(&random)
            let fields = randomFields(&random)
            ways.compare(facts, fields)
        }
    }

    @Test func `text of every length is copied whole`() {
        var ways = BothWays()
        for count in 0...64 {
            let path = (0..<count).map { UInt8(0x61 + $0 % 26) }
            ways.compare(RecordFacts(), field(.path, path))
        }
    }

    @Test func `a byte that needs a change is found at every place`() {
        var ways = BothWays()
        for count in [1, 3, 7, 8, 9, 16, 17] {
            for place in 0..<count {
                for byte: UInt8 in [0, 0x1F, 0x22, 0x5C, 0x7F, 0x80, 0xFF] {
                    var path = [UInt8](repeating: 0x61, count: count)
                    path[place] = byte
                    ways.compare(RecordFacts(), field(.path, path))
                }
            }
        }
    }

    @Test func `every byte that a text may hold is written the same`() {
        var ways = BothWays()
        for byte in UInt8.min...UInt8.max {
            ways.compare(RecordFacts(), field(.subject, [0x20, byte, 0x7E]))
            ways.compare(RecordFacts(), field(.subject, [UInt8](repeating: byte, count: 9)))
        }
    }

    @Test func `numbers of every length have their digits`() {
        var ways = BothWays()
        var value: UInt64 = 1
        while value < 1 << 54 {
            for number in [value - 1, value, value + 1] {
                var facts = RecordFacts()
                facts.bytesIn = number
                facts.bytesOut = number &* 7
                facts.totalMicroseconds = UInt32(truncatingIfNeeded: number)
                ways.compare(facts, [])
            }
            value = value % 3 == 1 ? value * 10 / 3 + 1 : value * 3
        }
        for length in 0..<20 {
            var facts = RecordFacts()
            facts.sequence = (0..<length).reduce(1) { power, _ in power * 10 }
            ways.compare(facts, [])
            facts.sequence -= 1
            ways.compare(facts, [])
        }
    }

    @Test func `the longest plain record fits the size that is said`() {
        var ways = BothWays()
        let limits = RecordLimits()
        var fields: [UInt8] = []
        for named in RecordField.allCases where named.isUsual || named == .method {
            let count = limits.bytes(of: named)
            let times = named == .certificateName ? RecordLimits.certificateNameCount : 1
            for _ in 0..<times { fields += field(named, [UInt8](repeating: 0x61, count: count)) }
        }
        var facts = Sample.facts()
        facts.tlsVersion = 0x0304
        facts.tlsCipher = 0xCCA9
        facts.tlsGroup = 23
        facts.tlsSignature = 0x0603
        facts.tlsProtocol = 1
        facts.handshakeMicroseconds = .max
        facts.errorSource = .upstream
        facts.errorPhase = .authorization
        facts.reason = .upstreamResponseTimeout
        facts.instant = Instant(nanoseconds: .max)
        facts.time = WallTime(microseconds: .max)
        facts.peer = PeerAddress(
            address: Identifier128(high: .max, low: .max), port: .max)
        facts.client = facts.peer
        facts.sequence = .max
        facts.linkedSequence = .max
        facts.connection = .max
        facts.bytesIn = .max
        facts.bytesOut = .max
        facts.headMicroseconds = .max
        facts.decisionMicroseconds = .max
        facts.connectMicroseconds = .max
        facts.firstByteMicroseconds = .max
        facts.totalMicroseconds = .max
        facts.limitRemaining = .max
        facts.retryAfterSeconds = .max
        ways.compare(facts, fields)
    }

    @Test(arguments: [
        [RecordField.sealedSubject, .subjectKey], [.clientPseudonym, .peerPseudonym, .addressKey],
        [.addressKey, .subject, .subjectKey, .clientPseudonym, .tokenID],
    ])
    func `what covers a person is written the same`(covers: [RecordField]) {
        var ways = BothWays()
        let fields = covers.map { field($0, Array("0123456789abcdef".utf8)) }.joined()
        ways.compare(RecordFacts(), Array(fields))
        ways.compare(RecordFacts(), Array(fields) + field(.path, [0x22]))
    }

    private func field(_ field: RecordField, _ value: [UInt8]) -> [UInt8] {
        Sample.fields { _ = $0.appendRecordField(field, value.span, limits: RecordLimits()) }
    }

    private func randomFacts(_ random: inout Numbers) -> RecordFacts {
        var facts = RecordFacts()
        facts.outcome = Outcome.allCases.randomElement(using: &random) ?? .allow
        facts.errorSource = ErrorSource.allCases.randomElement(using: &random) ?? .none
        facts.errorPhase = RequestPhase.allCases.randomElement(using: &random) ?? .none
        facts.reason = Reason.allCases.randomElement(using: &random) ?? .none
        facts.httpVersion = [0, 10, 11, 12, 20].randomElement(using: &random) ?? 0
        facts.method = [0, 1, 5, 9, 10, 255].randomElement(using: &random) ?? 0
        facts.level = .random(in: 0...6, using: &random)
        facts.isCacheHit = .random(using: &random)
        facts.isUpstreamReused = .random(using: &random)
        facts.upstreamAttempts = .random(in: 0...255, using: &random)
        facts.algorithm = .random(in: 0...12, using: &random)
        facts.worker = .random(in: 0...300, using: &random)
        facts.listener = index(&random)
        facts.route = index(&random)
        facts.rule = index(&random)
        facts.role = index(&random)
        facts.issuer = index(&random)
        facts.limit = index(&random)
        facts.upstream = index(&random)
        facts.endpoint = index(&random)
        facts.status = .random(in: 0...599, using: &random)
        facts.upstreamStatus = .random(in: 0...2, using: &random) * 200
        facts.sequence = number(&random)
        facts.linkedSequence = number(&random)
        facts.time = WallTime(microseconds: Int64(truncatingIfNeeded: number(&random)))
        facts.instant = Instant(nanoseconds: number(&random))
        facts.connection = number(&random)
        facts.requestID = Identifier128(high: number(&random), low: number(&random))
        facts.traceID = Identifier128(high: number(&random), low: number(&random))
        facts.spanID = number(&random)
        facts.peer = address(&random)
        facts.client = address(&random)
        facts.bytesIn = number(&random)
        facts.bytesOut = number(&random)
        facts.headMicroseconds = UInt32(truncatingIfNeeded: number(&random))
        facts.decisionMicroseconds = UInt32(truncatingIfNeeded: number(&random))
        facts.connectMicroseconds = UInt32(truncatingIfNeeded: number(&random))
        facts.firstByteMicroseconds = UInt32(truncatingIfNeeded: number(&random))
        facts.totalMicroseconds = UInt32(truncatingIfNeeded: number(&random))
        facts.limitRemaining = UInt32(truncatingIfNeeded: number(&random))
        facts.retryAfterSeconds = UInt32(truncatingIfNeeded: number(&random))
        setTLS(&facts, &random)
        return facts
    }

    private func setTLS(_ facts: inout RecordFacts, _ random: inout Numbers) {
        facts.kind = [.combined, .combined, .authentication].randomElement(using: &random) ?? .gap
        facts.scheme = CredentialScheme.allCases.randomElement(using: &random) ?? .none
        facts.tlsVersion = [0, 0x0303, 0x0304, 0x0305].randomElement(using: &random) ?? 0
        facts.tlsCipher =
            [0, 0x1301, 0x1302, 0x1303, 0xC02B, 0xC02C, 0xC02F, 0xC030, 0xCCA8, 0xCCA9, 0x9C]
            .randomElement(using: &random) ?? 0
        facts.tlsGroup = [0, 23, 24, 29].randomElement(using: &random) ?? 0
        facts.tlsSignature =
            (0x0803...0x080C).randomElement(using: &random).map { $0 % 2 == 0 ? $0 : 0x0403 } ?? 0
        facts.tlsProtocol = .random(in: 0...1, using: &random)
        facts.tlsAlert = [0, 0, 0, 40].randomElement(using: &random) ?? 0
        facts.isTLSResumed = .random(using: &random)
        facts.handshakeMicroseconds = UInt32(truncatingIfNeeded: number(&random))
    }

    /// Mostly a name that there is, or none.
    private func index(_ random: inout Numbers) -> UInt16 {
        [0, 0, 0, 1, RecordFacts.noIndex].randomElement(using: &random) ?? 0
    }

    /// As often short as long.
    private func number(_ random: inout Numbers) -> UInt64 {
        random.next() >> UInt64.random(in: 0...64, using: &random)
    }

    private func address(_ random: inout Numbers) -> PeerAddress {
        switch Int.random(in: 0...2, using: &random) {
        case 0: .unknown
        case 1: PeerAddress(ipv4: .random(in: 0...UInt32.max, using: &random), port: 1)
        default:
            PeerAddress(
                address: Identifier128(high: number(&random), low: number(&random)), port: 65535)
        }
    }

    private func randomFields(_ random: inout Numbers) -> [UInt8] {
        let limits = RecordLimits()
        return Sample.fields { writer in
            for field in RecordField.allCases
            where !field.isOfVeil && Bool.random(using: &random) {
                if !field.isUsual, Int.random(in: 0...40, using: &random) > 0 { continue }
                let times =
                    field == .certificateName ? Int.random(in: 1...10, using: &random) : 1
                for _ in 0..<times {
                    let value = randomValue(field, limits.bytes(of: field), &random)
                    _ = writer.appendRecordField(field, value.span, limits: limits)
                }
            }
        }
    }

    private func randomValue(
        _ field: RecordField, _ longest: Int, _ random: inout Numbers
    ) -> [UInt8] {
        let count = field.isRaw ? longest : Int.random(in: 0...40, using: &random)
        let isPlain = Int.random(in: 0...20, using: &random) > 0
        return (0..<min(count, longest)).map { _ in
            isPlain && !field.isRaw
                ? UInt8.random(in: 0x23...0x5B, using: &random)
                : UInt8.random(in: 0...255, using: &random)
        }
    }
}

/// One encoder that writes each record both ways.
private struct BothWays: ~Copyable {
    var encoder = Sample.encoder()
    var quick = ByteBuffer(capacity: 1 << 16)
    var thorough = ByteBuffer(capacity: 1 << 16)

    mutating func compare(_ facts: RecordFacts, _ fields: [UInt8]) {
        quick.removeAll()
        thorough.removeAll()
        let places = quick.write {
            $0.append("before")
            return encoder.encode(facts, fields: fields.span, gap: 20, into: &$0)
        }
        let expected = thorough.write {
            $0.append("before")
            return encoder.encodeThoroughly(facts, fields.span, 20, &$0)
        }
        let isSame = places == expected && quick.span.equals(thorough.span)
        let core = quick.span.extracting(places.core).text()
        #expect(isSame, "\(core)")
    }
}

/// Numbers that are the same at each run (SplitMix64).
private struct Numbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
