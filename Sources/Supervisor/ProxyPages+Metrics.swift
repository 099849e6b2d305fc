import AuditRings
import LinuxIO
import Monitoring
import Primitives
import Worker

/// What is counted of requests, the log and certificates.
extension ProxyPages {
    func addRequests(_ page: inout PrometheusText) {
        let totals = workers.meterTotals()
        let name = "sallyport_requests_total"
        page.begin(
            name, .counter, "Requests that have ended, by route, outcome, reason and status class.")
        var lines: [[String]: UInt64] = [:]
        for (end, count) in totals.ends {
            let labels = [
                routeName(end.route), "\(end.outcome)", end.reason.code.description,
                end.statusClass == 0 ? "" : "\(end.statusClass)xx",
            ]
            lines[labels, default: 0] &+= count
        }
        for (labels, count) in lines.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            page.add(
                name,
                [
                    "route": labels[0], "outcome": labels[1], "reason": labels[2],
                    "status": labels[3],
                ], count)
        }
        add(totals, .total, "sallyport_request_duration_seconds", &page)
        add(totals, .upstream, "sallyport_upstream_duration_seconds", &page)
        add(totals, .added, "sallyport_added_duration_seconds", &page)
    }

    private func add(
        _ totals: MeterTotals, _ kind: DurationKind, _ name: String, _ page: inout PrometheusText
    ) {
        let help =
            switch kind {
            case .total: "Time from a request's head to its end."
            case .upstream: "Time from the decision until the upstream's answer began."
            case .added: "Time until a request was sent on or, without an upstream, answered."
            }
        let histogram = totals.durations[Int(kind.rawValue)]
        page.add(
            name, help,
            buckets: histogram.counts.enumerated().map {
                ($0.element, DurationHistogram.boundSeconds($0.offset))
            },
            sumSeconds: Double(histogram.sumMicroseconds) / 1_000_000)
    }

    func addCertificates(_ page: inout PrometheusText) {
        let name = "sallyport_certificate_expiry_timestamp_seconds"
        page.begin(name, .gauge, "When the first certificate of a listener or upstream runs out.")
        for (place, notAfter) in certificates.all {
            page.add(name, ["place": place], UInt64(max(notAfter, 0)))
        }
    }

    func addAudit(_ page: inout PrometheusText) {
        page.add(
            "sallyport_audit_ready", .gauge, "Whether the audit log takes records now.",
            auditProblem == nil ? 1 : 0)
        page.begin(
            "sallyport_audit_health", .gauge, "How the audit log is doing: 1 for one state of all.")
        let health = status.health(at: SystemClock.monotonic())
        for state in AuditHealth.allCases {
            page.add(
                "sallyport_audit_health", ["state": state.word.description], state == health ? 1 : 0
            )
        }
        page.add(
            "sallyport_audit_durable_entries", .gauge, "Entries of the audit log that are durable.",
            status.durableSize)
        page.add(
            "sallyport_audit_checkpoint_entries", .gauge,
            "Entries under the last signed checkpoint.", status.checkpointSize)
        page.begin(
            "sallyport_audit_durable_age_seconds", .gauge,
            "Time since every record published was durable.")
        page.add(
            "sallyport_audit_durable_age_seconds", seconds: Double(durableAge) / 1_000_000_000)
        let commits = status.commits
        page.add(
            "sallyport_audit_commit_duration_seconds", "Time of a write to the log and its sync.",
            count: commits.count, sumSeconds: Double(commits.nanoseconds) / 1_000_000_000)
        page.add(
            "sallyport_audit_written_bytes_total", .counter, "Bytes of frames written to the log.",
            commits.bytes)
        page.begin(
            "sallyport_audit_checkpoint_age_seconds", .gauge,
            "Time since a checkpoint was published; since the start when none was.")
        let age = SystemClock.monotonic().nanoseconds(since: max(status.checkpointed, started))
        page.add("sallyport_audit_checkpoint_age_seconds", seconds: Double(age) / 1_000_000_000)
        page.begin(
            "sallyport_audit_disk_used_ratio", .gauge, "How full the log's file system is, 0 to 1.")
        page.add("sallyport_audit_disk_used_ratio", seconds: Double(status.diskUsedPercent) / 100)
    }
}
