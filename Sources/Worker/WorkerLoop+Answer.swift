import AuditRecords
import HTTP
import LinuxIO
import Primitives
import RequestFlow
import TLS

extension WorkerLoop {
    /// Begins to send an answer of our own for the request just judged.
    ///
    /// - Parameter bytes: Those of the request's head, when `head` still is the request's.
    mutating func answer(_ slot: Int, admission: Admission, bytes: Span<UInt8> = Span()) {
        guard clients[slot].output.isLent || buffers.lend(&clients[slot].output) else {
            abort(slot, reason: .proxyBuffersExhausted, source: .proxy)
            return
        }
        // The rest of a small body is read and dropped, so that the connection can go on.
        if !clients[slot].exchange.hasRequestEnded {
            let length = clients[slot].exchange.requestLength ?? .max
            if length > Int64(WorkerLoop.discardLimitBytes)
                || clients[slot].exchange.expectsContinue
            {
                clients[slot].exchange.keepsAlive = false
            }
        }
        let frame = LocalResponse.Frame(
            isHead: clients[slot].exchange.method == .head,
            version: clients[slot].exchange.version,
            keepsAlive: clients[slot].exchange.keepsAlive, now: wall)
        var facts = clients[slot].exchange.facts
        var writer = clients[slot].output.writer()
        LocalResponse.write(
            admission, head: head, bytes: bytes, facts: &facts, settings: settings(of: slot),
            frame: frame,
            receiptPrefix: receiptPrefix.bytes, into: &writer)
        clients[slot].output.commit(writer)
        clients[slot].exchange.facts = facts
        if clients[slot].exchange.mode == .strict {
            holdAnswer(slot)
        } else {
            clients[slot].phase = .responding
            setDeadline(
                slot, afterMilliseconds: settings(of: slot).connections.bodyStallMilliseconds)
        }
    }

    /// Answers a request whose forwarding failed before anything was told to the client.
    mutating func answerFailure(
        _ slot: Int, status: UInt16, reason: Reason, source: ErrorSource
    ) {
        clients[slot].exchange.facts.errorSource = source
        clients[slot].exchange.facts.errorPhase = clients[slot].exchange.phase
        clients[slot].exchange.facts.outcome = .error
        detachUpstream(slot, reusable: false)
        buffers.give(&clients[slot].exchange.outgoing)
        var admission = Admission()
        admission.verdict = .refuse(status: status, reason: reason)
        admission.route = Int(clients[slot].exchange.facts.route)
        answer(slot, admission: admission)
    }

    /// Sends what is left of our answer; answers whether the connection can go on.
    mutating func respond(_ slot: Int) -> Bool {
        switch flushClient(slot) {
        case .blocked: return false
        case .failed:
            clientGone(slot)
            return false
        case .done: break
        }
        finishExchange(slot)
        return clients.isUsed(slot)
    }

    /// Records the exchange, and makes the connection ready for what comes next.
    mutating func finishExchange(_ slot: Int) {
        let facts = clients[slot].exchange.facts
        clients[slot].exchange.facts.totalMicroseconds = now.microseconds(since: facts.instant)
        if clients[slot].exchange.isCompletionRecorded {
            records.give(&clients[slot].exchange.record)
        } else {
            pushRecord(slot)
        }
        buffers.give(&clients[slot].exchange.outgoing)
        buffers.give(&clients[slot].output)
        let hasEnded = clients[slot].exchange.hasRequestEnded
        if clients[slot].exchange.keepsAlive {
            clients[slot].phase = hasEnded ? .idle : .discarding
            if hasEnded {
                setDeadline(
                    slot, afterMilliseconds: settings(of: slot).connections.idleMilliseconds)
            } else {
                clients[slot].discardBytes = WorkerLoop.discardLimitBytes
                setDeadline(
                    slot, afterMilliseconds: settings(of: slot).connections.bodyStallMilliseconds)
            }
            return
        }
        let isAllRead =
            hasEnded && facts.errorSource != .client && !clients[slot].stream.socket.mayRead
        if clients[slot].stream.socket.hasEnded || isAllRead {
            closeClient(slot)
            return
        }
        // Closing with unread bytes would reset the connection and could destroy the answer.
        beginLingering(slot)
    }

    /// Shuts our side, and reads what the client still sends.
    mutating func beginLingering(_ slot: Int) {
        clients[slot].stream.sayClosing(&engine)
        clients[slot].stream.descriptor.shutdownWriting()
        clients[slot].phase = .lingering
        clients[slot].discardBytes = 1 << 20
        clients[slot].deadline = now.advanced(nanoseconds: WorkerLoop.lingerNanoseconds)
        wheel.schedule(slot, at: clients[slot].deadline)
    }

    /// Reads the rest of an answered request's body; answers whether the connection can go on.
    mutating func discard(_ slot: Int) -> Bool {
        while true {
            let step: BodyStep
            do {
                step = try clients[slot].exchange.requestBody.next(clients[slot].stream.input.bytes)
            } catch {
                closeClient(slot)
                return false
            }
            switch step {
            case .data(_, let consumed), .trailer(_, _, let consumed):
                clients[slot].stream.input.consume(consumed)
                clients[slot].discardBytes -= consumed
            case .end(let consumed):
                clients[slot].stream.input.consume(consumed)
                clients[slot].phase = .idle
                setDeadline(
                    slot, afterMilliseconds: settings(of: slot).connections.idleMilliseconds)
                return true
            case .needMore(let consumed):
                clients[slot].stream.input.consume(consumed)
                switch fillClient(slot) {
                case .progressed: break
                case .nothing: return false
                case .ended, .failed, .full, .exhausted:
                    closeClient(slot)
                    return false
                }
            }
            if clients[slot].discardBytes < 0 {
                closeClient(slot)
                return false
            }
        }
    }

    /// Reads and drops until the client closes too; always answers false.
    mutating func linger(_ slot: Int) -> Bool {
        while true {
            let count = clients[slot].stream.input.count
            clients[slot].stream.input.consume(count)
            clients[slot].discardBytes -= count
            guard clients[slot].discardBytes > 0 else { break }
            switch fillClient(slot) {
            case .progressed: continue
            case .nothing:
                buffers.give(&clients[slot].stream.input)
                return false
            case .ended, .failed, .full, .exhausted:
                closeClient(slot)
                return false
            }
        }
        closeClient(slot)
        return false
    }

    /// Sends what is held for the client, but for the last `kept` bytes.
    mutating func flushClient(_ slot: Int, keeping kept: Int = 0) -> Flushing {
        while clients[slot].output.count > kept {
            let bytes = clients[slot].output.bytes.extracting(
                0..<(clients[slot].output.count - kept))
            switch clients[slot].stream.send(bytes, &engine, now: now) {
            case .taken(let count):
                clients[slot].output.consume(count)
                clients[slot].exchange.facts.bytesOut += UInt64(count)
            case .blocked: return .blocked
            case .failed: return .failed
            }
        }
        // What stays must not take the room of what comes.
        if kept > 0 { clients[slot].output.compact() }
        return clients[slot].stream.flush(&engine)
    }
}
