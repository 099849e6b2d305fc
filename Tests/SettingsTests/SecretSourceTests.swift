import Settings
import Testing

/// Each place of the settings where a secret or another file is named takes a credential.
@Suite struct SecretSourceTests {
    private static let places: [(from: String, to: String)] = [
        ("/audit.pem", "credential:audit-key"),
        ("{file: /keys.json}", "{file: \"credential:jwks\"}"),
    ]

    private static let securePlaces: [(from: String, to: String)] = [
        ("key: /api.key", "key: \"credential:audit-key\""),
        ("cert: /api.crt", "cert: \"credential:audit-key\""),
        ("ca: /upstream.pem", "ca: \"credential:audit-key\""),
        (
            "ca: /upstream.pem",
            "client_certificate: {cert: /c.pem, key: \"credential:audit-key\"}, ca: /upstream.pem"
        ),
        (
            "        - {cert: /api.crt, key: /api.key}\n",
            """
                    - {cert: /api.crt, key: /api.key, ocsp: "credential:audit-key"}
                  client_auth: optional
                  client_ca: "credential:audit-key"
                  client_crl: "credential:audit-key"

            """
        ),
    ]

    @Test(arguments: places.indices)
    func `a key or a key set may be a credential`(index: Int) throws {
        let place = Self.places[index]
        try check(Fixture.valid, place.from, place.to)
    }

    @Test(arguments: securePlaces.indices)
    func `a file for TLS may be a credential`(index: Int) throws {
        let place = Self.securePlaces[index]
        try check(Fixture.secure, place.from, place.to)
    }

    private func check(_ text: String, _ from: String, _ to: String) throws {
        #expect(text.contains(from))
        let changed = text.replacing(from, with: to)
        #expect(try Fixture.errors(changed) == [])
        let errors = try Fixture.errors(changed, credentials: nil)
        #expect(!errors.isEmpty)
        for error in errors {
            #expect(
                error.contains(
                    "but CREDENTIALS_DIRECTORY is not set; systemd sets it for LoadCredential="))
        }
    }

    @Test(arguments: ["credential:", "credential:../x", "credential:a/b", "credential:.."])
    func `a credential is a name, not a way`(text: String) throws {
        let errors = try Fixture.errors(
            Fixture.valid.replacing("/audit.pem", with: "\"\(text)\""))
        #expect(errors.first?.contains("not credential:NAME, file:PATH or a path") == true)
    }
}
