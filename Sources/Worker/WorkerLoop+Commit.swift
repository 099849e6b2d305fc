import AuditRecords
import AuditRings
import HTTP
import Primitives
import RequestFlow

/// Strict mode (audit log format §6): no byte goes to the upstream before the decision is durable,
/// and the client does not get the last byte before the completion is.
///
/// The worker never waits: an exchange stands in the phase `deciding` or `completing` until the
/// writer has made its record durable and woken the worker.
extension WorkerLoop {
    /// How often an exchange that waits looks whether the log can still be written.
    private static let lookNanoseconds: UInt64 = 250_000_000
    /// How often one whose record found the ring full tries again.
    private static let retryNanoseconds: UInt64 = 5_000_000

    /// Holds the rewritten request back until its decision is durable.
    mutating func holdRequest(_ slot: Int) {
        clients[slot].phase = .deciding
        clients[slot].deadline = now.advanced(
            nanoseconds: settings(of: slot).auditCommitNanoseconds)
    }

    /// Holds the rest of the answer in `output` back until its completion is durable.
    mutating func holdAnswer(_ slot: Int) {
        clients[slot].phase = .completing
        clients[slot].deadline = now.advanced(
            nanoseconds: settings(of: slot).auditCommitNanoseconds)
    }

    /// How many bytes of the client's output stay back for as long as the response may end with
    /// them.
    func heldBytes(_ slot: Int) -> Int {
        // An interim response is none that ends anything: the client may wait for it.
        clients[slot].exchange.mode == .strict && clients[slot].exchange.hasResponseHead ? 1 : 0
    }

    /// Goes on once the exchange's record is durable; answers whether to go on at once.
    mutating func commit(_ slot: Int) -> Bool {
        if commits.record(of: slot) == 0 { recordHeld(slot) }
        let record = commits.record(of: slot)
        guard record > 0,
            record <= configuration.status.durableRecords(worker: configuration.index)
        else {
            if configuration.status.hasFailed || now >= clients[slot].deadline {
                commitFailed(slot)
                return clients.isUsed(slot)
            }
            let pause = record > 0 ? WorkerLoop.lookNanoseconds : WorkerLoop.retryNanoseconds
            wheel.schedule(slot, at: min(clients[slot].deadline, now.advanced(nanoseconds: pause)))
            return false
        }
        commits.remove(slot)
        if clients[slot].phase == .deciding {
            connect(slot)
            return clients.isUsed(slot)
        }
        clients[slot].phase = .responding
        setDeadline(slot, afterMilliseconds: settings(of: slot).connections.bodyStallMilliseconds)
        return true
    }

    /// Goes on with all whose records have become durable.
    mutating func serveCommitted() {
        guard !commits.isEmpty else { return }
        let durable = configuration.status.durableRecords(worker: configuration.index)
        while !commits.isEmpty, commits.record(of: commits.first) <= durable {
            advance(commits.first)
        }
    }

    /// Puts the record that the exchange waits for into the ring, if it has room.
    private mutating func recordHeld(_ slot: Int) {
        let isRecorded =
            clients[slot].phase == .deciding ? recordDecision(slot) : recordCompletion(slot)
        if isRecorded { commits.append(slot, record: ring.pushedCount) }
    }

    /// Records how the exchange ends, and keeps the text: if the client does not get the rest,
    /// another record says so.
    private mutating func recordCompletion(_ slot: Int) -> Bool {
        guard pending.isEmpty else { return false }
        var facts = clients[slot].exchange.facts
        let isLinked = clients[slot].exchange.isDecisionRecorded
        if isLinked { facts.link(as: sequence + 1) }
        facts.totalMicroseconds = now.microseconds(since: facts.instant)
        // What is held back counts as sent: it is, if this becomes durable.
        var whole = facts
        whole.bytesOut += UInt64(clients[slot].output.count)
        guard ring.push(whole, clients[slot].exchange.record.bytes) else { return false }
        if isLinked { sequence += 1 }
        counters.requests += 1
        clients[slot].exchange.facts = facts
        meter(slot)
        clients[slot].exchange.isDecisionRecorded = true
        clients[slot].exchange.isCompletionRecorded = true
        lastPublished = .distantFuture
        return true
    }

    /// The log did not take the record in time. What was not forwarded is refused; what was is cut.
    private mutating func commitFailed(_ slot: Int) {
        commits.remove(slot)
        counters.logRefusals += 1
        // What is said about that can't wait for the log.
        clients[slot].exchange.mode = .bestEffort
        if clients[slot].phase == .completing {
            guard !clients[slot].exchange.hasResponseHead,
                clients[slot].exchange.facts.bytesOut == 0
            else {
                abort(slot, reason: .auditUnavailable, source: .proxy)
                return
            }
            let count = clients[slot].output.count
            clients[slot].output.consume(count)
            // The record that may yet become durable is not of the answer that follows.
            if clients[slot].exchange.isCompletionRecorded {
                clients[slot].exchange.isCompletionRecorded = false
                counters.requests -= 1
                meter(slot, isTakenBack: true)
            }
        }
        answerFailure(slot, status: 503, reason: .auditUnavailable, source: .proxy)
    }
}

extension RecordFacts {
    /// Makes this the completion with a number of its own, which names the decision's.
    mutating func link(as number: UInt64) {
        if linkedSequence == 0 { linkedSequence = sequence }
        sequence = number
        kind = .completion
    }
}
