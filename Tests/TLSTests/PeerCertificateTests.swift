import COpenSSL
import Crypto
import Foundation
import Primitives
import Testing

@testable import TLS

@Suite struct PeerCertificateTests {
    /// The attributes of a certificate of Tests/Vectors/certificates, each as `kind=value`.
    private func details(_ name: String, capacity: Int = 16_384) throws -> [String] {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Vectors/certificates/\(name).der")
        let der = Array(try Data(contentsOf: file))
        var buffer = ByteBuffer(capacity: capacity)
        let found = der.withUnsafeBufferPointer { bytes -> Digest256? in
            var start = bytes.baseAddress
            guard let certificate = d2i_X509(nil, &start, bytes.count) else { return nil }
            defer { X509_free(certificate) }
            return buffer.write { PeerCertificate.describe(certificate, into: &$0) }
        }
        let library = try CryptoLibrary()
        var digests = try SHA256(library)
        let expected = digests.digest(der.span)
        #expect(found == expected)
        var offset = 0
        var details: [String] = []
        while let detail = buffer.span.nextCertificateDetail(&offset) {
            let value = buffer.span.extracting(detail.value).text()
            details.append("\(detail.attribute)=\(value)")
        }
        #expect(offset == buffer.count)
        return details
    }

    private static let issuer = "issuer=CN=Test CA,O=Zürich Tests,C=CH"

    @Test(
        arguments: [
            (
                "every-kind",
                [
                    ##"subject=CN=\#client \\ \"one\",O=Bücher\, Söhne \+ Co,C=CH"##, issuer,
                    "uri=spiffe://example.org/ns/prod/sa/billing", "dns=Billing.example.org",
                    "dns=*.billing.example.org", "email=billing@example.org",
                    "address=192.0.2.7", "address=2001:db8::7",
                ]
            ),
            ("no-subject", [issuer, "uri=spiffe://example.org/x"]),
            ("no-names", ["subject=CN=only a subject", issuer]),
            ("two-values", ["subject=1.2.3.4.5=#0C056F74686572,UID=u1+CN=both", issuer]),
            ("wide-text", ["subject=CN=Grüße €", issuer]),
            ("backslash-zeros", [#"subject=CN=a\\00b"#, issuer]),
            // A name that two readers could read in two ways is left out.
            ("zero-in-subject", [issuer, "dns=good.test"]),
            ("zero-in-wide-subject", [issuer]),
            ("hostile-names", ["subject=CN=hostile", issuer, "dns=last.test", "uri=", "dns="]),
        ] as [(String, [String])])
    func `a certificate says its names`(name: String, expected: [String]) throws {
        let found = try details(name)
        #expect(found == expected)
    }

    @Test func `names that do not fit are left out whole, and shorter ones behind them stay`()
        throws
    {
        let found = try details("many-names", capacity: PeerCertificate.limitBytes + 64)
        let bytes = found.reduce(0) { $0 + $1.drop { $0 != "=" }.dropFirst().utf8.count + 3 }
        #expect(bytes <= PeerCertificate.limitBytes && bytes > PeerCertificate.limitBytes - 60)
        #expect(Array(found.prefix(2)) == ["subject=CN=many", Self.issuer])
        #expect(found[2] == "dns=host-0000.long-name-of-a-zone.example.org")
        #expect(found.dropFirst(2).dropLast(2).allSatisfy { $0.hasSuffix("zone.example.org") })
        #expect(Array(found.suffix(2)) == ["dns=s", "dns="])
    }

    @Test func `a subject that does not fit is left out`() throws {
        let found = try details("long-subject")
        #expect(found == [Self.issuer, "dns=short.test"])
    }

    @Test func `a small writer gets what fits it`() throws {
        let found = try details("every-kind", capacity: 104)
        #expect(found.first?.hasPrefix("subject=") == true)
        #expect(Array(found.suffix(2)) == ["address=192.0.2.7", "uri="])
    }

    @Test(
        arguments: [
            (#"CN=a\,b"#, false), (#"CN=a\\00"#, false), (#"CN=a\00"#, true),
            (#"CN=\0D"#, true), (#"CN=\7F"#, true), (#"CN=\C3"#, false), ("CN=a\u{1}", true),
            (#"CN=\"#, false), (#"CN=\0"#, false), ("", false),
        ] as [(String, Bool)])
    func `control characters are seen in a distinguished name`(text: String, has: Bool) {
        let bytes = Array(text.utf8)
        let found = bytes.span.hasEscapedControl
        #expect(found == has)
    }
}
