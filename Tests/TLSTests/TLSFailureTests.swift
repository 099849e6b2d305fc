import Glibc
import LinuxIO
import Primitives
import Testing

@testable import TLS

@Suite struct TLSFailureTests {
    @Test(arguments: [false, true])
    func `plain HTTP is known as such`(bySocket: Bool) throws {
        let pair = try EnginePair(bySocket: bySocket)
        pair.client.sendRaw(Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
        #expect(pair.server.shakeHands() == .failed(TLSFailure(reason: .tlsPlainHTTP)))
        let unread = pair.client.unreadBytes
        #expect(unread == 0)
    }

    @Test func `garbage is malformed, and the peer is told`() throws {
        let pair = try EnginePair()
        pair.client.sendRaw([22, 3, 1, 0, 4, 9, 0, 0, 0])
        guard case .failed(let failure) = pair.server.shakeHands() else {
            Issue.record("the handshake went on")
            return
        }
        #expect(failure.reason == .tlsMalformed)
        #expect(failure.alert == 10)
        let unread = pair.client.unreadBytes
        #expect(unread == 7)
        #expect(pair.server.shakeHands() == .failed(TLSFailure(reason: .tlsMalformed)))
        #expect(!pair.server.socket.mayRead)
    }

    @Test func `a peer that is gone does not hide why it was refused`() throws {
        let pair = try EnginePair()
        pair.client.sendRaw(Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
        Glibc.shutdown(pair.client.socket.number, CInt(SHUT_RDWR))
        #expect(pair.server.shakeHands() == .failed(TLSFailure(reason: .tlsPlainHTTP)))
    }

    @Test func `a client's alert is told`() throws {
        var upstream = TestUpstream()
        upstream.authorities = "other-root.pem"
        let pair = try EnginePair(TestListener(), upstream)
        let ends = pair.shakeHands()
        #expect(
            ends.client == .failed(TLSFailure(reason: .upstreamCertificateRefused, alert: 48)))
        #expect(ends.server == .failed(TLSFailure(reason: .tlsAlertReceived, alert: 48)))
        #expect(pair.client.texts.detailsBytes > 0)
    }

    @Test func `a client without the certificate that is required is refused`() throws {
        var listener = TestListener()
        listener.authorities = "root.pem"
        listener.authentication = .require
        let pair = try EnginePair(listener)
        let ends = pair.shakeHands()
        #expect(ends.server == .failed(TLSFailure(reason: .tlsCertificateMissing, alert: 116)))
        // A client of TLS 1.3 is done before the server has judged it.
        #expect(ends.client == .established)
        #expect(
            pair.client.readAll() == .failed(TLSFailure(reason: .upstreamTLSFailed, alert: 116)))
    }

    @Test(arguments: [
        ("client-untrusted", Reason.tlsCertificateUntrusted, UInt8(48)),
        ("client-expired", .tlsCertificateExpired, 45),
        ("client-revoked", .tlsCertificateRevoked, 44),
        ("client-unsuitable", .tlsCertificateUnsuitable, 43),
    ])
    func `a refused certificate is known`(name: String, reason: Reason, alert: UInt8) throws {
        var listener = TestListener()
        listener.authorities = "root.pem"
        listener.revocations = "revocations.pem"
        listener.authentication = .optional
        var upstream = TestUpstream()
        upstream.certificate = name
        let pair = try EnginePair(listener, upstream)
        let server = pair.shakeHands().server
        guard case .failed(let failure) = server else {
            Issue.record("it was accepted")
            return
        }
        #expect(failure.reason == reason)
        #expect(failure.alert == alert)
        #expect(pair.server.facts.hasCertificate)
        #expect(pair.server.texts.detailsBytes > 0)
    }

    @Test func `a name that is not served is refused where settings say so`() throws {
        var listener = TestListener()
        listener.unknown = .refuse
        var upstream = TestUpstream()
        upstream.hosts = ["elsewhere.example"]
        let pair = try EnginePair(listener, upstream)
        let ends = pair.shakeHands()
        #expect(ends.server == .failed(TLSFailure(reason: .tlsServerNameUnknown, alert: 112)))
        #expect(ends.client == .failed(TLSFailure(reason: .upstreamTLSFailed, alert: 112)))
        #expect(pair.server.texts.serverName == "elsewhere.example")
    }

    @Test(arguments: 0..<40)
    func `random bytes do no harm to a handshake`(seed: UInt64) throws {
        var random = SplitMix(state: seed)
        let pair = try EnginePair(bySocket: seed % 4 == 0)
        // Half of them change a genuine flight, so that they get further.
        if seed % 2 == 0 { _ = pair.client.shakeHands() }
        for _ in 0..<20 {
            var bytes = (0..<Int(random.next() % 400 + 1)).map { _ in
                UInt8(truncatingIfNeeded: random.next())
            }
            if random.next() % 2 == 0 {
                bytes.replaceSubrange(
                    0..<min(5, bytes.count), with: [22, 3, 3, 0, UInt8(truncatingIfNeeded: seed)])
            }
            pair.client.sendRaw(bytes)
            if pair.server.shakeHands().isFinal { break }
        }
        #expect(!pair.server.isEstablished)
    }
}
