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
}
