import AuditRecords
import Primitives
import Testing

@Suite struct RedactionSetTests {
    private func encode(
        _ fields: [UInt8], rules: [String] = ["card", "patient"]
    ) -> (core: String, subject: String, detail: String) {
        var names = RecordNames()
        names.rules += rules
        var encoder = PartsEncoder(
            instance: InstanceFacts(logID: 1, boot: 2, name: ""), names: names)
        var output = ByteBuffer(capacity: 65536)
        var facts = RecordFacts()
        facts.reason = .policyNoRoute
        facts.requestID = Identifier128(high: 1, low: 2)
        let parts = output.write { encoder.encode(facts, fields: fields.span, into: &$0) }
        return (
            output.span.extracting(parts.core).text(),
            output.span.extracting(parts.subject).text(),
            output.span.extracting(parts.detail).text()
        )
    }

    @Test func `each rule is named with each member that it took something out of`() {
        var first = RedactionSet()
        first.insert(.path, rule: 3)
        first.insert(.userAgent, rule: 2)
        var second = RedactionSet()
        second.insert(.path, rule: RecordNames.unroutedRule)
        second.insert(.clientID, rule: 3)
        let fields = Sample.fields {
            $0.appendRecordField(first)
            $0.appendRecordField(second)
            $0.appendRecordField(RedactionSet())
        }
        #expect(
            encode(fields).core.contains(
                #""reason":"policy.no_route","redactions":[{"field":"client_id","rule":"patient"},"#
                    + #"{"field":"path","rule":"unrouted"},{"field":"path","rule":"patient"},"#
                    + #"{"field":"user_agent","rule":"card"}],"request_id":"#))
    }

    @Test func `a record of which nothing was taken out does not say so`() {
        let fields = Sample.fields {
            $0.appendRecordField(RedactionSet())
            $0.appendRecordField(OmittedCounts())
        }
        #expect(fields.isEmpty)
        #expect(!encode([]).core.contains("redactions"))
    }

    @Test func `members with redactions are sorted as the format says`() {
        let names = RedactedField.allCases.map { field in
            var set = RedactionSet()
            set.insert(field, rule: 0)
            return encode(Sample.fields { $0.appendRecordField(set) }).core
                .split(separator: "\"field\":\"")[1].split(separator: "\"")[0]
        }
        #expect(names == names.sorted())
    }

    @Test func `what was left out for want of room is counted`() {
        var omitted = OmittedCounts()
        omitted.requestHeaders = 3
        omitted.certificateNames = 1
        var more = OmittedCounts()
        more.responseHeaders = 300
        let fields = Sample.fields {
            let text = Array("x: y".utf8)
            _ = $0.appendRecordField(.header, text.span, limits: RecordLimits())
            _ = $0.appendRecordField(.responseHeader, text.span, limits: RecordLimits())
            _ = $0.appendRecordField(.certificateName, text.span, limits: RecordLimits())
            $0.appendRecordField(omitted)
            $0.appendRecordField(more)
        }
        let parts = encode(fields)
        #expect(
            parts.detail
                == #"{"headers":["x: y"],"headers_omitted":3,"response_headers":["x: y"],"#
                + #""response_headers_omitted":300}"#)
        #expect(parts.subject == #"{"cert":{"names":["x: y"],"names_omitted":1}}"#)
    }

    @Test(arguments: [RecordField.query, .responseHeader])
    func `a chosen field that is cut or hostile says so`(field: RecordField) {
        var limits = RecordLimits()
        limits.queryBytes = 4
        limits.headerBytes = 4
        let value = Array("a\u{7}bcdef".utf8)
        let fields = Sample.fields {
            let fits = $0.appendRecordField(field, value.span, limits: limits)
            #expect(!fits)
            $0.appendCutRecordField(
                field, value.span, fullCount: value.count, digest: .zero, limits: limits)
        }
        let detail = encode(fields).detail
        let place = field == .query ? "query" : "response_headers/0"
        #expect(detail.contains(#""esc":["\#(place)"]"#))
        #expect(detail.contains(#""trunc":{"\#(place)":{"len":7,"sha256":"#))
        #expect(detail.contains("a%07bc"))
    }
}

@Suite struct BodyFactsTests {
    @Test func `a body is said with its text, and a quick record beside it stays the same`() {
        let limits = RecordLimits.largest
        let digest = Digest256(words: (1, 2, 3, 4))
        let text = Array("[1]".utf8)
        let fields = Sample.fields {
            $0.appendRecordField(
                .requestBody, BodyFacts(length: 3, digest: digest, isPartial: false))
            $0.appendRecordField(
                .responseBody, BodyFacts(length: 1 << 40, digest: digest, isPartial: true))
            _ = $0.appendRecordField(.requestText, text.span, limits: limits)
        }
        #expect(
            Sample.encode(Sample.facts(), fields).detail
                == #"{"request_body":{"len":3,"sha256":"\#(digest.hexText)","text":"[1]"},"#
                + #""response_body":{"len":1099511627776,"partial":true,"#
                + #""sha256":"\#(digest.hexText)"}}"#)
    }

    @Test func `no text is recorded where no body has room`() {
        let text = Array("[1]".utf8)
        let fields = Sample.fields {
            let fits = $0.appendRecordField(.requestText, text.span, limits: RecordLimits())
            #expect(!fits)
        }
        #expect(fields.isEmpty)
    }
}

@Suite struct PrivacySettingsTests {
    @Test(arguments: [
        ("203.0.113.77", "203.0.113.0"), ("255.255.255.255", "255.255.255.0"),
        ("2001:db8:aaaa:bbbb:cccc::1", "2001:db8:aaaa::"), ("::1", "::"),
        ("64:ff9b::c000:201", "64:ff9b::"),
    ])
    func `a truncated address is a network without a port`(whole: String, network: String) throws {
        let text = Array(whole.utf8)
        let read = Identifier128(addressText: text.span)
        let address = try #require(read)
        let peer = PeerAddress(address: address, port: 4711).truncated
        var buffer = ByteBuffer(capacity: 64)
        buffer.write { $0.appendAddress(peer) }
        let written = buffer.span.text()
        #expect(written == network)
        #expect(peer.port == 0)
        #expect(peer.truncated == peer)
    }

    @Test func `an address that is not known stays so`() {
        #expect(PeerAddress.unknown.truncated == .unknown)
    }

    @Test func `a record without a port has no member for it, written either way`() {
        var facts = Sample.facts()
        facts.peer = facts.peer.truncated
        #expect(
            Sample.encode(facts, []).subject
                == #"{"peer_ip":"203.0.113.0","roles":["orders:read"]}"#)
        let header = Array("x: y".utf8)
        let fields = Sample.fields {
            _ = $0.appendRecordField(.header, header.span, limits: RecordLimits())
        }
        #expect(
            Sample.encode(facts, fields).subject
                == #"{"peer_ip":"203.0.113.0","roles":["orders:read"]}"#)
    }

    @Test func `the defaults are the least`() {
        let settings = PrivacySettings()
        #expect(settings.query == .keys)
        #expect(settings.requestHeaders.isEmpty && settings.responseHeaders.isEmpty)
        #expect(settings.clientAddress == .full)
        #expect(AuditLevel.none < .metadata && AuditLevel.headers < .body)
    }
}
