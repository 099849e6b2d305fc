import Primitives
import Testing

@testable import AuditRecords

@Suite struct TLSPartsTests {
    static let fingerprint = "t13d1516h1_8daaf6152771_02713d6af862"

    @Test func `a request of a TLS connection says what was negotiated`() {
        let fields = Self.fields([
            (.serverName, "api.example.com"), (.tlsFingerprint, Self.fingerprint),
        ])
        let parts = Sample.encode(Self.facts(), fields)
        #expect(
            parts.core.contains(
                #","seq":1,"status":200,"tls":{"alpn":"http/1.1","cipher":"TLS_AES_128_GCM_SHA256","#
                    + #""group":"x25519","handshake_us":1234,"resumed":false,"#
                    + #""sig":"ecdsa_secp256r1_sha256","sni":"api.example.com","version":"1.3"},"#
                    + #""trace_id":"00000000000000000000000000000001","ts":0,"#))
        #expect(parts.subject == "{\"ja4\":\"\(Self.fingerprint)\"}")
    }

    @Test func `what was not negotiated is left out`() {
        var facts = Self.facts()
        facts.tlsVersion = 0x0303
        facts.tlsGroup = 0
        facts.tlsSignature = 0
        facts.tlsProtocol = 0
        facts.tlsCipher = 0xC02F
        facts.isTLSResumed = true
        // A later request of the connection.
        facts.handshakeMicroseconds = 0
        #expect(
            Sample.encode(facts, []).core.contains(
                #""tls":{"cipher":"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256","resumed":true,"#
                    + #""version":"1.2"},"#))
    }

    @Test func `a client's certificate stands in the subject part`() {
        let hash = (0..<32).map { UInt8($0 * 8) }
        let fields = Self.fields([
            (.subject, "spiffe://example.com/orders"), (.clientID, "shop"),
            (.certificateSubject, "CN=orders,O=\"Example\""),
            (.certificateName, "uri:spiffe://example.com/orders"),
            (.certificateName, "dns:orders.example.com"),
        ])
        let raw = Sample.fields {
            _ = $0.appendRecordField(.certificateHash, hash.span, limits: RecordLimits())
        }
        #expect(
            Sample.encode(Self.facts(), fields + raw).subject
                == #"{"cert":{"names":["uri:spiffe://example.com/orders","dns:orders.example.com"],"#
                + #""sha256":"0008101820283038404850586068707880889098a0a8b0b8c0c8d0d8e0e8f0f8","#
                + #""subject":"CN=orders,O=\"Example\""},"client_id":"shop","#
                + #""sub":"spiffe://example.com/orders"}"#)
    }

    @Test func `a principal by certificate has its scheme, and no token's members`() {
        var facts = Self.facts()
        facts.scheme = .certificate
        #expect(Sample.encode(facts, []).core.hasPrefix(#"{"auth":{"scheme":"mtls"},"boot":"#))
        facts.scheme = .bearer
        #expect(Sample.encode(facts, []).core.hasPrefix(#"{"boot":"#))
    }

    @Test func `a failed handshake has the connection's members and no request's`() {
        var facts = RecordFacts()
        facts.kind = .authentication
        facts.outcome = .deny
        facts.errorSource = .client
        facts.errorPhase = .handshake
        facts.reason = .tlsCertificateUntrusted
        facts.listener = 0
        facts.sequence = 7
        facts.connection = 3
        facts.tlsAlert = 48
        facts.handshakeMicroseconds = 99
        let fields = Self.fields([
            (.serverName, "x\n.example.com"), (.certificateSubject, "CN=nobody"),
        ])
        let parts = Sample.encode(facts, fields)
        #expect(
            parts.core
                == #"{"boot":"00000000000000b0","bytes":{"in":0,"out":0},"#
                + #""config":"\#(String(repeating: "0", count: 32))","conn":3,"#
                + #""error":{"phase":"handshake","source":"client"},"esc":["tls/sni"],"#
                + #""instance":"in\"1\"","listener":"public","mono":0,"outcome":"deny","#
                + #""reason":"tls.certificate_untrusted","seq":7,"#
                + #""tls":{"alert":"unknown_ca","handshake_us":99,"sni":"x%0A.example.com"},"#
                + #""ts":0,"v":1,"worker":0}"#)
        #expect(parts.subject == #"{"cert":{"subject":"CN=nobody"}}"#)
        #expect(parts.detail == "{}")
    }

    @Test func `values that are cut or not shown are named by their places`() {
        let long = [UInt8](repeating: 0x61, count: 300)
        let fields = Sample.fields { writer in
            let limits = RecordLimits()
            let names = ["dns:a", "dns:\u{202E}b"].map { Array($0.utf8) }
            for name in names {
                _ = writer.appendRecordField(.certificateName, name.span, limits: limits)
            }
            writer.appendCutRecordField(
                .certificateName, long.span, fullCount: 300, digest: .zero, limits: limits)
            writer.appendCutRecordField(
                .certificateSubject, long.span, fullCount: 300, digest: .zero, limits: limits)
        }
        let subject = Sample.encode(Self.facts(), fields).subject
        #expect(subject.contains(#"},"esc":["cert/names/1"],"trunc":{"cert/names/2":{"len":300,"#))
        #expect(subject.contains(#"},"cert/subject":{"len":300,"#))
    }

    @Test func `names past the most that a record holds are left out`() {
        let fields = Self.fields((0..<12).map { (.certificateName, "dns:\($0)") })
        let subject = Sample.encode(Self.facts(), fields).subject
        #expect(subject.hasSuffix(#","dns:6","dns:7"]}}"#))
    }

    @Test(
        arguments: [
            (0x1301, "TLS_AES_128_GCM_SHA256"), (0x1302, "TLS_AES_256_GCM_SHA384"),
            (0x1303, "TLS_CHACHA20_POLY1305_SHA256"),
            (0xC02B, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
            (0xC02C, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"),
            (0xC02F, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
            (0xC030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
            (0xCCA8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
            (0xCCA9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"),
            (0x009C, "0x009c"), (0xFFFF, "0xffff"),
        ] as [(UInt16, String)])
    func `a cipher suite has IANA's name`(code: UInt16, name: String) {
        var facts = Self.facts()
        facts.tlsCipher = code
        #expect(Sample.encode(facts, []).core.contains("\"cipher\":\"\(name)\","))
    }

    @Test(
        arguments: [
            (0x0401, "rsa_pkcs1_sha256"), (0x0501, "rsa_pkcs1_sha384"),
            (0x0601, "rsa_pkcs1_sha512"), (0x0403, "ecdsa_secp256r1_sha256"),
            (0x0503, "ecdsa_secp384r1_sha384"), (0x0603, "ecdsa_secp521r1_sha512"),
            (0x0804, "rsa_pss_rsae_sha256"), (0x0805, "rsa_pss_rsae_sha384"),
            (0x0806, "rsa_pss_rsae_sha512"), (0x0807, "ed25519"), (0x0808, "ed448"),
            (0x0809, "rsa_pss_pss_sha256"), (0x080A, "rsa_pss_pss_sha384"),
            (0x080B, "rsa_pss_pss_sha512"), (0x0803, "0x0803"), (0x080C, "0x080c"),
        ] as [(UInt16, String)])
    func `a signature scheme has IANA's name`(code: UInt16, name: String) {
        var facts = Self.facts()
        facts.tlsSignature = code
        #expect(Sample.encode(facts, []).core.contains("\"sig\":\"\(name)\","))
    }

    @Test(
        arguments: [
            (23, "secp256r1"), (24, "secp384r1"), (29, "x25519"), (4588, "0x11ec"),
        ] as [(UInt16, String)])
    func `a group has IANA's name`(code: UInt16, name: String) {
        var facts = Self.facts()
        facts.tlsGroup = code
        #expect(Sample.encode(facts, []).core.contains("\"group\":\"\(name)\","))
    }

    @Test func `each alert has a name of its own`() {
        let names = (UInt8.min...UInt8.max).compactMap { TLSNames.alert($0)?.description }
        #expect(names.count == 27)
        #expect(Set(names).count == names.count)
    }

    @Test func `an alert without a name is written as its number`() {
        var facts = Self.facts()
        facts.tlsAlert = 255
        #expect(Sample.encode(facts, []).core.contains(#""tls":{"alert":"0x00ff","#))
    }

    @Test func `a record of a TLS connection is written in one pass`() {
        let name = [UInt8]("dns:orders.example.com".utf8)
        let hash = [UInt8](repeating: 1, count: 32)
        let fields =
            Sample.fields()
            + Self.fields([
                (.serverName, "api.example.com"), (.tlsFingerprint, Self.fingerprint),
                (.certificateSubject, "CN=orders"),
            ])
            + Sample.fields {
                _ = $0.appendRecordField(.certificateHash, hash.span, limits: RecordLimits())
                _ = $0.appendRecordField(.certificateName, name.span, limits: RecordLimits())
            }
        var facts = Sample.facts()
        facts.tlsVersion = 0x0304
        facts.tlsCipher = 0x1303
        facts.tlsGroup = 23
        facts.tlsSignature = 0x0804
        var encoder = Sample.encoder()
        var output = ByteBuffer(capacity: 65536)
        let parts = output.write { encoder.encodeQuickly(facts, fields.span, 0, &$0) }
        #expect(parts != nil)
    }

    static func facts() -> RecordFacts {
        var facts = RecordFacts()
        facts.sequence = 1
        facts.status = 200
        facts.traceID = Identifier128(high: 0, low: 1)
        facts.tlsVersion = 0x0304
        facts.tlsCipher = 0x1301
        facts.tlsGroup = 29
        facts.tlsSignature = 0x0403
        facts.tlsProtocol = 1
        facts.handshakeMicroseconds = 1234
        return facts
    }

    static func fields(_ texts: [(RecordField, String)]) -> [UInt8] {
        Sample.fields { writer in
            for (field, text) in texts {
                let bytes = Array(text.utf8)
                _ = writer.appendRecordField(field, bytes.span, limits: RecordLimits())
            }
        }
    }
}
