import AuditSegments
import Crypto
import Primitives
import Testing

/// What a signer remembers, and the messages that it is asked with.
@Suite struct SignerTests {
    static let origin = "log.test/one/0123456789abcdef"

    private static func root(_ byte: UInt8) -> Digest256 {
        Digest256([UInt8](repeating: byte, count: 32).span) ?? .zero
    }

    private static func claim(_ size: UInt64, _ byte: UInt8, _ origin: String = origin)
        -> Checkpoint
    {
        Checkpoint(origin: origin, size: size, root: root(byte))
    }

    @Test func `a size never goes back, and has one root`() throws {
        var state = SignerState()
        #expect(try state.take(Self.claim(5, 1)))
        #expect(try !state.take(Self.claim(5, 1)))
        for other in [Self.claim(5, 2), Self.claim(4, 1), Self.claim(0, 0)] {
            #expect(throws: EvidenceError.signingWouldFork) { try state.take(other) }
        }
        #expect(try state.take(Self.claim(6, 2)))
        #expect(state.entry(Self.origin)?.size == 6)
        // Another log has sizes of its own.
        #expect(try state.take(Self.claim(1, 9, "log.test/one/1123456789abcdef")))
    }

    @Test func `an empty tree is signed once`() throws {
        var state = SignerState()
        #expect(try state.take(Self.claim(0, 7)))
        #expect(throws: EvidenceError.signingWouldFork) { try state.take(Self.claim(0, 8)) }
    }

    @Test func `no epoch of the past is certified`() throws {
        var state = SignerState()
        func epoch(_ number: UInt64, _ first: UInt64) -> EpochCertificate {
            EpochCertificate(
                number: number, first: first, publicKey: [UInt8](repeating: 1, count: 32),
                signer: Self.origin)
        }
        try state.take(epoch: epoch(1, 0), origin: Self.origin)
        _ = try state.take(Self.claim(10, 1))
        #expect(throws: EvidenceError.signingWouldFork) {
            try state.take(epoch: epoch(2, 9), origin: Self.origin)
        }
        try state.take(epoch: epoch(4, 10), origin: Self.origin)
        // Its leaf may not have become durable.
        try state.take(epoch: epoch(4, 10), origin: Self.origin)
        #expect(throws: EvidenceError.signingWouldFork) {
            try state.take(epoch: epoch(3, 11), origin: Self.origin)
        }
    }

    @Test func `the state survives its file, which has one form`() throws {
        var state = SignerState()
        _ = try state.take(Self.claim(5, 1))
        _ = try state.take(Self.claim(7, 2, "log.test/one/1123456789abcdef"))
        let bytes = state.bytes
        #expect(try SignerState(bytes) == state)
        let text = String(decoding: bytes, as: UTF8.self)
        let line = "\(Self.origin) 5 "
        let wrong = [
            "", "other\n", String(text.dropLast()), text + "\n", text + text,
            text.replacing(line, with: "\(Self.origin) 05 "),
            text.replacing(line, with: "\(Self.origin)  5 "),
            text.replacing(" 0\n", with: " -1\n"), text.replacing("one/1", with: "o+e/1"),
        ]
        for changed in wrong {
            #expect(throws: EvidenceError.signerStateMalformed, "\(changed)") {
                try SignerState(Array(changed.utf8))
            }
        }
    }

    @Test func `a signer remembers a bounded number of logs`() throws {
        var state = SignerState()
        for number in 0..<UInt64(SignerState.limitEntries) {
            _ = try state.take(Self.claim(1, 1, "log.test/one/\(number.hexText)"))
        }
        #expect(throws: EvidenceError.signerFull) {
            try state.take(Self.claim(1, 1, "log.test/one/ffffffffffffffff"))
        }
        #expect(state.bytes.count <= SignerState.limitBytes)
    }

    @Test func `requests and answers have one form`() throws {
        let epoch = EpochCertificate(
            number: 3, first: 17, publicKey: [UInt8](repeating: 7, count: 32),
            signer: Self.origin)
        let requests: [SignerRequest] = [
            .key(origin: Self.origin), .seen(name: "log.test/one"),
            .checkpoint(Self.claim(8, 3)), .epoch(epoch, origin: Self.origin, boot: 5),
        ]
        for request in requests {
            let bytes = request.bytes
            #expect(SignerRequest(bytes) == request)
            #expect(SignerRequest(bytes + Array("x\n".utf8)) == nil)
            #expect(SignerRequest(Array(bytes.dropLast())) == nil)
            #expect(SignerRequest([0x20] + bytes) == nil)
        }
        for text in ["", "\n", "key\n", "key\na b\n", "seen\n\n", "checkpoint\n", "sign\nx\n"] {
            #expect(SignerRequest(Array(text.utf8)) == nil, "\(text)")
        }
        let long = [UInt8](repeating: 0x61, count: SignerRequest.limitBytes + 1)
        #expect(SignerRequest(Array("key\n".utf8) + long + [0x0A]) == nil)
        let replies: [SignerReply] =
            [.ok([]), .ok(["a", "b"])] + SignerRefusal.allCases.map { .refused($0) }
        for reply in replies { #expect(SignerReply(reply.bytes) == reply) }
        for text in ["", "ok", "no\n", "refused\n", "refused\nwhy\n", "refused\nfork\nfork\n"] {
            #expect(SignerReply(Array(text.utf8)) == nil, "\(text)")
        }
    }

    @Test func `an answer is what was asked for, or nothing`() throws {
        let key = [UInt8](repeating: 5, count: 32)
        let text = Base64.encode(key.span)
        #expect(SignerReply.ok([text]).decoded(count: 32) == key)
        #expect(SignerReply.ok([text]).decoded(count: 64) == nil)
        #expect(SignerReply.ok([]).decoded(count: 32) == nil)
        #expect(SignerReply.refused(.fork).decoded(count: 32) == nil)
        let root = Self.root(4)
        let line = "\(Self.origin) 12 \(Base64.encode(root.bytes.span))"
        #expect(
            SignerReply.ok([line]).checkpoints(source: "signer") == [
                SeenCheckpoint(origin: Self.origin, size: 12, root: root, source: "signer")
            ])
        #expect(SignerReply.ok(["x"]).checkpoints(source: "signer") == nil)
    }
}
