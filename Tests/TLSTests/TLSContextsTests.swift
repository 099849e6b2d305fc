import Primitives
import Testing

@testable import TLS

/// Contexts under the engine: what a worker sees of handshakes that succeed and that don't.
@Suite struct TLSContextsTests {
    private let server: TLSLibrary
    private let client: TLSLibrary

    init() throws {
        server = try TLSLibrary()
        client = try TLSLibrary()
    }

    private func run(
        _ listener: TestListener, certificate: String? = nil, host: String = "www.example.test"
    ) throws -> SocketHandshake.Outcome {
        SocketHandshake.run(
            try listener.context(server),
            try TestUpstream(certificate: certificate, hosts: [host]).context(client))
    }

    private var mutual: TestListener {
        var listener = TestListener()
        listener.authorities = "root.pem"
        listener.revocations = "revocations.pem"
        listener.authentication = .require
        return listener
    }

    @Test func `a handshake tells who is asked for and by what`() throws {
        let outcome = try run(TestListener())
        #expect(outcome.server == .established)
        #expect(outcome.client == .established)
        #expect(outcome.reading == .transferred(1))
        #expect(outcome.serverName == "www.example.test")
        #expect(outcome.fingerprint.hasPrefix("t13d"))
        #expect(outcome.fingerprint.utf8.count == 36)
        #expect(outcome.serverFacts.version == 0x0304)
        #expect(outcome.serverFacts.cipher == 0x1301)
        #expect(outcome.serverFacts.group == 0x001D)
        #expect(outcome.serverFacts.signature == 0x0403)
        #expect(outcome.serverFacts.negotiatedProtocol == 1)
        #expect(!outcome.serverFacts.hasCertificate)
    }

    @Test func `the server's certificate is known to the client`() throws {
        let outcome = try run(TestListener())
        let shown = try TestListener().context(server).certificates[0].sha256
        #expect(outcome.clientFacts.hasCertificate)
        #expect(outcome.clientFacts.certificate == shown)
    }

    @Test func `a client certificate is known, also of a resumed session`() throws {
        let listener = try mutual.context(server)
        let upstream = try TestUpstream(certificate: "client-good").context(client)
        let expected = upstream.certificate?.sha256
        for isResumed in [false, true, true] {
            let outcome = SocketHandshake.run(listener, upstream)
            #expect(outcome.server == .established)
            #expect(outcome.reading == .transferred(1))
            #expect(outcome.serverFacts.isResumed == isResumed)
            #expect(outcome.serverFacts.hasCertificate)
            #expect(outcome.serverFacts.certificate == expected)
            #expect(outcome.subject == "CN=good")
            #expect(outcome.clientFacts.hasCertificate)
        }
    }

    @Test(arguments: [
        ("client-untrusted", Reason.tlsCertificateUntrusted, "CN=untrusted"),
        ("client-expired", .tlsCertificateExpired, "CN=expired"),
        ("client-revoked", .tlsCertificateRevoked, "CN=revoked"),
        ("client-unsuitable", .tlsCertificateUnsuitable, "CN=unsuitable"),
    ])
    func `a refused client certificate is known too`(
        certificate: String, reason: Reason, subject: String
    ) throws {
        let outcome = try run(mutual, certificate: certificate)
        guard case .failed(let failure) = outcome.server else {
            Issue.record("it was accepted")
            return
        }
        #expect(failure.reason == reason)
        #expect(outcome.subject == subject)
        #expect(outcome.serverFacts.hasCertificate)
        guard case .failed(let failure) = outcome.reading else {
            Issue.record("the client was not told")
            return
        }
        #expect(failure.reason == .upstreamTLSFailed)
        #expect(failure.alert != 0)
    }

    @Test func `a missing client certificate is told of`() throws {
        let outcome = try run(mutual)
        #expect(outcome.server == .failed(TLSFailure(reason: .tlsCertificateMissing, alert: 116)))
        #expect(outcome.subject == "")
    }

    @Test func `an unknown name is told of`() throws {
        let listener = TestListener(unknown: .refuse)
        let outcome = try run(listener, host: "unknown.test")
        #expect(outcome.server == .failed(TLSFailure(reason: .tlsServerNameUnknown, alert: 112)))
        #expect(outcome.serverName == "unknown.test")
        #expect(
            outcome.client == .failed(TLSFailure(reason: .upstreamTLSFailed, alert: 112)))
    }

    @Test func `an upstream's certificate for another name is refused`() throws {
        let outcome = try run(TestListener(), host: "www.other.test")
        #expect(
            outcome.client == .failed(TLSFailure(reason: .upstreamCertificateRefused, alert: 42)))
        #expect(outcome.clientFacts.hasCertificate)
    }

    @Test func `two workers resume each other's sessions, and rotation keeps them`() throws {
        let keys = try TicketKeys(SessionTicketSettings())
        let other = try TLSLibrary()
        server.adopt(keys)
        other.adopt(keys)
        let upstream = try TestUpstream().context(client)
        let first = try TestListener().context(server)
        let second = try TestListener().context(other)
        #expect(!SocketHandshake.run(first, upstream).serverFacts.isResumed)
        #expect(SocketHandshake.run(second, upstream).serverFacts.isResumed)
        let rotated = try keys.rotated()
        server.adopt(rotated)
        other.adopt(rotated)
        #expect(SocketHandshake.run(first, upstream).serverFacts.isResumed)
        #expect(SocketHandshake.run(second, upstream).clientFacts.isResumed)
    }

    @Test func `another authority ends resumption`() throws {
        let upstream = try TestUpstream(certificate: "client-good").context(client)
        _ = SocketHandshake.run(try mutual.context(server), upstream)
        var changed = mutual
        changed.authorities = "other-root.pem"
        let outcome = SocketHandshake.run(try changed.context(server), upstream)
        #expect(!outcome.serverFacts.isResumed)
        #expect(outcome.server == .failed(TLSFailure(reason: .tlsCertificateUntrusted, alert: 48)))
    }
}
