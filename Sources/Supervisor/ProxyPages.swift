import AuditRings
import LinuxIO
import Monitoring
import Primitives
import Synchronization
import Worker

/// What the monitoring listener shows of this process. Called on the monitoring thread.
final class ProxyPages: MonitoringPages {
    /// What stays the same while the process lives.
    struct Constants: Sendable {
        var build: String
        /// How far behind the log may be before requests are refused.
        var boundNanoseconds: UInt64
    }

    private let constants: Constants
    let workers: WorkerThreads
    let status: AuditStatus
    /// When the process began to be watched.
    let started = SystemClock.monotonic()
    private let draining = Atomic<Bool>(false)
    private let settingsDigest: Mutex<Digest256>
    private let routeNames = Mutex<[Int: String]>([:])
    let certificates: CertificateDates
    private let stuck = Mutex<String?>(nil)

    init(
        _ constants: Constants, settings: Digest256, workers: WorkerThreads, status: AuditStatus,
        certificates: CertificateDates = CertificateDates()
    ) {
        self.certificates = certificates
        settingsDigest = Mutex(settings)
        self.constants = constants
        self.workers = workers
        self.status = status
    }

    /// Says which settings are in use now. Any thread.
    func publish(settings digest: Digest256) { settingsDigest.withLock { $0 = digest } }

    /// Says that the process is ending. Any thread.
    func publishDraining() {
        draining.store(true, ordering: .relaxed)
    }

    /// Says which routes there are and were, by what they are counted by. The control thread.
    func publish(routes names: [Int: String]) {
        routeNames.withLock { $0 = names }
    }

    /// The name of a route in metrics; empty for none.
    func routeName(_ number: Int?) -> String {
        guard let number else { return "" }
        return routeNames.withLock { $0[number] } ?? "other"
    }

    /// Says which threads hang; nil for none. The control thread.
    func publishStuck(_ text: String?) {
        stuck.withLock { $0 = text }
    }

    func readiness() -> ReadinessReport {
        ReadinessReport([
            ReadinessReport.Condition("audit-log", problem: auditProblem),
            ReadinessReport.Condition("workers", problem: workersProblem),
            ReadinessReport.Condition(
                "running",
                problem: draining.load(ordering: .relaxed) ? "the process is ending" : nil),
        ])
    }

    var auditProblem: String? {
        let health = status.health(at: SystemClock.monotonic())
        guard health == .healthy else { return "\(health.word): \(health.words)" }
        let behind = durableAge
        guard behind > constants.boundNanoseconds else { return nil }
        return "records have not been durable for \(behind / 1_000_000) ms"
    }

    private var workersProblem: String? {
        if let text = stuck.withLock({ $0 }) { return text }
        let finished = workers.finishedCount
        return finished == 0 ? nil : "\(finished) of \(workers.count) have ended"
    }

    /// Nanoseconds since everything published was durable; the writer says so many times a second.
    var durableAge: UInt64 {
        SystemClock.monotonic().nanoseconds(since: status.durableUntil)
    }

    func metrics() -> PrometheusText {
        var page = PrometheusText()
        page.begin("sallyport_build_info", .gauge, "The version that runs; always 1.")
        page.add("sallyport_build_info", ["version": constants.build], 1)
        page.begin("sallyport_settings_info", .gauge, "The settings in use; always 1.")
        page.add("sallyport_settings_info", ["sha256": settingsDigest.withLock { $0 }.hexText], 1)
        addWorkers(&page)
        addRequests(&page)
        addAudit(&page)
        addCertificates(&page)
        return page
    }

    private func addWorkers(_ page: inout PrometheusText) {
        let counters = workers.eachCounters()
        func add(
            _ name: String, _ kind: PrometheusText.Kind, _ help: String,
            _ value: (WorkerCounters) -> UInt64
        ) {
            page.begin(name, kind, help)
            for (index, counted) in counters.enumerated() {
                page.add(name, ["worker": "\(index)"], value(counted))
            }
        }
        add("sallyport_connections_accepted_total", .counter, "Connections of clients accepted.") {
            $0.connections
        }
        add("sallyport_connections_open", .gauge, "Clients connected now.") { $0.openClients }
        add(
            "sallyport_audit_refusals_total", .counter,
            "Requests refused or cut because their record could not be kept."
        ) { $0.logRefusals }
        add(
            "sallyport_audit_records_lost_total", .counter,
            "Records dropped; gap leaves have their numbers."
        ) { $0.lostRecords }
        add(
            "sallyport_tls_handshake_failures_total", .counter, "TLS handshakes that failed."
        ) { $0.failedHandshakes }
        add(
            "sallyport_upstream_connections_opened_total", .counter,
            "Connections to upstreams opened."
        ) { $0.upstreamConnects }
        add(
            "sallyport_upstream_connections_reused_total", .counter,
            "Requests sent over a connection to an upstream that had served one before."
        ) { $0.upstreamReuses }
        add("sallyport_audit_ring_bytes", .gauge, "Bytes of records that wait for the writer.") {
            $0.ringBytes
        }
        add("sallyport_token_cache_hits_total", .counter, "Tokens found in the cache.") {
            $0.tokenHits
        }
        add(
            "sallyport_token_cache_misses_total", .counter, "Tokens that had to be verified."
        ) { $0.tokenMisses }
    }
}

extension AuditHealth {
    /// What it means, in words for the operator.
    var words: String {
        switch self {
        case .healthy: "records become durable and checkpoints are signed"
        case .diskFull: "there is no room for records"
        case .writeFailed: "the disk refuses to write records"
        case .readOnly: "the log's folder can't be written to"
        case .fileMissing: "a file or folder of the log is gone"
        case .stalled: "the disk doesn't answer"
        case .signerUnavailable: "records are durable, but no checkpoint can be signed or stored"
        case .failed: "the log has ended for good; start the process again"
        }
    }
}
