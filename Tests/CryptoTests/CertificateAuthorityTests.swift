import Crypto
import Testing

@Suite struct CertificateAuthorityTests {
    private func request(
        _ key: CertificateRequest.Key, names: [String] = ["DNS:localhost", "IP:::1"]
    ) -> CertificateRequest {
        var request = CertificateRequest(
            commonName: "localhost", alternativeNames: names, usage: "serverAuth,clientAuth",
            notBefore: 1_700_000_000, notAfter: 4_000_000_000)
        request.key = key
        return request
    }

    private func isPEM(_ bytes: [UInt8], _ label: String) -> Bool {
        let text = String(decoding: bytes, as: UTF8.self)
        return text.hasPrefix("-----BEGIN \(label)-----\n")
            && text.hasSuffix("-----END \(label)-----\n")
    }

    private func authority() throws -> CertificateAuthority {
        try CertificateAuthority(
            name: "test", notBefore: 1_700_000_000, notAfter: 4_000_000_000)
    }

    @Test(arguments: CertificateRequest.Key.allCases)
    func `a certificate comes with its own key`(key: CertificateRequest.Key) throws {
        let issued = try authority().issue(request(key))
        #expect(isPEM(issued.certificate, "CERTIFICATE"))
        #expect(isPEM(issued.key, "PRIVATE KEY"))
        // What reads both checks that they belong together.
        _ = try CertificateAuthority(certificate: issued.certificate, key: issued.key)
    }

    @Test func `an authority is read back, and goes on`() throws {
        let own = try authority().own()
        let again = try CertificateAuthority(certificate: own.certificate, key: own.key)
        let same = try again.own()
        let issued = try again.issue(request(.p256))
        #expect(same.certificate == own.certificate && same.key == own.key)
        #expect(issued.certificate != own.certificate)
    }

    @Test func `another's key is refused, and what is no key`() throws {
        let one = try authority().own()
        let other = try authority().own()
        #expect(throws: CryptoError.keyUnusable) {
            _ = try CertificateAuthority(certificate: one.certificate, key: other.key)
        }
        #expect(throws: CryptoError.privateKeyMalformed) {
            _ = try CertificateAuthority(certificate: one.certificate, key: one.certificate)
        }
    }

    @Test func `a name that is none is refused`() throws {
        let authority = try authority()
        #expect(throws: CryptoError.signingFailed) {
            _ = try authority.issue(request(.p256, names: ["IP:nowhere"]))
        }
    }
}
