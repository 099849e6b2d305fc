import AuditRecords
import AuditRings
import Authorization
import HTTP
import Primitives
import RequestFlow

/// Whether the audit log lets another request in.
enum AuditGate {
    case open
    /// The log is behind by more than its bound.
    case behind
    /// Nothing becomes durable, now or for good.
    case failed
}

extension WorkerLoop {
    /// How often a request that waits for the log looks again.
    private static let gateNanoseconds: UInt64 = 10_000_000

    /// Whether records are durable closely enough behind the responses (audit log format §6), as
    /// bounded mode has it.
    var auditGate: AuditGate {
        let status = configuration.status
        if status.hasFailed { return .failed }
        guard pending.isEmpty else { return .behind }
        let durable = status.durableRecords(worker: configuration.index)
        guard ring.pushedCount - durable <= settings.auditBoundRecords else { return .behind }
        // Every record published before `durableUntil` is durable, so the oldest that is not is
        // younger than that.
        let until = status.durableUntil
        let isBehind =
            lastPublished > until && now.nanoseconds(since: until) > settings.auditBoundNanoseconds
        return isBehind ? .behind : .open
    }

    /// Whether nothing is known to be wrong with the log, checkpoints included.
    var isLogHealthy: Bool { configuration.status.health(at: now) == .healthy }

    /// Whether the log lets in the request whose head has come; nil when it waits for that.
    ///
    /// - Parameter isParsed: Whether `head` holds the head, so that its route can be told.
    mutating func passAuditGate(_ slot: Int, isParsed: Bool) -> AuditGate? {
        let gate = auditGate
        if gate == .open { return .open }
        switch isParsed ? mode(slot) : settings.auditMode {
        case .bestEffort:
            return .open
        case .strict where !isLogHealthy:
            return .failed
        case .strict where pending.isEmpty:
            // It waits for its own record, and longer than bounded mode would.
            return .open
        case .strict, .bounded:
            break
        }
        if gate == .failed { return .failed }
        if clients[slot].phase != .audit {
            if clients[slot].phase != .head { clients[slot].headStarted = now }
            clients[slot].phase = .audit
            setDeadline(slot, afterMilliseconds: limits.auditWaitMilliseconds)
        } else if now >= clients[slot].deadline {
            return configuration.status.health(at: now).isRecording ? .behind : .failed
        }
        wheel.schedule(slot, at: now.advanced(nanoseconds: WorkerLoop.gateNanoseconds))
        return nil
    }

    /// What the route of the request in `head` promises.
    private func mode(_ slot: Int) -> AuditMode {
        let bytes = clients[slot].stream.input.bytes
        let match = settings.policy.match(
            host: bytes.extracting(head.authority), path: head.path(in: bytes),
            method: head.method, methodText: bytes.extracting(head.methodText))
        switch match {
        case .route(let index), .methodRefused(let index): return settings.auditMode(of: index)
        case .noRoute: return settings.auditMode
        }
    }
}
