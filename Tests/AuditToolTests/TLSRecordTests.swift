import AuditRecords
import AuditSegments
import Primitives
import Testing

@testable import sallyport_audit

/// What the tool makes of records about TLS.
@Suite struct TLSRecordTests {
    /// Two requests, a failed handshake and the events of a reload.
    private static func folder() throws -> SampleFolder {
        var folder = try SampleFolder()
        let hash = String(repeating: "a", count: 32)
        try folder.record(
            .combined,
            [
                (.serverName, "API.example.com"), (.tlsFingerprint, "t13d1516h1_8daaf6152771_0"),
                (.certificateHash, hash), (.certificateSubject, "CN=orders,O=Example"),
                (.certificateName, "uri:spiffe://example.com/orders"),
            ])
        try folder.record(
            .combined, [(.serverName, "b.example.com"), (.tlsFingerprint, "t12d0101_0_0")])
        try folder.record(
            .authentication, [(.serverName, "b.example.com"), (.certificateSubject, "CN=nobody")])
        let certificate = RecordedCertificate(
            sha256: .zero, names: ["a.example.com", "*.b.example.com"],
            notAfterSeconds: 1_800_000_000)
        try folder.event(.certificatesLoaded(.listener("public"), [certificate]))
        try folder.event(
            .certificatesRefused(.upstream("billing"), file: "/etc/ca.pem", why: "no PEM"))
        try folder.event(.upstreamVerificationDisabled(upstream: "billing"))
        try folder.event(.eventsDropped(count: 3))
        try folder.stop()
        try folder.checkpoint()
        try folder.seal()
        return folder
    }

    @Test(
        arguments: [
            (["--sni", "api.example.com"], 1), (["--sni", "b.example.com"], 2),
            (["--sni", "example.com"], 0), (["--ja4", "t13d1516h1"], 1), (["--ja4", "t1"], 2),
            (["--client-cert", String(repeating: "61", count: 32)], 1),
            (["--client-cert", [String](repeating: "61", count: 32).joined(separator: ":")], 1),
            (["--client-cert", "spiffe://example.com/"], 1), (["--client-cert", "CN="], 2),
            (["--client-cert", "CN=", "--outcome", "deny"], 1),
            (["--client-cert", String(repeating: "62", count: 32)], 0),
        ] as [([String], Int)])
    func `a search finds connections`(arguments: [String], count: Int) throws {
        let folder = try Self.folder()
        let command = try SearchCommand.parse([folder.audit] + arguments)
        let filter = try command.filter(now: WallTime(microseconds: 0))
        var stream = try RecordStream(folder.log)
        var found = 0
        while let record = try stream.next() { found += filter.matches(record) ? 1 : 0 }
        #expect(found == count)
    }

    @Test func `a row says what happened`() throws {
        let folder = try Self.folder()
        var stream = try RecordStream(folder.log)
        var rows: [String] = []
        while let record = try stream.next() { rows.append(RecordLine.row(record)) }
        #expect(
            rows[2].hasSuffix(
                "-   deny     127.0.0.1            "
                    + "TLS b.example.com (tls.certificate_untrusted) alert unknown_ca 99 µs"))
        #expect(
            rows[3].hasSuffix(
                "lifecycle certificates_loaded listener public, "
                    + "a.example.com *.b.example.com 0000000000000000 until 2027-01-15"))
        #expect(
            rows[4].hasSuffix("certificates_refused upstream billing, /etc/ca.pem: no PEM"))
        #expect(rows[5].hasSuffix("lifecycle upstream_verification_disabled upstream billing"))
        #expect(rows[6].hasSuffix("lifecycle events_dropped 3"))
        #expect(rows[7].hasSuffix("lifecycle stop \(SampleFolder.boot.hexText)"))
    }

    @Test func `a log with failed handshakes holds`() throws {
        let folder = try Self.folder()
        let key = try TrustedKeys(folder.vkey).key(for: folder.log).key
        let report = try LogVerifier(source: folder.log, key: key).verify()
        #expect(report.findings == [])
        #expect(report.kinds[4] == 1)
    }

    @Test func `a row of a log that was forged commands no terminal`() {
        let core = #"{"event":"\#u{1B}[2Jx\#u{202E}\#u{9B}y","v":1}"#
        let part = StoredRecord.Part(salt: [], bytes: Array(core.utf8))
        let record = LogRecord(
            index: 0, record: StoredRecord(kind: 6, parts: [part, part, part]), entry: [],
            leaf: .zero, isCommitted: true)
        #expect(RecordLine.row(record).hasSuffix("lifecycle \u{FFFD}[2Jx\u{FFFD}\u{FFFD}y "))
    }
}
