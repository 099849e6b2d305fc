import AuditRecords
import Settings
import Testing

/// What `audit.journald` and `audit.witnesses` refuse.
@Suite struct PublishingRefusalTests {
    @Test(arguments: [
        Refusal(
            "/audit.pem", "/audit.pem\n  journald: true",
            "audit.journald must be a mapping, not 'true'"),
        Refusal(
            "/audit.pem", "/audit.pem\n  journald: {checkpoint: true}",
            "unknown key 'checkpoint' in audit.journald, did you mean 'checkpoints'?"),
        Refusal(
            "/audit.pem", "/audit.pem\n  journald: {checkpoints: maybe}",
            "audit.journald.checkpoints must be true or false, not 'maybe'"),
        Refusal(
            "/audit.pem", "/audit.pem\n  journald: {socket: run/socket}",
            "audit.journald.socket is 'run/socket', not an absolute path"),
        Refusal(
            "/audit.pem", "/audit.pem\n  journald: {records: most}",
            "audit.journald.records is 'most', not one of none, denied, all"),
        Refusal(
            "/audit.pem", "/audit.pem\n  journald: {record_rate: 100001}",
            "audit.journald.record_rate is 100001, limits 0 to 100000"),
        Refusal(
            "/audit.pem", "/audit.pem\n  witnesses: [{url: \"http://[::1]:1\"}]",
            "audit.witnesses[0].key is required"),
        Refusal(
            "/audit.pem", "/audit.pem\n  witnesses: {key: w+1+1, url: https://w.example}",
            "audit.witnesses.key is 'w+1+1', not the verifier key of a witness"),
        Refusal(
            "/audit.pem",
            "/audit.pem\n  witnesses: [{key: w.example+e25d5acc+BAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB, url: ftp://w.example}]",
            "audit.witnesses[0].url is 'ftp://w.example', not a URL such as https://"),
        Refusal(
            "/audit.pem",
            "/audit.pem\n  witnesses: [{key: w.example+e25d5acc+BAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB, url: https://w/?a}]",
            "audit.witnesses[0].url is 'https://w/?a', not a URL such as https://"),
        Refusal(
            "/audit.pem",
            "/audit.pem\n  witnesses: [{key: w.example+e25d5acc+BAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB, url: https://w, ca: /none.pem}]",
            "audit.witnesses[0].ca: /none.pem"),
        Refusal(
            "/audit.pem", "/audit.pem\n  witness_interval: 1ms",
            "audit.witness_interval is 1ms, limits 100ms to 1h"),
    ])
    func `what can't be published is refused`(refusal: Refusal) throws {
        try refusal.check()
    }

    @Test func `records that would be encrypted in the log alone are warned of`() throws {
        let recipient = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
        func settings(_ journal: String, _ recipients: String = "") throws -> Settings {
            try Fixture.parse(
                Fixture.valid + "  journald: {checkpoints: true, \(journal)}\n" + recipients)
        }
        let list = "  recipients: [\(recipient)]\n"
        let denied = try settings("records: denied", list)
        #expect(denied.audit.journal?.records == .denied)
        #expect(denied.audit.journal?.recordsPerSecond == 150)
        let warnings = denied.warnings.map(\.description)
        #expect(warnings.count == 1 && warnings[0].contains("audit.journald.records: records are"))
        #expect(try settings("records: none", list).warnings.isEmpty)
        let all = try settings("records: all, record_rate: 0")
        #expect(all.warnings.isEmpty && all.audit.journal?.records == .all)
        #expect(all.audit.journal?.recordsPerSecond == 0)
    }
}
