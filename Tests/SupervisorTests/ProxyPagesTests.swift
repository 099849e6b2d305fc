import AuditRings
import LinuxIO
import Monitoring
import Primitives
import Testing

@testable import Supervisor

@Suite struct ProxyPagesTests {
    private let status = AuditStatus(workerCount: 1)

    private func pages() throws -> ProxyPages {
        ProxyPages(
            ProxyPages.Constants(
                build: "1.2.3", boundNanoseconds: 1_000_000_000),
            settings: .zero, workers: try WorkerThreads(), status: status)
    }

    private func becomeDurable() { status.publishDurable(until: SystemClock.monotonic()) }

    @Test func `a healthy log is ready`() throws {
        becomeDurable()
        #expect(try pages().readiness().isReady)
        #expect(try pages().metrics().text.contains("sallyport_audit_ready 1\n"))
    }

    @Test func `a log behind its bound is not ready`() throws {
        status.publishDurable(until: Instant(nanoseconds: 1))
        let report = try pages().readiness()
        #expect(!report.isReady)
        #expect(report.text.contains("failed  audit-log: records have not been durable for"))
    }

    @Test(arguments: AuditHealth.allCases.filter { $0 != .healthy })
    func `a log that is not healthy is not ready`(_ health: AuditHealth) throws {
        becomeDurable()
        status.publish(health: health)
        let report = try pages().readiness()
        #expect(report.text.contains("failed  audit-log: \(health.word): "))
        let page = try pages().metrics().text
        #expect(page.contains("sallyport_audit_health{state=\"\(health.word)\"} 1\n"))
        #expect(page.contains("sallyport_audit_health{state=\"healthy\"} 0\n"))
        #expect(page.contains("sallyport_audit_ready 0\n"))
    }

    @Test func `a process that ends is not ready`() throws {
        becomeDurable()
        let pages = try pages()
        pages.publishDraining()
        #expect(pages.readiness().text.contains("failed  running: the process is ending\n"))
    }
}
