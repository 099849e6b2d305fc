import TLS
import Testing

@Suite struct TLSSettingsTests {
    @Test func `every file of a listener is watched`() {
        var settings = TLSServerSettings(certificates: [
            CertificateFiles(certificate: "a.pem", key: "a.key", ocsp: "a.ocsp"),
            CertificateFiles(certificate: "b.pem", key: "b.key"),
        ])
        settings.clientAuthorities = "ca.pem"
        settings.clientRevocations = "crl.pem"
        #expect(
            settings.paths == [
                "a.pem", "a.key", "a.ocsp", "b.pem", "b.key", "ca.pem", "crl.pem",
            ])
    }

    @Test func `TLS 1.2 is the oldest version that can be meant, and the default`() {
        #expect(TLSVersion.allCases == [.tls12, .tls13])
        #expect(TLSServerSettings(certificates: []).minimumVersion == .tls12)
        #expect(TLSClientSettings().minimumVersion == .tls12)
    }
}
