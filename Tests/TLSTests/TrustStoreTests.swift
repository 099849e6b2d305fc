import COpenSSL
import Testing

@testable import TLS

/// Client certificates: authorities, revocation lists, depth and purpose.
@Suite struct TrustStoreTests {
    private func run(
        client: String?, listener: TestListener
    ) throws -> (isDone: Bool, handshake: MemoryHandshake) {
        let library = try TLSLibrary()
        let handshake = try #require(
            MemoryHandshake(
                try listener.context(library),
                try TestUpstream(certificate: client).context(library)))
        return (handshake.run(), handshake)
    }

    private func listener(
        _ authentication: ClientAuthentication = .require, revocations: String? = nil
    ) -> TestListener {
        var listener = TestListener()
        listener.authorities = "root.pem"
        listener.authentication = authentication
        listener.revocations = revocations
        return listener
    }

    @Test(arguments: ["client-good", "client-p384", "client-deep"])
    func `a certificate that leads to an authority is accepted`(client: String) throws {
        let (isDone, handshake) = try run(client: client, listener: listener())
        #expect(isDone)
        #expect(SSL_get0_peer_certificate(handshake.server) != nil)
    }

    @Test func `a P-384 certificate is accepted over TLS 1.2 too`() throws {
        let library = try TLSLibrary()
        let handshake = try #require(
            MemoryHandshake(
                try listener().context(library),
                try TestUpstream(certificate: "client-p384").context(library)))
        handshake.limitToTLS12()
        #expect(handshake.run())
    }

    @Test(arguments: [
        ("client-untrusted", X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY),
        ("client-expired", X509_V_ERR_CERT_HAS_EXPIRED),
        ("client-unsuitable", X509_V_ERR_INVALID_PURPOSE),
    ])
    func `any other is refused, required or not`(client: String, result: CInt) throws {
        for authentication in [ClientAuthentication.require, .optional] {
            let (isDone, handshake) = try run(client: client, listener: listener(authentication))
            #expect(!isDone)
            #expect(handshake.serverReason == SSL_R_CERTIFICATE_VERIFY_FAILED)
            #expect(SSL_get_verify_result(handshake.server) == Int(result))
        }
    }

    @Test func `none is refused only where one is required`() throws {
        let (isDone, handshake) = try run(client: nil, listener: listener())
        #expect(!isDone)
        #expect(handshake.serverReason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE)
        #expect(try run(client: nil, listener: listener(.optional)).isDone)
        #expect(try run(client: nil, listener: listener(.off)).isDone)
    }

    @Test func `none is asked for where none is wanted`() throws {
        let (isDone, handshake) = try run(client: "client-good", listener: listener(.off))
        #expect(isDone)
        #expect(SSL_get0_peer_certificate(handshake.server) == nil)
    }

    @Test func `a revoked certificate is refused`() throws {
        let listener = listener(revocations: "revocations.pem")
        let (isDone, handshake) = try run(client: "client-revoked", listener: listener)
        #expect(!isDone)
        #expect(SSL_get_verify_result(handshake.server) == Int(X509_V_ERR_CERT_REVOKED))
        #expect(try run(client: "client-good", listener: listener).isDone)
        let without = self.listener(revocations: "revocations-none.pem")
        #expect(try run(client: "client-revoked", listener: without).isDone)
    }

    @Test func `a list that has run out refuses everybody, with a warning`() throws {
        let listener = listener(revocations: "revocations-old.pem")
        let (isDone, handshake) = try run(client: "client-good", listener: listener)
        #expect(!isDone)
        #expect(SSL_get_verify_result(handshake.server) == Int(X509_V_ERR_CRL_HAS_EXPIRED))
        let warnings = try listener.context(TLSLibrary()).warnings
        #expect(
            warnings == [
                "revocations-old.pem has 1 revocation lists that have run out: "
                    + "certificates under them are refused"
            ])
    }

    @Test func `an authority without a list is warned of`() throws {
        var listener = listener(revocations: "revocations.pem")
        listener.authorities = "other-root.pem"
        let warnings = try listener.context(TLSLibrary()).warnings
        #expect(
            warnings == [
                "revocations.pem has no revocation list of one of the authorities: "
                    + "certificates under it are refused"
            ])
    }

    @Test func `a chain may have as many intermediates as the depth says`() throws {
        var listener = listener()
        listener.depth = 0
        let (isDone, handshake) = try run(client: "client-deep", listener: listener)
        #expect(!isDone)
        #expect(SSL_get_verify_result(handshake.server) == Int(X509_V_ERR_CERT_CHAIN_TOO_LONG))
        #expect(try run(client: "client-good", listener: listener).isDone)
        listener.depth = 1
        #expect(try run(client: "client-deep", listener: listener).isDone)
    }

    @Test func `an authority below another may be named alone`() throws {
        var listener = listener()
        listener.authorities = "middle.pem"
        #expect(try run(client: "client-deep", listener: listener).isDone)
        #expect(try !run(client: "client-good", listener: listener).isDone)
    }
}
