import AuditRecords
import Primitives
import Testing

@Suite struct PartsEncoderTests {
    @Test func `a typical record has sorted members and nothing without a value`() {
        let parts = Sample.encode(Sample.facts(), Sample.fields())
        #expect(parts.core == Sample.core)
        #expect(
            parts.subject
                == #"{"client_id":"shop","jti":"t-1","peer_ip":"203.0.113.7","peer_port":51000,"#
                + #""roles":["orders:read"],"sub":"alice","token":"000102030405060708090a0b0c0d0e0f"}"#
        )
        #expect(
            parts.detail
                == #"{"authority":"api.example.com","path":"/v1/a%20b","query_keys":"limit&page","#
                + #""user_agent":"curl/8.5.0"}"#)
    }

    @Test func `a record of nothing has what every record has`() {
        var facts = RecordFacts()
        facts.sequence = 1
        let parts = Sample.encode(facts, [])
        #expect(
            parts.core
                == #"{"boot":"00000000000000b0","bytes":{"in":0,"out":0},"#
                + #""config":"\#(String(repeating: "0", count: 32))","conn":0,"#
                + #""instance":"in\"1\"","level":"none","mono":0,"outcome":"error","seq":1,"#
                + #""ts":0,"us":{"decision":0,"head":0,"total":0},"v":1,"worker":0}"#)
        #expect(parts.subject == "{}")
        #expect(parts.detail == "{}")
    }

    @Test func `an error names its phase and source`() {
        var facts = RecordFacts()
        facts.errorSource = .upstream
        facts.errorPhase = .responseHead
        facts.reason = .upstreamResponseTimeout
        let core = Sample.encode(facts, []).core
        #expect(core.contains(#","error":{"phase":"response_head","source":"upstream"},"#))
        #expect(core.contains(#","reason":"upstream.response_timeout","#))
    }

    @Test func `a number that the names lack is written as it is`() {
        var facts = RecordFacts()
        facts.route = 7
        facts.role = 300
        let parts = Sample.encode(facts, [])
        #expect(parts.core.contains(##""route":"#7""##))
        #expect(parts.subject == ##"{"roles":["#300"]}"##)
    }

    @Test func `records of the settings before still find their names`() {
        var encoder = Sample.encoder()
        var names = RecordNames()
        names.routes = ["new"]
        encoder.adopt(names, generation: SettingsGeneration(number: 1))
        var facts = RecordFacts()
        facts.route = 0
        var output = ByteBuffer(capacity: 65536)
        _ = output.write { encoder.encode(facts, fields: [UInt8]().span, into: &$0) }
        facts.generation = SettingsGeneration(number: 1)
        _ = output.write { encoder.encode(facts, fields: [UInt8]().span, into: &$0) }
        let text = output.span.text()
        #expect(text.contains(#""route":"orders""#))
        #expect(text.contains(#""route":"new""#))
    }

    @Test func `a number past 2^53 is held below it`() {
        var facts = RecordFacts()
        facts.bytesIn = .max
        #expect(Sample.encode(facts, []).core.contains(#""in":9007199254740991,"#))
    }

    @Test func `the longest record fits the size that is said`() {
        let limits = RecordLimits.largest
        let hostile = [UInt8](repeating: 0xFF, count: 20_000)
        let fields = Sample.fields { writer in
            for field in RecordField.allCases where !field.isOfVeil {
                let times =
                    switch field {
                    case .header, .responseHeader: RecordLimits.headerCount
                    case .redactions, .omitted, .requestBody, .responseBody: 0
                    case .certificateName: RecordLimits.certificateNameCount
                    default: 1
                    }
                for _ in 0..<times {
                    writer.appendCutRecordField(
                        field, hostile.span, fullCount: .max, digest: .zero, limits: limits)
                }
            }
            var omitted = OmittedCounts()
            omitted.requestHeaders = .max
            omitted.responseHeaders = .max
            omitted.certificateNames = .max
            var redactions = RedactionSet()
            for field in RedactedField.allCases {
                for rule in 0..<UInt8(RedactionRule.limit) { redactions.insert(field, rule: rule) }
            }
            let body = BodyFacts(length: .max, digest: .zero, isPartial: true)
            writer.appendRecordField(.requestBody, body)
            writer.appendRecordField(.responseBody, body)
            for _ in 0..<RecordLimits.marksCount {
                writer.appendRecordField(omitted)
                writer.appendRecordField(redactions)
            }
        }
        #expect(fields.count <= limits.maximumFieldBytes)
        let covered = Sample.fields { writer in
            for field in RecordField.allCases where field.isOfVeil {
                let text = [UInt8](repeating: 0x61, count: limits.bytes(of: field))
                let isWhole = writer.appendRecordField(field, text.span, limits: limits)
                precondition(isWhole)
            }
        }
        #expect(covered.count == limits.maximumVeilBytes)
        var facts = Sample.facts()
        facts.method = 255
        facts.tlsVersion = 1
        var encoder = Sample.encoder()
        let capacity = encoder.maximumBytes(limits)
        var output = ByteBuffer(capacity: capacity)
        let overflowed = output.write { writer in
            _ = encoder.encode(facts, fields: (fields + covered).span, into: &writer)
            return writer.overflowed
        }
        #expect(!overflowed)
    }

    @Test func `a gap and a lifecycle event are cores of their own`() {
        let encoder = Sample.encoder()
        var output = ByteBuffer(capacity: 4096)
        let gap = GapFacts(boot: 0xAB, worker: 2, first: 5, last: nil, reason: .lostInCrash)
        let parts = output.write {
            encoder.encode(
                gap, time: WallTime(microseconds: 1), instant: Instant(nanoseconds: 2000),
                into: &$0)
        }
        let core = output.span.extracting(parts.core).text()
        #expect(
            core == #"{"boot":"00000000000000b0","gap":{"boot":"00000000000000ab","from":5,"#
                + #""reason":"lost_in_crash","worker":2},"instance":"in\"1\"","mono":2,"ts":1,"v":1}"#
        )
        let detail = output.span.extracting(parts.detail).text()
        #expect(detail == "{}")
        let event = LifecycleEvent.start(build: "1.0", settings: .zero, workers: 4)
        let start = output.write {
            encoder.encode(event, time: WallTime(microseconds: 1), instant: .zero, into: &$0)
        }
        let text = output.span.extracting(start.core).text()
        #expect(text.contains(#""event":"start""#))
    }
}

