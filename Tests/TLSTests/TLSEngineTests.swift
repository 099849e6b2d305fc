import Glibc
import LinuxIO
import Primitives
import Testing

@testable import TLS

@Suite struct TLSEngineTests {
    /// So many bytes, of which no two neighbours are equal.
    static func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
    }

    @Test func `a handshake of TLS 1 point 3 says what was agreed on`() throws {
        let pair = try EnginePair()
        #expect(pair.shakeHands() == (.established, .established))
        for facts in [pair.server.facts, pair.client.facts] {
            #expect(facts.version == 0x0304)
            #expect(facts.cipher == 0x1301)
            #expect(facts.group == 0x001D)
            #expect(facts.signature == 0x0403)
            #expect(!facts.isResumed)
            #expect(facts.negotiatedProtocol == 1)
        }
        #expect(!pair.server.facts.hasCertificate)
        #expect(pair.server.texts.serverName == "www.example.test")
        #expect(pair.server.texts.fingerprintBytes == 36)
    }

    @Test func `a client's certificate is known, in a resumed session too`() throws {
        var listener = TestListener()
        listener.authorities = "root.pem"
        listener.authentication = .require
        var upstream = TestUpstream()
        upstream.certificate = "client-good"
        let near = try TLSLibrary()
        let far = try TLSLibrary()
        let serverContext = try listener.context(near)
        let clientContext = try upstream.context(far)
        var first: TLSFacts?
        for isResumed in [false, true] {
            let pair = try EnginePair(serverContext, clientContext)
            #expect(pair.shakeHands() == (.established, .established))
            #expect(pair.client.readAll() == .nothing)
            let facts = pair.server.facts
            #expect(facts.isResumed == isResumed)
            #expect(facts.hasCertificate)
            #expect((facts.signature == 0) == isResumed)
            #expect(pair.server.texts.detailsBytes > 0)
            if let first { #expect(first.certificate == facts.certificate) }
            first = facts
        }
    }

    @Test(arguments: [1, 7, 100])
    func `a handshake comes in pieces of any size`(size: Int) throws {
        let near = try TLSLibrary()
        let far = try TLSLibrary()
        let left = try SocketPair()
        let right = try SocketPair()
        let relay = Relay(left.far, right.far)
        let server = EnginePeer(left.near, near)
        let client = EnginePeer(right.near, far)
        server.accept(try TestListener().context(near))
        client.connect(try TestUpstream().context(far))
        var ends: (TLSProgress, TLSProgress) = (.wantsRead, .wantsRead)
        for _ in 0..<20_000 {
            if !ends.0.isFinal { ends.0 = server.shakeHands() }
            if !ends.1.isFinal { ends.1 = client.shakeHands() }
            let isIdle = !relay.move(size)
            if isIdle, ends.0.isFinal, ends.1.isFinal { break }
        }
        #expect(ends == (.established, .established))
        #expect(client.writeAll(Self.bytes(3000)))
        while relay.move(size) { #expect(server.readAll() == .nothing) }
        #expect(server.received == Self.bytes(3000))
    }

    @Test func `a request and its answer cross with one receive and one send each`() throws {
        let pair = try EnginePair.established()
        #expect(pair.client.writeAll(Self.bytes(1000)))
        pair.server.poll()
        #expect(pair.server.read() == .transferred(1000))
        // The short receive has told that nothing is left.
        #expect(!pair.server.socket.mayRead)
        #expect(pair.server.writeAll(Self.bytes(1000)))
        #expect(!pair.server.hasUnsent)
        #expect(pair.client.readAll() == .nothing)
        #expect(pair.client.received == Self.bytes(1000))
    }

    @Test func `a buffer smaller than a record is filled again without a receive`() throws {
        let pair = try EnginePair.established(bufferBytes: 512)
        #expect(pair.client.writeAll(Self.bytes(1300)))
        pair.server.poll()
        #expect(pair.server.read() == .transferred(512))
        #expect(pair.server.socket.mayRead)
        #expect(pair.server.socket.isDrained)
        #expect(pair.server.read() == .transferred(512))
        #expect(pair.server.socket.mayRead)
        #expect(pair.server.read() == .transferred(276))
        #expect(!pair.server.socket.mayRead)
        #expect(pair.server.received == Self.bytes(1300))
        // An edge makes it readable again.
        #expect(pair.client.writeAll([1]))
        #expect(pair.server.readAll() == .nothing)
        #expect(pair.server.received.count == 1301)
    }

    @Test func `one read receives once, however much is there`() throws {
        let pair = try EnginePair.established()
        for _ in 0..<4 { #expect(pair.client.writeAll(Self.bytes(16_000))) }
        let before = pair.server.unreadBytes
        pair.server.poll()
        guard case .transferred = pair.server.read() else {
            Issue.record("nothing was read")
            return
        }
        let taken = before - pair.server.unreadBytes
        #expect(taken > 0 && taken <= 17_000)
        #expect(pair.server.socket.mayRead)
        #expect(pair.server.readAll() == .nothing)
        #expect(pair.server.received == (0..<4).flatMap { _ in Self.bytes(16_000) })
    }

    @Test(arguments: [false, true])
    func `what the kernel does not take is sent later, in order`(bySocket: Bool) throws {
        let pair = try EnginePair.established(sendBytes: 4096, bySocket: bySocket)
        let all = Self.bytes(700_000)
        for (sender, receiver) in [(pair.server, pair.client), (pair.client, pair.server)] {
            var sent = 0
            var blocks = 0
            while sent < all.count || sender.hasUnsent {
                switch sender.flush() {
                case .blocked: #expect(!sender.socket.mayWrite)
                case .failed: Issue.record("flush failed")
                case .done:
                    while sent < all.count, !sender.hasUnsent {
                        let piece = Array(all[sent..<min(all.count, sent + 24_000)])
                        guard case .transferred(let count) = sender.write(piece) else { break }
                        sent += count
                    }
                }
                if !sender.socket.mayWrite { blocks += 1 }
                #expect(receiver.readAll() == .nothing)
            }
            #expect(receiver.readAll() == .nothing)
            #expect(blocks > 10)
            #expect(receiver.received == all)
        }
    }

    @Test func `nothing is encrypted while ciphertext is left`() throws {
        let pair = try EnginePair.established(sendBytes: 4096)
        pair.server.poll()
        while !pair.server.hasUnsent {
            guard case .transferred = pair.server.write(Self.bytes(24_000)) else { break }
        }
        #expect(pair.server.hasUnsent)
        #expect(!pair.server.socket.mayWrite)
        #expect(pair.server.write([1, 2, 3]) == .blocked)
        pair.server.socket.mayWrite = true
        #expect(pair.server.write([1, 2, 3]) == .blocked)
        #expect(pair.server.texts.unsentBytes <= TLSTransport.stagingBytes)
    }

    @Test(arguments: [false, true])
    func `close_notify ends a stream after all that came before`(bySocket: Bool) throws {
        let pair = try EnginePair.established(bySocket: bySocket)
        #expect(pair.client.writeAll([1, 2, 3]))
        pair.client.shutdown()
        pair.client.shutdown()
        #expect(pair.server.readAll() == .endOfStream)
        #expect(pair.server.received == [1, 2, 3])
        #expect(pair.server.socket.hasEnded)
        #expect(!pair.server.socket.mayRead)
        // The other direction goes on.
        #expect(pair.server.writeAll([4]))
        #expect(pair.client.readAll() == .nothing)
        #expect(pair.client.received == [4])
    }

    @Test(arguments: [false, true])
    func `an end without close_notify is a truncation`(bySocket: Bool) throws {
        let pair = try EnginePair.established(bySocket: bySocket)
        #expect(pair.client.writeAll([1, 2, 3]))
        pair.client.endSending()
        #expect(pair.server.readAll() == .truncated)
        #expect(pair.server.received == [1, 2, 3])
        #expect(pair.server.socket.hasEnded)
        #expect(pair.server.read() == .truncated)
    }

    @Test func `an end in the middle of a handshake abandons it`() throws {
        let pair = try EnginePair()
        #expect(pair.server.shakeHands() == .wantsRead)
        #expect(!pair.server.hasBegun)
        #expect(pair.client.shakeHands() == .wantsRead)
        #expect(pair.server.shakeHands() == .wantsRead)
        #expect(pair.server.hasBegun)
        pair.client.endSending()
        #expect(
            pair.server.shakeHands() == .failed(TLSFailure(reason: .tlsHandshakeAbandoned)))
    }

    @Test func `an attachment takes the place of what the handshake left`() throws {
        let pair = try EnginePair.established()
        pair.server.session.attach(Self.bytes(300).span)
        #expect(pair.server.texts.attachmentBytes == 300)
        #expect(pair.server.texts.serverName.isEmpty)
        pair.server.session.attach(Span())
        #expect(pair.server.texts.attachmentBytes == 0)
    }

    @Test func `OpenSSL's own socket BIO carries a connection as well`() throws {
        let pair = try EnginePair.established(bySocket: true)
        #expect(pair.server.facts.version == 0x0304)
        #expect(pair.client.writeAll(Self.bytes(50_000)))
        #expect(pair.server.readAll() == .nothing)
        #expect(pair.server.received == Self.bytes(50_000))
        #expect(!pair.server.socket.mayRead)
        #expect(pair.server.writeAll(Self.bytes(100)))
        #expect(pair.client.readAll() == .nothing)
        #expect(pair.client.received == Self.bytes(100))
    }

    @Test func `records are small at first, then large, and small again after a pause`() throws {
        let near = try TLSLibrary()
        let far = try TLSLibrary()
        let left = try SocketPair()
        let right = try SocketPair()
        let relay = Relay(left.far, right.far)
        let server = EnginePeer(left.near, near)
        let client = EnginePeer(right.near, far)
        server.accept(try TestListener().context(near))
        client.connect(try TestUpstream().context(far))
        for _ in 0..<32 {
            _ = client.shakeHands()
            _ = server.shakeHands()
            while relay.move(65_536) {}
        }
        relay.forget()
        var sizes: [[Int]] = []
        for step in 0..<8 {
            if step == 7 { server.now = server.now.advanced(nanoseconds: 1_500_000_000) }
            #expect(server.writeAll(Self.bytes(20_000)))
            while relay.move(65_536) {}
            sizes.append(relay.records)
            relay.forget()
            #expect(client.readAll() == .nothing)
        }
        // Clear bytes, a byte for the type, and a tag of 16.
        #expect(sizes.first?.first == 1369 + 17)
        #expect(sizes.first?.count == 15)
        #expect(sizes[6] == [16_384 + 17, 3616 + 17])
        #expect(sizes[7].first == 1369 + 17)
        #expect(client.received.count == 160_000)
    }
}
