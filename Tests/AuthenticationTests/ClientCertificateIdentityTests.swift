import Authentication
import Primitives
import Testing

@Suite struct ClientCertificateIdentityTests {
    @Test(
        arguments: [
            ([], ""),
            ([(.subject, "CN=a"), (.issuer, "CN=ca")], "CN=a"),
            ([(.issuer, "CN=ca"), (.email, "a@b"), (.address, "10.0.0.1")], ""),
            ([(.subject, "CN=a"), (.dns, "a.example"), (.dns, "b.example")], "a.example"),
            ([(.subject, "CN=a"), (.dns, "a.example"), (.uri, "spiffe://x/a")], "spiffe://x/a"),
            ([(.uri, "spiffe://x/a"), (.uri, "spiffe://x/b"), (.dns, "a")], "spiffe://x/a"),
            // No falling back from a name that was left out, or to the one behind it.
            ([(.dns, "a.example"), (.uri, "")], ""),
            ([(.uri, "spiffe://x/b"), (.dns, "a"), (.uri, "")], ""),
            ([(.uri, "spiffe://x/b"), (.dns, "a"), (.dns, "")], "spiffe://x/b"),
            ([(.subject, ""), (.issuer, "CN=ca")], ""),
            // No falling back from a name that could break a line: who signed it meant harm.
            ([(.subject, "CN=a"), (.uri, "spiffe://x/a\r\nX-Admin: 1")], ""),
        ] as [([(CertificateAttribute, String)], String)])
    func `the first URI is the name, else the first DNS name, else the subject`(
        attributes: [(CertificateAttribute, String)], name: String
    ) {
        var buffer = ByteBuffer(capacity: 1024)
        for (attribute, value) in attributes {
            let bytes = Array(value.utf8)
            buffer.write { _ = $0.appendCertificateDetail(attribute, bytes.span) }
        }
        let details = buffer.span
        let range = ClientCertificateIdentity.principalName(details)
        let text = details.extracting(range).text()
        #expect(text == name)
    }
}