/// A typical record, and what it becomes.
enum Sample {
    static func encoder() -> PartsEncoder {
        var names = RecordNames()
        names.listeners = ["public"]
        names.routes = ["orders"]
        names.issuers = ["main"]
        names.limits = ["per-user"]
        names.roles = ["orders:read"]
        names.upstreams = ["backend"]
        names.endpoints = [["10.0.0.5:8080", "10.0.0.6:8080"]]
        return PartsEncoder(
            instance: InstanceFacts(logID: 0xA0, boot: 0xB0, name: "in\"1\""), names: names)
    }

    static func facts() -> RecordFacts {
        var facts = RecordFacts()
        facts.outcome = .allow
        facts.httpVersion = 11
        facts.method = 1
        facts.level = AuditLevel.metadata.rawValue
        facts.isCacheHit = true
        facts.isUpstreamReused = true
        facts.upstreamAttempts = 1
        facts.algorithm = 7
        facts.worker = 3
        facts.listener = 0
        facts.route = 0
        facts.rule = 1
        facts.role = 0
        facts.issuer = 0
        facts.limit = 0
        facts.upstream = 0
        facts.endpoint = 1
        facts.status = 200
        facts.upstreamStatus = 200
        facts.sequence = 123_456
        facts.time = WallTime(microseconds: 1_795_462_606_123_456)
        facts.instant = Instant(nanoseconds: 987_654_321_000)
        facts.connection = 42
        facts.requestID = Identifier128(high: 0x0191_0000_0000_7000, low: 0x8000_0000_0000_0001)
        facts.traceID = Identifier128(high: 1, low: 2)
        facts.spanID = 3
        facts.peer = PeerAddress(ipv4: 0xCB00_7107, port: 51000)
        facts.bytesIn = 512
        facts.bytesOut = 2048
        facts.headMicroseconds = 12
        facts.decisionMicroseconds = 7
        facts.firstByteMicroseconds = 900
        facts.totalMicroseconds = 1200
        facts.limitRemaining = 99
        return facts
    }

    static let core =
        #"{"auth":{"alg":"ES256","cached":true,"issuer":"main","kid":"k1","scheme":"bearer"},"#
        + #""boot":"00000000000000b0","bytes":{"in":512,"out":2048},"#
        + #""config":"00000000000000000000000000000000","conn":42,"instance":"in\"1\"","#
        + #""level":"metadata","limit":{"name":"per-user","remaining":99},"listener":"public","#
        + #""method":"GET","mono":987654321,"outcome":"allow","policy":{"rule":1},"#
        + #""protocol":"HTTP/1.1","request_id":"01910000000070008000000000000001","#
        + #""route":"orders","seq":123456,"span_id":"0000000000000003","status":200,"#
        + #""trace_id":"00000000000000010000000000000002","ts":1795462606123456,"#
        + #""upstream":{"attempts":1,"endpoint":"10.0.0.6:8080","name":"backend","#
        + #""reused":true,"status":200},"#
        + #""us":{"decision":7,"first_byte":900,"head":12,"total":1200},"v":1,"worker":3}"#

    static func fields() -> [UInt8] {
        let limits = RecordLimits()
        return fields { writer in
            let texts: [(RecordField, String)] = [
                (.authority, "api.example.com"), (.path, "/v1/a%20b"), (.queryKeys, "limit&page"),
                (.userAgent, "curl/8.5.0"), (.subject, "alice"), (.clientID, "shop"),
                (.tokenID, "t-1"), (.keyID, "k1"),
            ]
            for (field, text) in texts {
                let bytes = Array(text.utf8)
                _ = writer.appendRecordField(field, bytes.span, limits: limits)
            }
            let thumbprint = Array(UInt8(0)...15)
            _ = writer.appendRecordField(.tokenThumbprint, thumbprint.span, limits: limits)
        }
    }

    static func fields(_ write: (inout ByteWriter) -> Void) -> [UInt8] {
        var buffer = ByteBuffer(capacity: 65536)
        buffer.write { write(&$0) }
        let span = buffer.span
        return (0..<span.count).map { span[$0] }
    }

    static func encode(
        _ facts: RecordFacts, _ fields: [UInt8]
    ) -> (core: String, subject: String, detail: String) {
        var encoder = encoder()
        var output = ByteBuffer(capacity: 65536)
        let parts = output.write { encoder.encode(facts, fields: fields.span, into: &$0) }
        return (
            output.span.extracting(parts.core).text(),
            output.span.extracting(parts.subject).text(),
            output.span.extracting(parts.detail).text()
        )
    }
}
