import COpenSSL
import Primitives
import Testing

@testable import TLS

@Suite struct TLSServerContextTests {
    private func handshake(
        _ listener: TestListener, _ upstream: TestUpstream = TestUpstream(),
        library: TLSLibrary? = nil
    ) throws -> MemoryHandshake {
        let library = try library ?? TLSLibrary()
        return try #require(
            MemoryHandshake(try listener.context(library), try upstream.context(library)))
    }

    @Test func `what was loaded is told`() throws {
        let names = [
            "server-rsa", "server-ecdsa", "server-p384", "server-ed25519", "server-common-name",
            "server-address",
        ]
        let context = try TestListener(certificates: names).context(TLSLibrary())
        let loaded = context.certificates
        #expect(loaded.map(\.kind) == [.rsa, .ecdsa, .ecdsa, .ed25519, .ecdsa, .ecdsa])
        #expect(
            loaded.map(\.names) == [
                ["www.example.test", "*.example.test"], ["WWW.example.test"], ["api.other.test"],
                ["www.example.test"], ["cn.example.test"], [],
            ])
        #expect(loaded.allSatisfy { $0.notAfter == 4_922_899_200 })
        #expect(Set(loaded.map(\.sha256)).count == names.count)
        #expect(
            context.warnings == [
                "the certificate in server-address.pem is never shown: "
                    + "those before it are for all its names"
            ])
    }

    @Test(
        arguments: [
            (
                "server-ecdsa", 4_922_899_199,
                "the certificate in server-ecdsa.pem runs out in 0 hours"
            ),
            ("server-ecdsa", 4_922_899_201, "the certificate in server-ecdsa.pem has run out"),
            ("server-ecdsa", 1_700_000_000, "the certificate in server-ecdsa.pem is not valid yet"),
            ("server-expired", 1_782_864_000, "the certificate in server-expired.pem has run out"),
        ] as [(String, Int64, String)])
    func `a certificate out of its time is warned of`(
        name: String, seconds: Int64, warning: String
    ) throws {
        let now = WallTime(microseconds: seconds * 1_000_000)
        let context = try TestListener(certificates: [name], now: now).context(TLSLibrary())
        #expect(context.warnings == [warning])
    }

    @Test(arguments: [
        ("www.example.test", "ecdsa"), ("WWW.Example.Test", "ecdsa"), ("api.other.test", "p384"),
        ("a.example.test", "rsa"), ("a.b.example.test", "rsa"), ("unknown.test", "rsa"),
    ])
    func `the name that is asked for chooses the certificate`(
        name: String, shown: String
    ) throws {
        let listener = TestListener(certificates: ["server-rsa", "server-ecdsa", "server-p384"])
        let handshake = try handshake(listener, TestUpstream(acceptsAnyCertificate: true))
        handshake.ask(for: name)
        // A default of both kinds shows the one that the client prefers.
        if name == "a.b.example.test" || name == "unknown.test" {
            handshake.accept(signatures: "RSA-PSS+SHA256")
        }
        #expect(handshake.run())
        #expect(handshake.shownName == shown)
    }

    @Test(arguments: [("RSA-PSS+SHA256", "rsa"), ("ECDSA+SHA256", "ecdsa")])
    func `of two for one name the client gets what it can check`(
        signatures: String, shown: String
    ) throws {
        let listener = TestListener(certificates: ["server-ecdsa", "server-rsa"])
        let handshake = try handshake(listener)
        handshake.accept(signatures: signatures)
        #expect(handshake.run())
        #expect(handshake.shownName == shown)
    }

    @Test(arguments: ["unknown.test", nil])
    func `a name that no certificate is for is refused where that is wanted`(
        name: String?
    ) throws {
        let library = try TLSLibrary()
        let listener = TestListener(unknown: .refuse)
        let handshake = try handshake(listener, library: library)
        handshake.ask(for: name)
        #expect(!handshake.run())
        #expect(handshake.clientReason == SSL_R_TLSV1_UNRECOGNIZED_NAME)
        var isRefused = library.hello.isNameRefused
        #expect(isRefused)
        let known = try self.handshake(listener, library: library)
        #expect(known.run())
        isRefused = library.hello.isNameRefused
        #expect(!isRefused)
    }

    @Test func `the name and the fingerprint are kept for the session`() throws {
        let library = try TLSLibrary()
        let handshake = try handshake(TestListener(), library: library)
        #expect(handshake.run())
        let name = library.hello.serverName.span.text()
        let fingerprint = library.hello.fingerprint.span.text()
        #expect(name == "www.example.test")
        #expect(fingerprint.count == 36)
        #expect(fingerprint.hasPrefix("t13d"))
        let isKnown = library.hello.hasHello
        #expect(isKnown)
    }

    @Test(
        arguments: [
            (["http/1.1"], "http/1.1"), (["h2", "http/1.1"], "http/1.1"), ([], ""),
        ] as [([String], String)])
    func `http 1.1 is agreed on where it is offered`(
        offered: [String], chosen: String
    ) throws {
        let handshake = try handshake(TestListener())
        handshake.offer(protocols: offered)
        #expect(handshake.run())
        #expect(handshake.chosenProtocol == chosen)
    }

    @Test(arguments: [["h2"], ["http/1.0", "http/1.10"]])
    func `whoever offers other protocols only is refused`(offered: [String]) throws {
        let handshake = try handshake(TestListener())
        handshake.offer(protocols: offered)
        #expect(!handshake.run())
        #expect(handshake.clientReason == SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL)
    }

    @Test func `a list of protocols that is cut off holds nothing`() {
        for list in [[8, 104], [0], [], [9] + Array("http/1.1".utf8), [1]] as [[UInt8]] {
            let place = TLSServerContext.http11(in: list.span)
            #expect(place == nil)
        }
        let list = Array("\u{2}h2\u{8}http/1.1".utf8)
        let place = TLSServerContext.http11(in: list.span)
        #expect(place == 4..<12)
    }

    @Test func `versions below the minimum are refused`() throws {
        let old = try handshake(TestListener())
        old.limitToTLS12()
        #expect(old.run())
        let refused = try handshake(TestListener(minimum: .tls13))
        refused.limitToTLS12()
        #expect(!refused.run())
        #expect(refused.serverReason == SSL_R_UNSUPPORTED_PROTOCOL)
        let ancient = try handshake(TestListener())
        SSL_ctrl(ancient.client, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(TLS1_VERSION), nil)
        SSL_ctrl(ancient.client, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(TLS1_1_VERSION), nil)
        SSL_set_security_level(ancient.client, 0)
        #expect(!ancient.run())
    }

    @Test(arguments: [
        "DHE-RSA-AES128-GCM-SHA256", "AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA",
        "ECDHE-RSA-AES256-SHA384",
    ])
    func `suites without forward secrecy, over DHE or in CBC mode are refused`(
        suite: String
    ) throws {
        let handshake = try handshake(TestListener(certificates: ["server-rsa"]))
        handshake.limitToTLS12()
        #expect(SSL_set_cipher_list(handshake.client, suite) == 1)
        #expect(!handshake.run())
        #expect(handshake.serverReason == SSL_R_NO_SHARED_CIPHER)
    }

    @Test func `a client that prefers ChaCha20 gets it, any other AES-128`() throws {
        let other = try handshake(TestListener())
        SSL_set_ciphersuites(
            other.client,
            "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:"
                + "TLS_AES_128_GCM_SHA256")
        #expect(other.run())
        #expect(other.cipherName == "TLS_AES_128_GCM_SHA256")
        let mobile = try handshake(TestListener())
        SSL_set_ciphersuites(
            mobile.client, "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256")
        #expect(mobile.run())
        #expect(mobile.cipherName == "TLS_CHACHA20_POLY1305_SHA256")
    }

    @Test(arguments: [("X25519", true), ("P-256", true), ("P-384", false), ("X448", false)])
    func `X25519 and P-256 are what keys are exchanged with`(
        group: String, isAccepted: Bool
    ) throws {
        let handshake = try handshake(TestListener())
        handshake.accept(groups: group)
        let isDone = handshake.run()
        #expect(isDone == isAccepted)
    }
}
