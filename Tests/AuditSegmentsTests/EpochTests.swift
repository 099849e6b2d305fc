import AuditRecords
import AuditSegments
import Crypto
import Primitives
import Testing

/// Epoch keys: what the verifier demands of them, and what the theft of either key is worth.
@Suite struct EpochTests {
    static let origin = "audit.example/proxy-1"

    @Test func `a log of several epochs and boots holds`() throws {
        let report = try verify(try EpochTests.sample())
        #expect(report.findings == [])
        #expect(report.epochs == 3)
        #expect(report.epochsFrom == 0)
        #expect(report.checkpoints == 4)
    }

    @Test func `epochs may begin in a log that had none`() throws {
        var log = try SampleLog()
        log.begin(boot: 1)
        try log.requests(boot: 1, 1...2)
        try log.add([(6, "{\"event\":\"stop\"}")])
        try log.checkpoint()
        log.seal()
        log.begin(boot: 2)
        try log.beginEpoch(boot: 2, number: 1)
        try log.requests(boot: 2, 1...1)
        try end(&log)
        let report = try verify(log.files)
        #expect(report.findings == [])
        #expect(report.epochsFrom == 3)
    }

    @Test func `a checkpoint without its epoch's line does not count`() throws {
        // The thief has the log's own key; the epoch's key is gone from memory.
        var log = try EpochTests.begun()
        try log.requests(boot: 1, 1...1)
        try log.checkpoint()
        try log.requests(boot: 1, 2...2)
        let root = log.tree.root(&log.maker.hasher)
        log.take(try log.signer.sign(size: log.tree.size, root: root))
        let report = try verify(log.files)
        #expect(problems(report).contains(.checkpoint(.epochLineMissing)))
        #expect(report.checkpointSize == 2)
    }

    @Test func `an epoch line by another key does not count`() throws {
        var log = try EpochTests.begun()
        try log.requests(boot: 1, 1...1)
        // The name and the number are right, the key is the thief's own: then its id differs.
        var forged = EpochSigner(origin: Self.origin, boot: 1, lastNumber: 0)
        var proposed = try forged.propose(at: 0)
        proposed.certificate.signature = try log.signer.certify(proposed.certificate, boot: 1)
        forged.adopt(proposed)
        let root = log.tree.root(&log.maker.hasher)
        log.take(try log.signer.sign(size: log.tree.size, root: root, epoch: forged))
        #expect(problems(try verify(log.files)).contains(.checkpoint(.epochLineMissing)))
    }

    @Test func `an epoch line over another text is wrong`() throws {
        var log = try EpochTests.begun()
        try log.requests(boot: 1, 1...1)
        let root = log.tree.root(&log.maker.hasher)
        var note = try SignedNote(
            log.signer.sign(size: log.tree.size, root: root, epoch: log.epoch))
        note.lines[1].signature[5] ^= 1
        log.take(note.bytes)
        #expect(problems(try verify(log.files)).contains(.checkpoint(.epochLineWrong)))
    }

    @Test func `the stolen identity key cannot go on with a boot's epochs`() throws {
        var log = try EpochTests.begun()
        try log.requests(boot: 1, 1...1)
        try log.checkpoint()
        // A next epoch of the same boot, certified by the log's own key instead of the one before.
        var thief = EpochSigner(origin: Self.origin, boot: 1, lastNumber: 1)
        var next = try thief.propose(at: log.tree.size)
        next.certificate.signature = try log.signer.certify(next.certificate, boot: 1)
        let core = SampleLog.core(next.certificate, boot: 1)
        thief.adopt(next)
        try log.add([(8, core)])
        let root = log.tree.root(&log.maker.hasher)
        log.take(try log.signer.sign(size: log.tree.size, root: root, epoch: thief))
        let found = problems(try verify(log.files))
        #expect(found.contains(.epoch(index: 2, .epochSignerWrong)))
        #expect(found.contains(.checkpoint(.epochUnproven)))
    }

    @Test func `the stolen epoch key cannot sign without the log's own`() throws {
        var log = try EpochTests.begun()
        try log.requests(boot: 1, 1...1)
        let root = log.tree.root(&log.maker.hasher)
        // The thief signs the first line with a key of their own.
        var other = try CheckpointSigner(origin: Self.origin, signingKey: .generate())
        log.take(try other.sign(size: log.tree.size, root: root, epoch: log.epoch))
        #expect(problems(try verify(log.files)).contains(.checkpoint(.signatureMissing)))
    }

    @Test func `the epoch after a stolen one is named when another boot uses it`() throws {
        var log = try EpochTests.begun()
        try log.requests(boot: 1, 1...1)
        try log.checkpoint()
        log.end()
        log.begin(boot: 2, isClean: false)
        // Certified by the running epoch's key, as for its own boot.
        let next = try log.epoch.propose(at: log.tree.size)
        try log.add([(8, SampleLog.core(next.certificate, boot: 2))])
        #expect(problems(try verify(log.files)).contains(.epoch(index: 2, .epochSignerWrong)))
    }

    @Test func `a boot without an epoch, after others had one, is named`() throws {
        var log = try EpochTests.begun()
        try end(&log)
        log.begin(boot: 2)
        try log.requests(boot: 2, 1...1)
        log.epoch = EpochSigner(origin: Self.origin, boot: 2, lastNumber: 1)
        try end(&log)
        #expect(problems(try verify(log.files)).first == .checkpoint(.epochMissing))
    }

