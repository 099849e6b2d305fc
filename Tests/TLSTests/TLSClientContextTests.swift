import COpenSSL
import Crypto
import Testing

@testable import TLS

@Suite struct TLSClientContextTests {
    private func run(
        _ upstream: TestUpstream, certificates: [String] = ["server-rsa"]
    ) throws -> (isDone: Bool, handshake: MemoryHandshake) {
        let library = try TLSLibrary()
        let handshake = try #require(
            MemoryHandshake(
                try TestListener(certificates: certificates).context(library),
                try upstream.context(library)))
        return (handshake.run(), handshake)
    }

    @Test(arguments: [
        "www.example.test", "a.example.test", "WWW.EXAMPLE.TEST", "www.example.test.",
    ])
    func `a certificate for the host is believed`(host: String) throws {
        #expect(try run(TestUpstream(hosts: [host])).isDone)
    }

    @Test(arguments: ["a.b.example.test", "example.test", "www.other.test", "127.0.0.1", "[::1]"])
    func `a certificate for another host is not`(host: String) throws {
        let (isDone, handshake) = try run(TestUpstream(hosts: [host]))
        #expect(!isDone)
        #expect(handshake.clientReason == SSL_R_CERTIFICATE_VERIFY_FAILED)
        let result = SSL_get_verify_result(handshake.client)
        #expect(
            [Int(X509_V_ERR_HOSTNAME_MISMATCH), Int(X509_V_ERR_IP_ADDRESS_MISMATCH)]
                .contains(result))
    }

    @Test func `a common name is not a host's name`() throws {
        let (isDone, _) = try run(
            TestUpstream(hosts: ["cn.example.test"]), certificates: ["server-common-name"])
        #expect(!isDone)
    }

    @Test func `an address is checked and not asked for`() throws {
        let (isDone, handshake) = try run(
            TestUpstream(hosts: ["127.0.0.1"]), certificates: ["server-address"])
        #expect(isDone)
        #expect(SSL_get_servername(handshake.client, TLSEXT_NAMETYPE_host_name) == nil)
    }

    @Test func `a server name in the settings stands for the host`() throws {
        let upstream = TestUpstream(hosts: ["127.0.0.1"], serverName: "www.example.test")
        let (isDone, handshake) = try run(upstream)
        #expect(isDone)
        let asked = SSL_get_servername(handshake.server, TLSEXT_NAMETYPE_host_name)
            .map { String(cString: $0) }
        #expect(asked == "www.example.test")
    }

    @Test func `a certificate of another authority is refused`() throws {
        let (isDone, handshake) = try run(TestUpstream(authorities: "other-root.pem"))
        #expect(!isDone)
        #expect(handshake.clientReason == SSL_R_CERTIFICATE_VERIFY_FAILED)
    }

    @Test func `the system's authorities don't know the tests'`() throws {
        #expect(try !run(TestUpstream(authorities: nil)).isDone)
    }

    @Test func `a certificate that has run out is refused`() throws {
        let (isDone, handshake) = try run(
            TestUpstream(hosts: ["old.example.test"]), certificates: ["server-expired"])
        #expect(!isDone)
        #expect(SSL_get_verify_result(handshake.client) == Int(X509_V_ERR_CERT_HAS_EXPIRED))
    }

    @Test func `any certificate is believed where the settings say so, and known`() throws {
        let library = try TLSLibrary()
        let server = try TestListener(certificates: ["server-expired"]).context(library)
        let upstream = TestUpstream(authorities: nil, acceptsAnyCertificate: true)
        let client = try upstream.context(library)
        let handshake = try #require(MemoryHandshake(server, client))
        #expect(handshake.run())
        let shown = library.hello.certificate
        #expect(shown == server.certificates[0].sha256)
    }

    @Test func `a P-384 certificate is believed over TLS 1.2 too`() throws {
        let library = try TLSLibrary()
        let handshake = try #require(
            MemoryHandshake(
                try TestListener(certificates: ["server-p384"]).context(library),
                try TestUpstream(hosts: ["api.other.test"]).context(library)))
        handshake.limitToTLS12()
        #expect(handshake.run())
    }

    @Test func `http 1.1 is what is offered`() throws {
        let (isDone, handshake) = try run(TestUpstream())
        #expect(isDone)
        #expect(handshake.chosenProtocol == "http/1.1")
    }

    @Test func `versions below the minimum are not spoken`() throws {
        let library = try TLSLibrary()
        let handshake = try #require(
            MemoryHandshake(
                try TestListener().context(library),
                try TestUpstream(minimum: .tls13).context(library)))
        SSL_ctrl(handshake.server, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(TLS1_2_VERSION), nil)
        #expect(!handshake.run())
    }

    @Test func `the certificate to show is told, and warned of`() throws {
        let library = try TLSLibrary()
        let good = try TestUpstream(certificate: "client-good").context(library)
        #expect(good.certificate?.kind == .ecdsa)
        #expect(good.warnings == [])
        let old = try TestUpstream(certificate: "client-expired").context(library)
        #expect(old.warnings == ["the certificate in client-expired.pem has run out"])
        #expect(try TestUpstream().context(library).certificate == nil)
    }

    @Test(arguments: ["", "a b", "a..b", "[::1", "1.2.3", "name\u{0}.test"])
    func `what is no host is refused`(host: String) throws {
        let library = try TLSLibrary()
        #expect(throws: TLSError.hostInvalid(host: host)) {
            try TestUpstream(hosts: [host]).context(library)
        }
    }

    @Test func `addresses are known with and without brackets`() throws {
        #expect(try PeerIdentity("[2001:db8::1]") == PeerIdentity("2001:db8::1"))
        #expect(try PeerIdentity("192.0.2.1").isAddress)
        #expect(try !PeerIdentity("www.example.test").isAddress)
    }

    @Test func `files that the settings name were read`() throws {
        let library = try TLSLibrary()
        var settings = TLSClientSettings()
        settings.authorities = "ca.pem"
        #expect(throws: TLSError.filesIncomplete) {
            try TLSClientContext(
                settings, files: TLSClientFiles(), hosts: ["a.test"], library: library)
        }
        settings.authorities = nil
        settings.certificate = TestFiles.paths("client-good")
        #expect(throws: TLSError.filesIncomplete) {
            try TLSClientContext(
                settings, files: TLSClientFiles(), hosts: ["a.test"], library: library)
        }
        let contexts = TLSContexts(servers: [nil], clients: [try TestUpstream().context(library)])
        #expect(contexts.clients.count == 1)
    }
}
