import ArgumentParser
import AuditSegments
import LinuxIO
import Primitives

/// Sums a period up, for people who don't read records.
struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Sums a log or a period of it up, as Markdown or HTML.",
        discussion: """
            Counts requests by outcome, status class and route; names the subjects and addresses \
            with most of them, and why requests were denied, throttled or failed; lists failed \
            handshakes, gaps, and what changed; and says whether the log holds. The exit code is \
            that of verify.
            """)

    enum Format: String, ExpressibleByArgument {
        case markdown, html
    }

    @Argument(help: "The proxy's audit folder (all its logs), or the folder of one log in it.")
    var directory: String
    @OptionGroup var identities: IdentityOptions
    @Option(name: .customLong("log"), help: "Only the log with this id.")
    var logID: String?
    @Option(help: "2026-11-24T20:00:00Z, 2026-11-24, or 90s, 10m, 2h, 1d ago.") var since: String?
    @Option(help: "Like --since; the moment itself is left out.") var until: String?
    @Option(help: "markdown or html.") var format = Format.markdown
    @Option(help: "Most rows of a table of subjects, addresses or reasons.") var top = 20
    @Option(help: "The log's verifier key or a file with keys; without it, the log's own.")
    var vkey: String?

    func run() throws {
        try reporting {
            let now = SystemClock.wall()
            let keys = try TrustedKeys(vkey)
            let opening = try identities.read()
            let logs = try LogFolder.logs(in: directory).filter { logID == nil || $0.id == logID }
            if let logID, logs.isEmpty { throw ToolError.noSuchLog(id: logID) }
            AccessReport.note(
                "report",
                (since.map { ["since=\($0)"] } ?? []) + (until.map { ["until=\($0)"] } ?? []),
                of: logs)
            let start = try since.map { text in try Timestamp.parse(text, now: now) }
            let end = try until.map { text in try Timestamp.parse(text, now: now) }
            var summary = LogSummary()
            var complaints: [String] = []
            for log in logs {
                let part = try LogSummary.of(
                    log, since: start, until: end, identities: opening)
                summary.merge(part.summary)
                // Every batch that no identity opens says the same.
                for complaint in part.complaints where complaint != complaints.last {
                    complaints.append(complaint)
                }
            }
            let verdicts = try logs.map { log in
                try Verdict.of(log, keys: keys, identities: opening)
            }
            let report = Report(
                summary: summary, verdicts: verdicts, complaints: complaints, since: start,
                until: end, top: max(1, top))
            let text = format == .html ? report.page.html : report.page.markdown
            StandardStream.output.write(Array(text.utf8).span)
            let code = verdicts.map(\.code).max { $0.weight < $1.weight } ?? .couldNotTell
            if code == .holds, summary.uncommitted > 0 { return .doesNotHold }
            return code == .holds && !complaints.isEmpty ? .couldNotTell : code
        }
    }
}

/// What a report says.
struct Report {
    let summary: LogSummary
    let verdicts: [Verdict]
    let complaints: [String]
    let since: WallTime?
    let until: WallTime?
    let top: Int

    var page: ReportPage {
        var page = ReportPage(title: "Access log report")
        page.add(.sentence(period))
        addVerdicts(&page)
        page.add(.heading("Requests"))
        page.add(
            .sentence(
                "\(summary.requests) requests ended, in \(summary.records) records. "
                    + "\(max(0, summary.unfinished)) more were decided and have no end here."))
        table(&page, "Outcome", summary.outcomes)
        table(&page, "Status", summary.classes)
        section(&page, "Routes", "Route", summary.routes)
        section(&page, "Subjects", "Subject", summary.subjects)
        section(&page, "Client addresses", "Address", summary.addresses)
        section(&page, "Denied", "Reason", summary.denials)
        section(&page, "Throttled", "Reason", summary.throttles)
        section(&page, "Errors", "Source and reason", summary.errors)
        section(&page, "Failed TLS handshakes", "Reason", summary.handshakes)
        happenings(&page, "Gaps: records that the log admits to have lost", summary.gaps)
        happenings(&page, "Starts, stops, keys, certificates and settings", summary.changes)
        if summary.omitted > 0 {
            page.add(.sentence("\(summary.omitted) more are not listed."))
        }
        return page
    }

    private var period: String {
        let start = since.map { "from \(Timestamp.text($0))" } ?? "from the beginning"
        let end = until.map { "before \(Timestamp.text($0))" } ?? "to the end"
        guard let first = summary.first, let last = summary.last else {
            return "Asked for: \(start), \(end). No record."
        }
        return "Asked for: \(start), \(end). "
            + "First record \(Timestamp.text(first)), last \(Timestamp.text(last))."
    }

    private func addVerdicts(_ page: inout ReportPage) {
        page.add(.heading("Verification"))
        page.add(
            .table(
                head: ["Log", "Result", "Records", "Signed", "Lost, admitted", "Key"],
                rows: verdicts.map { verdict in
                    [
                        verdict.report.origin, verdict.word, "\(verdict.report.size)",
                        "\(verdict.report.checkpointSize)", "\(verdict.report.gapNumbers)",
                        verdict.keyOrigin == .given ? "given" : "the log's own word",
                    ]
                }))
        let findings = verdicts.flatMap { verdict in
            verdict.report.findings.map {
                ["\($0.weight)", verdict.folder.id, $0.file, "\($0.problem)"]
            }
        }
        if !findings.isEmpty {
            page.add(.table(head: ["Weight", "Log", "File", "Finding"], rows: findings))
        }
        for complaint in complaints { page.add(.sentence("Could not be read: \(complaint)")) }
        if summary.uncommitted > 0 {
            page.add(
                .sentence(
                    "\(summary.uncommitted) records are not those that their entries commit to."))
        }
    }

    private func section(
        _ page: inout ReportPage, _ title: String, _ column: String, _ counts: LogSummary.Counts
    ) {
        page.add(.heading(title))
        guard !counts.isEmpty else {
            page.add(.sentence("None."))
            return
        }
        table(&page, column, counts)
        if counts.count > top {
            page.add(.sentence("The \(top) most of \(counts.count)."))
        }
    }

    private func table(_ page: inout ReportPage, _ column: String, _ counts: LogSummary.Counts) {
        guard !counts.isEmpty else { return }
        let sorted = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        page.add(
            .table(
                head: [column, "Count"], rows: sorted.prefix(top).map { [$0.key, "\($0.value)"] }))
    }

    private func happenings(
        _ page: inout ReportPage, _ title: String, _ list: [LogSummary.Happening]
    ) {
        page.add(.heading(title))
        guard !list.isEmpty else {
            page.add(.sentence("None."))
            return
        }
        page.add(
            .table(
                head: ["Index", "Time", "What"],
                rows: list.map { happening in
                    [
                        "\(happening.index)", happening.time.map { Timestamp.text($0) } ?? "?",
                        happening.text,
                    ]
                }))
    }
}
