import AuditRecords
import AuditSegments
import Crypto
import Primitives
import Testing

/// What an encrypted batch says in the clear.
@Suite struct BatchAccountTests {
    private func sample() -> BatchAccount {
        var account = BatchAccount()
        account.record(worker: 1, sequence: 7)
        for sequence in [1, 2, 3, 9, 8, 5] as [UInt64] {
            account.record(worker: 0, sequence: sequence)
        }
        account.take(
            kind: 7, core: Array(#"{"boot":"00000000000000aa","from":4,"to":6,"worker":3}"#.utf8))
        account.take(kind: 7, core: Array(#"{"boot":"00000000000000aa","from":9,"worker":3}"#.utf8))
        account.take(
            kind: 6, core: Array(#"{"event":"heartbeat","sequences":[9,7]}"#.utf8))
        account.take(kind: 6, core: Array(#"{"event":"start","workers":2}"#.utf8))
        account.take(kind: 6, core: Array(#"{"event":"stop","sequences":[9,8]}"#.utf8))
        return account
    }

    @Test func `an account reads back as it was`() throws {
        let account = sample()
        let text = String(decoding: account.json, as: UTF8.self)
        #expect(
            text
                == #"{"gaps":["00000000000000aa.3.4.6","00000000000000aa.3.9."],"#
                + #""recorded":["0.1.3","0.5.5","0.8.9","1.7.7"],"sequences":[9,8],"stop":true,"#
                + #""torn":[],"workers":2}"#)
        #expect(try BatchAccount(json: account.json) == account)
        #expect(account.recordedCount == 7)
    }

    @Test func `an account names the first record that remains`() throws {
        var account = sample()
        account.take(kind: 9, core: Array(#"{"event":"pruned","first":4711}"#.utf8))
        account.take(kind: 9, core: Array(#"{"event":"pruned","first":17}"#.utf8))
        account.take(kind: 9, core: Array(#"{"event":"erased","first":9999}"#.utf8))
        account.take(kind: 6, core: Array(#"{"event":"pruned","first":9999}"#.utf8))
        #expect(account.minimum == 4711)
        #expect(String(decoding: account.json, as: UTF8.self).contains(#""minimum":4711"#))
        #expect(try BatchAccount(json: account.json).minimum == 4711)
    }

    @Test func `only the last record can be the stop`() {
        var account = sample()
        #expect(account.isStopped)
        account.record(worker: 0, sequence: 10)
        #expect(!account.isStopped)
    }

    @Test(arguments: [
        ("\"0.1.3\"", "\"0.3.1\""), ("\"0.1.3\"", "\"0.0.3\""), ("\"0.1.3\"", "\"0.1.5\""),
        ("\"0.1.3\"", "\"0.1.3.4\""), ("\"0.1.3\"", "\"0.01.3\""), ("\"0.1.3\"", "\"99999.1.3\""),
        ("true", "1"), ("\"workers\":2", "\"workers\":-2"),
        ("\"workers\":2", "\"workers\":2,\"x\":1"),
        ("3.4.6", "3.6.4"), ("3.4.6", "3.4.x"), ("[9,8]", "[9,-8]"), ("}", ""), ("[]", "[\"aa\"]"),
        ("\"workers\":2", "\"workers\":9999999999"),
    ])
    func `an account in another form is refused`(change: (from: String, to: String)) throws {
        let text = String(decoding: sample().json, as: UTF8.self)
        let range = try #require(text.firstRange(of: change.from))
        let changed = text.replacingCharacters(in: range, with: change.to)
        #expect(throws: EvidenceError.batchMalformed) {
            try BatchAccount(json: Array(changed.utf8))
        }
    }

    @Test func `an encrypted batch is sealed to its recipients, with an account`() throws {
        let library = try CryptoLibrary()
        let key = try AgeIdentity.generate().identity
        var tree = LogTree()
        var batch = try BatchEncoder(
            capacity: 1 << 16, countLimit: 10, level: 1, recipients: [key.recipient],
            library: library)
        let none: [UInt8] = []
        let core = Array(#"{"boot":"0000000000000001","seq":1,"worker":0}"#.utf8)
        let isAdded = try batch.add(
            kind: 3, time: WallTime(microseconds: 1), core: core.span, subject: none.span,
            detail: none.span, tree: &tree)
        #expect(isAdded)
        try batch.compress()
        _ = batch.stamp(number: 0, previous: .zero)
        let bytes = batch.bytes.indices.map { batch.bytes[$0] }
        let header = try FrameHeader(bytes.span)
        #expect(header.flags == FrameHeader.encrypted)
        let clear = Array(bytes[64..<64 + header.clearCount])
        let sealed = Array(bytes[(64 + header.clearCount)...].prefix(header.sealedCount))
        let account = try BatchHeader(clear: clear.span).account(clear: clear)
        #expect(account.recordedCount == 1)
        #expect(throws: EvidenceError.sealedEncrypted) {
            try SealedBatch(sealed.span, flags: header.flags)
        }
        let stranger = try AgeIdentity.generate().identity
        #expect(throws: EvidenceError.sealedForOthers) {
            try SealedBatch(sealed.span, flags: header.flags, identities: [stranger])
        }
        #expect(throws: EvidenceError.sealedChanged) {
            try SealedBatch(
                Array(sealed.dropLast()).span, flags: header.flags, identities: [key])
        }
        var opened = try SealedBatch(sealed.span, flags: header.flags, identities: [key])
        let record = try opened.next()
        #expect(record?.part(0) == core)
    }
}
