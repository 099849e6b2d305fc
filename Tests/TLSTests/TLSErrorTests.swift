import Crypto
import Testing

@testable import TLS

@Suite struct TLSErrorTests {
    @Test func `a key of another certificate is refused`() throws {
        let error = try TestListener(key: "client-good.key").failure()
        #expect(error == .keyMismatch(certificate: "server-ecdsa.pem", key: "client-good.key"))
        #expect(
            error?.description
                == "the private key in client-good.key is not that of the certificate in "
                + "server-ecdsa.pem")
    }

    @Test(arguments: ["encrypted.key", "encrypted-old.key"])
    func `an encrypted key is refused and nobody is asked`(key: String) throws {
        let error = try TestListener(key: key).failure()
        #expect(error == .keyEncrypted(path: key))
        #expect(error?.description == "\(key) is encrypted; only plain private keys are read")
    }

    @Test func `a key in the older PEM form is read`() throws {
        #expect(try TestListener(key: "traditional.key").failure() == nil)
    }

    @Test func `a file without a key has none`() throws {
        let error = try TestListener(key: "root.pem").failure()
        #expect(error == .keyMissing(path: "root.pem"))
        #expect(error?.description == "root.pem has no private key in PEM")
    }

    @Test func `a file without a certificate has none`() throws {
        let error = try failure(certificate: try TestFiles.bytes("server-ecdsa.key"))
        #expect(error == .certificateMissing(path: "a.pem"))
        #expect(error?.description == "a.pem has no certificate in PEM")
        #expect(try failure(certificate: []) == .certificateMissing(path: "a.pem"))
    }

    @Test func `a certificate cut at any line is refused`() throws {
        let whole = String(decoding: try TestFiles.bytes("server-rsa.pem"), as: UTF8.self)
        let lines = whole.split(separator: "\n")
        for count in 1..<lines.count {
            let text = Array(lines.prefix(count).joined(separator: "\n").utf8)
            let error = try failure(certificate: text)
            #expect(error == .certificateMalformed(path: "a.pem"), "after \(count) lines")
        }
        let error = TLSError.certificateMalformed(path: "a.pem")
        #expect(error.description == "a.pem has a certificate that can't be read")
    }

    @Test func `a key that is garbage is refused without showing it`() throws {
        let text = Array("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n".utf8)
        let error = try failure(key: text)
        #expect(error == .keyMalformed(path: "a.key"))
        #expect(error?.description == "a.key has a private key that can't be read")
        #expect(try failure(key: Array(text.dropLast(30))) == .keyMalformed(path: "a.key"))
    }

    @Test(arguments: ["server-p521", "server-rsa1024"])
    func `a key of another kind or too short is refused`(name: String) throws {
        let error = try TestListener(certificates: [name]).failure()
        #expect(error == .certificateKeyUnsuitable(path: name + ".pem"))
        #expect(
            error?.description
                == "\(name).pem has a key that is none of RSA (2048 to 8192 bits), P-256, P-384 "
                + "and Ed25519")
    }

    @Test func `a chain with a weak authority is refused`() throws {
        let error = try TestListener(certificates: ["server-under-weak"]).failure()
        #expect(error == .certificateRefused(path: "server-under-weak.pem"))
        #expect(
            error?.description
                == "server-under-weak.pem has a certificate that OpenSSL refuses, such as one "
                + "signed with SHA-1")
    }

    @Test func `authorities that are none are refused`() throws {
        let missing = try TestListener(
            authorities: "server-ecdsa.key", authentication: .require
        ).failure()
        #expect(missing == .authoritiesMissing(path: "server-ecdsa.key"))
        #expect(
            missing?.description == "server-ecdsa.key has no authority's certificate in PEM")
        let unnamed = try TestListener(authentication: .optional).failure()
        #expect(unnamed == .clientAuthoritiesUnnamed)
        #expect(unnamed?.description == "clients show certificates, but no client_ca is named")
    }

    @Test func `authorities of which one is broken are refused`() throws {
        let whole = try TestFiles.bytes("root.pem")
        let library = try TLSLibrary()
        #expect(throws: TLSError.authoritiesMalformed(path: "ca.pem")) {
            try TrustStore(
                authorities: whole + whole.dropLast(60), path: "ca.pem", library: library)
        }
        #expect(
            TLSError.authoritiesMalformed(path: "ca.pem").description
                == "ca.pem has an authority's certificate that can't be read")
    }

    @Test func `revocation lists that are none are refused`() throws {
        let missing = try TestListener(
            authorities: "root.pem", revocations: "root.pem", authentication: .require
        ).failure()
        #expect(missing == .revocationsMissing(path: "root.pem"))
        #expect(missing?.description == "root.pem has no revocation list in PEM")
        let list = try TestFiles.bytes("revocations.pem")
        let library = try TLSLibrary()
        let trust = try TrustStore(
            authorities: try TestFiles.bytes("root.pem"), path: "ca.pem", library: library)
        let broken = TLSError.revocationsMalformed(path: "crl.pem")
        #expect(throws: broken) {
            try trust.check(
                revocations: Array(list.dropLast(60)), path: "crl.pem", library: library,
                now: validTime)
        }
        #expect(broken.description == "crl.pem has a revocation list that can't be read")
    }

    @Test func `files have to be those of the settings`() throws {
        let library = try TLSLibrary()
        let settings = TLSServerSettings(certificates: [TestFiles.paths("server-ecdsa")])
        #expect(throws: TLSError.filesIncomplete) {
            try TLSServerContext(
                settings, files: TLSServerFiles(certificates: []), listener: "a",
                library: library, now: validTime)
        }
        #expect(throws: TLSError.certificatesMissing) {
            try TLSServerContext(
                TLSServerSettings(certificates: []), files: TLSServerFiles(certificates: []),
                listener: "a", library: library, now: validTime)
        }
    }

    @Test func `no text of an error shows what a key file holds`() throws {
        let text = String(decoding: try TestFiles.bytes("server-ecdsa.key"), as: UTF8.self)
        let lines = text.split(separator: "\n").filter { !$0.hasPrefix("-") }
        var errors = [
            try TestListener(key: "client-good.key").failure(),
            try TestListener(key: "encrypted.key").failure(),
            try failure(key: Array(text.utf8.dropLast(40))),
            try failure(key: Array(text.utf8.dropFirst(10))),
        ]
        errors.append(try failure(certificate: Array(text.utf8)))
        for error in errors {
            let described = "\(String(describing: error)) \(String(reflecting: error))"
            #expect(error != nil)
            for line in lines {
                #expect(!described.contains(line.prefix(8)))
            }
        }
    }

    @Test func `what has no file says what is missing`() {
        let texts: [(TLSError, String)] = [
            (.libraryUnavailable, "OpenSSL can't be started"),
            (.algorithmUnavailable, "OpenSSL lacks an algorithm that TLS needs"),
            (.outOfMemory, "OpenSSL has no memory left, or none that is locked"),
            (.settingRefused, "OpenSSL refuses a setting that TLS needs"),
            (.certificatesMissing, "there is no certificate"),
            (.filesIncomplete, "a file that the settings name was not read"),
            (.systemAuthoritiesUnavailable, "the system's authorities can't be used"),
            (.hostInvalid(host: "a b"), "a b is neither a host name nor an address"),
        ]
        for (error, text) in texts { #expect(error.description == text) }
    }

    private func failure(certificate: [UInt8]) throws -> TLSError? {
        try failure(certificate: certificate, key: TestFiles.bytes("server-ecdsa.key"))
    }

    private func failure(key: [UInt8]) throws -> TLSError? {
        try failure(certificate: TestFiles.bytes("server-ecdsa.pem"), key: key)
    }

    private func failure(certificate: [UInt8], key: [UInt8]) throws -> TLSError? {
        let copy = SecretBytes(copying: key.span)
        let secret = try #require(copy)
        let library = try TLSLibrary()
        let paths = CertificateFiles(certificate: "a.pem", key: "a.key")
        do {
            _ = try CertificatePair(
                CertificateBytes(certificate: certificate, key: secret), files: paths,
                library: library)
            return nil
        } catch {
            return error
        }
    }
}