    @Test func `each member of a certificate is signed for`() throws {
        let changes: [(inout EpochCertificate) -> Void] = [
            { $0.number += 1 }, { $0.first += 1 }, { $0.publicKey[0] ^= 1 },
            { $0.signature[0] ^= 1 }, { $0.signer = Self.origin + "/e0" },
        ]
        for change in changes {
            var log = try SampleLog()
            log.begin(boot: 1)
            var next = try EpochSigner(origin: Self.origin, boot: 1, lastNumber: 0).propose(at: 0)
            next.certificate.signature = try log.signer.certify(next.certificate, boot: 1)
            change(&next.certificate)
            try log.add([(8, SampleLog.core(next.certificate, boot: 1))])
            let found = problems(try verify(log.files))
            #expect(found.contains { if case .epoch(0, _) = $0 { true } else { false } })
        }
    }

    @Test func `a record that holds no certificate is named`() throws {
        var log = try SampleLog()
        log.begin(boot: 1)
        try log.add([(8, "{\"boot\":\"\(UInt64(1).hexText)\"}")])
        let found = problems(try verify(log.files))
        #expect(found.contains(.epoch(index: 0, .epochMalformed)))
    }

    @Test func `a line of an epoch that no leaf tells of is named`() throws {
        var log = try SampleLog()
        log.begin(boot: 1)
        try log.requests(boot: 1, 1...1)
        var signer = EpochSigner(origin: Self.origin, boot: 1, lastNumber: 0)
        var next = try signer.propose(at: 0)
        next.certificate.signature = try log.signer.certify(next.certificate, boot: 1)
        signer.adopt(next)
        let root = log.tree.root(&log.maker.hasher)
        log.take(try log.signer.sign(size: log.tree.size, root: root, epoch: signer))
        #expect(problems(try verify(log.files)).contains(.checkpoint(.epochUnproven)))
    }

    @Test func `a certificate survives its JSON, and no checkpoint reads like its text`() throws {
        let key = try CheckpointSigner(origin: Self.origin, signingKey: .generate())
        var next = try EpochSigner(origin: Self.origin, boot: 7, lastNumber: 41).propose(at: 12)
        next.certificate.signature = try key.certify(next.certificate, boot: 7)
        let certificate = next.certificate
        let core = CanonicalValue.object(["epoch": certificate.value]).bytes
        #expect(try EpochCertificate(core: core) == certificate)
        try certificate.verify(key.key, origin: Self.origin, boot: 7)
        #expect(throws: EvidenceError.epochCertificateWrong) {
            try certificate.verify(key.key, origin: Self.origin, boot: 8)
        }
        let text = certificate.text(origin: Self.origin, boot: 7)
        #expect(throws: EvidenceError.checkpointMalformed) { try Checkpoint(text: text) }
        let name = try certificate.key(origin: Self.origin).name
        #expect(EpochCertificate.number(name: name, origin: Self.origin) == 42)
        #expect(EpochCertificate.number(name: Self.origin + "/e042", origin: Self.origin) == nil)
    }

    @Test func `without the records, epochs are verified all the same`() throws {
        let files = try EpochTests.sample()
        let key = try Vectors.key()
        let verifier = try LogVerifier(source: files, key: key, readsRecords: false)
        let report = verifier.verify()
        #expect(report.holds)
        #expect(report.epochs == 3)
    }

    @Test func `verifications that begin inside, or go on, follow the epochs`() throws {
        let files = try EpochTests.sample()
        let key = try Vectors.key()
        let numbers = files.files(in: LogLayout.segments).compactMap { LogLayout.segmentNumber($0) }
        for number in numbers.sorted().dropFirst() {
            let inside = try LogVerifier(source: files, key: key).verify(.since(segment: number))
            #expect(inside.findings == [] && inside.epochs == 3)
        }
        var kept: [VerifiedPrefix] = []
        _ = try LogVerifier(source: files, key: key).verify(keep: { kept.append($0) })
        #expect(kept.count == 3)
        for prefix in kept {
            let read = VerifiedPrefix(json: CanonicalObject(prefix.value.bytes))
            let again = try #require(read)
            #expect(again.value == prefix.value)
            let further = try LogVerifier(source: files, key: key).verify(.resumed(again))
            #expect(further.findings == [] && further.epochs == 3)
        }
    }

    // MARK: Logs

    /// One boot whose first leaf is its epoch.
    private static func begun() throws -> SampleLog {
        var log = try SampleLog()
        log.begin(boot: 1)
        try log.beginEpoch(boot: 1, number: 1)
        return log
    }

    private static func sample() throws -> MemoryFiles {
        var log = try begun()
        try log.requests(boot: 1, 1...2)
        try log.checkpoint()
        log.seal()
        log.begin(boot: 1)
        try log.beginEpoch(boot: 1, number: 2)
        try log.requests(boot: 1, 3...4)
        try log.checkpoint()
        try log.add([(6, "{\"event\":\"stop\"}")])
        try log.checkpoint()
        log.seal()
        log.begin(boot: 2)
        try log.beginEpoch(boot: 2, number: 3)
        try log.add([(6, "{\"event\":\"stop\"}")])
        try log.checkpoint()
        log.seal()
        return log.files
    }

    private func end(_ log: inout SampleLog) throws {
        try log.add([(6, "{\"event\":\"stop\"}")])
        try log.checkpoint()
        log.seal()
    }

    private func verify(_ files: MemoryFiles) throws -> VerificationReport {
        try LogVerifier(source: files, key: try Vectors.key()).verify()
    }

    private func problems(_ report: VerificationReport) -> [Problem] {
        report.findings.map(\.problem)
    }
}
