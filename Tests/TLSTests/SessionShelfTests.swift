import COpenSSL
import Testing

@testable import TLS

/// Resumption: tickets of ours, and what clients of ours keep of other servers'.
@Suite struct SessionShelfTests {
    private func run(
        _ server: TLSServerContext, _ client: TLSClientContext, isOld: Bool = false,
        endpoint: Int = 0
    ) throws -> MemoryHandshake {
        let handshake = try #require(MemoryHandshake(server, client, endpoint: endpoint))
        if isOld { handshake.limitToTLS12() }
        #expect(handshake.run())
        return handshake
    }

    @Test(arguments: [false, true])
    func `a session is resumed by another worker with the same keys`(isOld: Bool) throws {
        let keys = try TicketKeys(SessionTicketSettings())
        let first = try TLSLibrary()
        let second = try TLSLibrary()
        first.adopt(keys)
        second.adopt(keys)
        let client = try TestUpstream().context(first)
        let full = try run(try TestListener().context(first), client, isOld: isOld)
        #expect(!full.isResumed)
        let resumed = try run(try TestListener().context(second), client, isOld: isOld)
        #expect(resumed.isResumed)
        // The resumed handshake of TLS 1.3 brings the next ticket; that of TLS 1.2 keeps its own.
        #expect(try run(try TestListener().context(first), client, isOld: isOld).isResumed)
    }

    @Test func `a worker with other keys does not resume`() throws {
        let first = try TLSLibrary()
        let second = try TLSLibrary()
        let client = try TestUpstream().context(first)
        _ = try run(try TestListener().context(first), client)
        #expect(try !run(try TestListener().context(second), client).isResumed)
    }

    @Test(arguments: [false, true])
    func `a ticket of an earlier key is accepted, then renewed`(isOld: Bool) throws {
        let library = try TLSLibrary()
        let keys = try TicketKeys(SessionTicketSettings())
        library.adopt(keys)
        let server = try TestListener().context(library)
        let client = try TestUpstream().context(library)
        _ = try run(server, client, isOld: isOld)
        let rotated = try keys.rotated()
        library.adopt(rotated)
        #expect(try run(server, client, isOld: isOld).isResumed)
        // What came with the resumed handshake is sealed with the new key.
        let forgetful = try TLSLibrary()
        forgetful.adopt(rotated)
        var later = rotated
        for _ in 0..<3 { later = try later.rotated() }
        forgetful.adopt(later)
        #expect(try run(try TestListener().context(forgetful), client, isOld: isOld).isResumed)
    }

    @Test func `a ticket whose key is gone leads to a full handshake`() throws {
        let library = try TLSLibrary()
        var keys = try TicketKeys(SessionTicketSettings())
        library.adopt(keys)
        let server = try TestListener().context(library)
        let client = try TestUpstream().context(library)
        _ = try run(server, client)
        for _ in 0..<4 { keys = try keys.rotated() }
        library.adopt(keys)
        #expect(try !run(server, client).isResumed)
        #expect(try run(server, client).isResumed)
    }

    @Test(arguments: [false, true])
    func `without tickets nothing is resumed`(isOld: Bool) throws {
        let library = try TLSLibrary()
        var listener = TestListener()
        listener.tickets.isEnabled = false
        let server = try listener.context(library)
        let client = try TestUpstream().context(library)
        _ = try run(server, client, isOld: isOld)
        #expect(try !run(server, client, isOld: isOld).isResumed)
    }

    @Test func `what judges a client binds its session`() throws {
        let library = try TLSLibrary()
        var listener = TestListener()
        listener.authorities = "root.pem"
        listener.authentication = .optional
        var others = Array(repeating: listener, count: 4)
        others[0].name = "another"
        others[1].authentication = .require
        others[2].revocations = "revocations-none.pem"
        others[3].depth = 1
        for other in others {
            let client = try TestUpstream(certificate: "client-good").context(library)
            _ = try run(try listener.context(library), client)
            #expect(try !run(try other.context(library), client).isResumed)
        }
        let client = try TestUpstream(certificate: "client-good").context(library)
        _ = try run(try listener.context(library), client)
        let resumed = try run(try listener.context(library), client)
        #expect(resumed.isResumed)
        #expect(SSL_get0_peer_certificate(resumed.server) != nil)
    }

    @Test(arguments: [("client-good", true), ("client-expired", false)])
    func `a client certificate that has run out is not resumed`(
        certificate: String, isResumed: Bool
    ) throws {
        let library = try TLSLibrary()
        var listener = TestListener()
        listener.authorities = "root.pem"
        listener.authentication = .require
        let server = try listener.context(library)
        // As if the certificate had been valid when it was shown.
        SSL_CTX_set_cert_verify_callback(server.context, { _, _ in 1 }, nil)
        let client = try TestUpstream(certificate: certificate).context(library)
        _ = try run(server, client)
        #expect(try run(server, client).isResumed == isResumed)
    }

    @Test func `each endpoint has its own session, used once`() throws {
        let library = try TLSLibrary()
        let server = try TestListener(certificates: ["server-rsa"]).context(library)
        let client = try TestUpstream(hosts: ["www.example.test", "a.example.test"])
            .context(library)
        _ = try run(server, client, endpoint: 0)
        #expect(try !run(server, client, endpoint: 1).isResumed)
        let waiting = try #require(MemoryHandshake(server, client, endpoint: 0))
        // The first connection has taken the session, so that the second does without.
        #expect(try !run(server, client, endpoint: 0).isResumed)
        #expect(waiting.run())
        #expect(waiting.isResumed)
        #expect(try run(server, client, endpoint: 1).isResumed)
    }
}
