import AuditRecords
import HTTP
import LinuxIO
import Primitives
import RequestFlow
import TLS

extension WorkerLoop {
    /// The client's connection broke or was given up by its client.
    mutating func clientGone(_ slot: Int) {
        switch clients[slot].phase {
        case .handshake:
            handshakeAbandoned(slot)
        case .idle, .discarding, .lingering:
            closeClient(slot)
        case .head, .audit:
            recordUnreadHead(slot, reason: .clientClosedEarly, source: .client)
            closeClient(slot)
        case .deciding, .connecting, .exchanging, .completing, .responding:
            abort(slot, reason: .clientClosedEarly, source: .client)
        }
    }

    /// Breaks a request off: its record says why, and the client can't take a cut answer for whole.
    mutating func abort(_ slot: Int, reason: Reason, source: ErrorSource) {
        clients[slot].exchange.facts.reason = reason
        clients[slot].exchange.facts.outcome = .error
        clients[slot].exchange.facts.errorSource = source
        let isAnswering = clients[slot].phase == .responding || clients[slot].phase == .completing
        clients[slot].exchange.facts.errorPhase =
            isAnswering ? .responseBody : clients[slot].exchange.phase
        clients[slot].exchange.facts.totalMicroseconds = now.microseconds(
            since: clients[slot].exchange.facts.instant)
        detachUpstream(slot, reusable: false)
        pushRecord(slot)
        resetClient(slot)
    }

    /// Closes the connection so that its client can't take what it has for the whole: with a
    /// reset, and without the word that TLS ends with.
    mutating func resetClient(_ slot: Int) {
        clients[slot].stream.descriptor.resetOnClose()
        clients[slot].stream.session = .none
        closeClient(slot)
    }

    /// Closes the connection and gives back all it held. Its record, if it owed one, is made.
    mutating func closeClient(_ slot: Int) {
        detachUpstream(slot, reusable: false)
        clients[slot].stream.sayClosing(&engine)
        buffers.give(&clients[slot].stream.input)
        buffers.give(&clients[slot].output)
        buffers.give(&clients[slot].exchange.outgoing)
        records.give(&clients[slot].exchange.record)
        commits.remove(slot)
        endWatches(slot)
        wheel.cancel(slot)
        clients.remove(slot)
        if isAcceptPaused { resumeAccepting() }
    }

    /// Lets go of the client's upstream connection: back into the pool, or closed.
    mutating func detachUpstream(_ slot: Int, reusable: Bool) {
        let upstream = clients[slot].upstream
        guard upstream >= 0 else { return }
        clients[slot].upstream = -1
        upstreams[upstream].client = -1
        if reusable {
            keepUpstream(upstream)
        } else {
            closeUpstream(upstream)
        }
    }

    /// Sets the phase's deadline and its timer.
    mutating func setDeadline(_ slot: Int, afterMilliseconds milliseconds: UInt32) {
        let deadline = now.advanced(nanoseconds: UInt64(milliseconds) * 1_000_000)
        clients[slot].deadline = deadline
        wheel.schedule(slot, at: deadline)
    }

    /// The client's timer came up; it may be early.
    mutating func clientTimer(_ slot: Int) {
        switch clients[slot].phase {
        case .connecting, .exchanging:
            exchangeTimer(slot)
        case .audit, .deciding, .completing:
            advance(slot)
        case .handshake:
            handshakeTimer(slot)
        case .idle, .head, .responding, .discarding, .lingering:
            guard now >= clients[slot].deadline else {
                wheel.schedule(slot, at: clients[slot].deadline)
                return
            }
            expire(slot)
        }
    }

    private mutating func expire(_ slot: Int) {
        switch clients[slot].phase {
        case .head: refuseSlowHead(slot)
        case .responding: abort(slot, reason: .clientWriteTimeout, source: .client)
        case .idle, .discarding, .lingering: closeClient(slot)
        case .handshake, .audit, .deciding, .connecting, .exchanging, .completing: break
        }
    }

    /// Answers 408 to a head that took too long (RFC 9110 §15.5.9), and records it.
    private mutating func refuseSlowHead(_ slot: Int) {
        guard records.lend(&clients[slot].exchange.record) else {
            closeClient(slot)
            return
        }
        var facts = describeUnreadHead(slot)
        facts.errorSource = .client
        clients[slot].exchange.beginUnread(
            facts: facts, limits: settings(of: slot).connections.http)
        var admission = Admission()
        admission.verdict = .refuse(status: 408, reason: .requestHeadTimeout)
        answer(slot, admission: admission)
        if clients.isUsed(slot) { advance(slot) }
    }
}
