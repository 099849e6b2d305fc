import ArgumentParser
import AuditSegments
import Crypto
import Foundation
import Primitives
import Testing

@testable import sallyport_audit

@Suite struct ReportTests {
    @Test func `a period is counted by its records' own times`() throws {
        let folder = try SampleFolder.finished()
        let all = try LogSummary.of(folder.log, since: nil, until: nil)
        #expect(all.complaints == [])
        #expect(all.summary.records == 601)
        #expect(all.summary.requests == 600)
        #expect(all.summary.outcomes == ["allow": 400, "deny": 200])
        #expect(all.summary.classes == ["2xx": 400, "4xx": 200])
        #expect(all.summary.routes == ["orders": 600])
        #expect(all.summary.subjects == ["alice": 300, "bob": 300])
        #expect(all.summary.addresses == ["127.0.0.1": 600])
        #expect(all.summary.denials == ["policy.role_missing": 200])
        #expect(all.summary.changes.count == 1)
        let start = WallTime(microseconds: SampleFolder.start + 100 * 1_000_000)
        let end = WallTime(microseconds: SampleFolder.start + 160 * 1_000_000)
        let part = try LogSummary.of(folder.log, since: start, until: end)
        #expect(part.summary.requests == 60)
        #expect(part.summary.first == start)
    }

    @Test func `gaps, failed handshakes and certificates are named`() throws {
        var folder = try SampleFolder()
        try folder.requests(3)
        try folder.gap(first: 4, last: 9)
        try folder.record(.authentication, [(.serverName, "api.test")])
        try folder.event(
            .certificatesRefused(.listener("public"), file: "/etc/a.pem", why: "<b>expired</b>"))
        try folder.stop()
        try folder.checkpoint()
        try folder.seal()
        let summary = try LogSummary.of(folder.log, since: nil, until: nil).summary
        #expect(summary.handshakes == ["tls.certificate_untrusted": 1])
        #expect(summary.gaps.count == 1)
        #expect(summary.gaps.first?.text.contains("0.4-9 lost_in_crash") == true)
        #expect(summary.changes.count == 2)
        let verdict = try Verdict.of(folder.log, keys: TrustedKeys(nil))
        let page = Report(
            summary: summary, verdicts: [verdict], complaints: [], since: nil, until: nil, top: 5
        ).page
        #expect(page.html.contains("&lt;b&gt;expired&lt;/b&gt;"))
        #expect(!page.html.contains("<b>"))
        #expect(!page.markdown.contains("<b>"))
    }

    @Test(arguments: [
        ("a|b", "a\\|b"), ("<x>", "&lt;x&gt;"), ("[a](b)", "\\[a\\](b)"),
        ("https://evil.test", "https&#58;//evil.test"), ("a\nb", "a\u{FFFD}b"),
        ("\u{202E}x", "\u{FFFD}x"), ("`*_", "\\`\\*\\_"),
    ])
    func `nothing in a log starts Markdown`(text: String, shown: String) {
        #expect(ReportPage.plain(text) == shown)
    }

    @Test func `nothing in a log starts HTML`() {
        #expect(ReportPage.escaped("<a href='x\">&") == "&lt;a href=&#39;x&quot;&gt;&amp;")
    }

    @Test func `the page lets in no style but its own`() throws {
        let library = try CryptoLibrary()
        var hasher = try TreeHasher(library)
        let digest = hasher.plain(Array(ReportPage.style.utf8).span)
        #expect(Base64.encode(digest.bytes.span) == ReportPage.styleDigest)
        let page = ReportPage(title: "x").html
        #expect(page.contains("<style>\(ReportPage.style)</style>"))
        #expect(page.contains("style-src 'sha256-\(ReportPage.styleDigest)'"))
    }

    @Test(arguments: [
        ("plain", "plain"), ("a,b", "\"a,b\""), ("a\"b", "\"a\"\"b\""), ("=1+1", "\"'=1+1\""),
        ("-x", "\"'-x\""), ("a\r\nb", "a\u{FFFD}\u{FFFD}b"), ("", ""),
    ])
    func `a cell is one cell and no formula`(text: String, cell: String) {
        #expect(RecordRow.cell(text) == cell)
    }

    @Test func `the script in a bundle is the one in the tree`() throws {
        let tree = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let script = try String(
            contentsOf: tree.appending(path: "scripts/verify-record"), encoding: .utf8)
        #expect(EvidenceScript.record == script)
    }

    @Test func `a bundle has what it takes, and nothing of what is withheld`() throws {
        let folder = try SampleFolder.finished()
        let key = try NoteKey(folder.vkey)
        let bundle = try EvidenceBundle([0, 300, 600], of: folder.log, key: key, withheld: [1])
        #expect(
            bundle.files.map(\.name) == [
                "record-0.tlog-proof", "record-0.json", "record-300.tlog-proof",
                "record-300.json", "record-600.tlog-proof", "record-600.json", "checkpoint",
                "vkey", "README.md", "verify-record", "verify.sh", "SHA256SUMS",
            ])
        let line = String(decoding: bundle.files[1].bytes, as: UTF8.self)
        #expect(!line.contains("bob"))
        #expect(line.contains(#""subject":null"#))
        #expect(throws: ToolError.noSuchRecord(index: 601)) {
            _ = try EvidenceBundle([601], of: folder.log, key: key)
        }
    }
}

@Suite struct SearchTests {
    private func indexes(_ folder: LogFolder, _ filter: RecordFilter) throws -> [UInt64] {
        var found: [UInt64] = []
        _ = try filter.search(folder) { record in
            #expect(record.isCommitted)
            found.append(record.index)
            return true
        }
        return found
    }

    @Test func `batches before and after the period are skipped whole`() throws {
        let folder = try SampleFolder.finished()
        var filter = RecordFilter()
        filter.since = WallTime(microseconds: SampleFolder.start + 301 * 1_000_000)
        filter.until = WallTime(microseconds: SampleFolder.start + 303 * 1_000_000)
        var found: [UInt64] = []
        let count = try filter.search(folder.log) { record in
            found.append(record.index)
            return true
        }.count
        #expect(found == [300, 301])
        #expect(
            count
                == ScanCount(batches: 4, skippedBatches: 3, segments: 2, skippedSegments: 1))
    }

    @Test func `a search finds what looking at every record finds`() throws {
        let folder = try SampleFolder.finished()
        var stream = try RecordStream(folder.log)
        var all: [LogRecord] = []
        while let record = try stream.next() { all.append(record) }
        var filters: [RecordFilter] = []
        for (subject, outcome, text) in [
            ("alice", nil, nil), (nil, "deny", nil), ("bob", "deny", "/orders/59"),
            ("bob\"", nil, nil), (nil, nil, "stop"), (nil, nil, "orders/599\""),
        ] as [(String?, String?, String?)] {
            var filter = RecordFilter()
            filter.subject = subject
            filter.outcome = outcome
            filter.text = text.map { Array($0.utf8) }
            filters.append(filter)
        }
        for filter in filters {
            let wanted = all.filter { filter.matches($0) }.map(\.index)
            #expect(try indexes(folder.log, filter) == wanted)
        }
    }

    @Test func `a search stops when it has enough`() throws {
        let folder = try SampleFolder.finished()
        var seen = 0
        _ = try RecordFilter().search(folder.log) { _ in
            seen += 1
            return seen < 5
        }
        #expect(seen == 5)
    }
}
