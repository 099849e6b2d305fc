import AuditRecords
import AuditRings
import LinuxIO
import Primitives
import RequestFlow

/// Whether the audit log lets another request in.
enum AuditGate {
    case open
    /// The log is behind by more than its bound.
    case behind
    /// Nothing more becomes durable.
    case failed
}

extension WorkerLoop {
    /// Whether records are durable closely enough behind the responses (audit log format §6).
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

    /// Moves the exchange's record into the ring, or behind those that wait for room.
    mutating func pushRecord(_ slot: Int) {
        guard clients[slot].exchange.record.isLent else { return }
        if clients[slot].exchange.isDecisionRecorded {
            // The completion takes a number of its own and names the decision's.
            sequence += 1
            clients[slot].exchange.facts.linkedSequence = clients[slot].exchange.facts.sequence
            clients[slot].exchange.facts.sequence = sequence
            clients[slot].exchange.facts.kind = .completion
        }
        if clients[slot].exchange.facts.kind == .authentication {
            counters.failedHandshakes += 1
        } else {
            counters.requests += 1
        }
        var facts = clients[slot].exchange.facts
        settings.reduce(&facts)
        if pending.isEmpty, ring.push(facts, clients[slot].exchange.record.bytes) {
            records.give(&clients[slot].exchange.record)
        } else {
            var text = PooledBuffer.none
            swap(&text, &clients[slot].exchange.record)
            pending.append(facts, text: text)
        }
        lastPublished = .distantFuture
    }

    /// Records the decision of a request that is still open, so that a crash can't hide it.
    mutating func recordDecision(_ slot: Int) {
        var facts = clients[slot].exchange.facts
        facts.kind = .decision
        settings.reduce(&facts)
        guard pending.isEmpty, ring.push(facts, clients[slot].exchange.record.bytes) else {
            return
        }
        clients[slot].exchange.isDecisionRecorded = true
        lastPublished = .distantFuture
    }

    /// Shows the writer this turn's records and the last number taken, and wakes it early when
    /// the ring is half full: it comes by on its own otherwise.
    mutating func publishRecords() {
        guard sequence != publishedSequence || ring.pushedCount != publishedRecords else { return }
        publishedSequence = sequence
        publishedRecords = ring.pushedCount
        configuration.status.publishSequence(worker: configuration.index, last: sequence)
        ring.publish()
        // Read behind the publication: the writer's turns that began later have seen it.
        lastPublished = SystemClock.monotonic()
        if ring.isHalfFull { configuration.wakeWriter() }
    }

    /// Publishes every record there is, at the writer's pace: it ends after the workers. It is
    /// not waited for when it has failed, or for longer than any healthy disk takes.
    mutating func handOverRecords() {
        flushPending()
        publishRecords()
        let end = SystemClock.monotonic().advanced(nanoseconds: 10_000_000_000)
        while !pending.isEmpty, !configuration.status.hasFailed, SystemClock.monotonic() < end {
            configuration.wakeWriter()
            configuration.control.wakeup.drain()
            do {
                _ = try poller.wait(milliseconds: 5)
            } catch {
                return
            }
            flushPending()
            publishRecords()
        }
    }

    /// Moves waiting records into the ring, as far as there is room.
    mutating func flushPending() {
        while !pending.isEmpty {
            guard ring.push(pending.firstFacts, pending.firstText) else { return }
            pending.dropFirst(to: &records)
        }
    }
}
