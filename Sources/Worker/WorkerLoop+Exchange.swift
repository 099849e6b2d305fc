import AuditRecords
import HTTP
import LinuxIO
import Primitives
import RequestFlow
import TLS
import Upstream

/// How much one exchange has done in this turn of the loop.
struct Turn {
    /// Whether any byte moved.
    var hasProgressed = false
    private var readsLeft = 32

    /// Whether the turn was used up, so that bytes may be left that no event will tell of.
    var isOver: Bool { readsLeft == 0 }

    /// Takes one read of the turn; false when it is over.
    mutating func takesRead() -> Bool {
        guard readsLeft > 0 else { return false }
        readsLeft -= 1
        return true
    }
}

extension WorkerLoop {
    /// Moves what can be moved of the request and its response; answers whether to go on at once.
    mutating func exchange(_ slot: Int) -> Bool {
        var turn = Turn()
        guard pumpRequest(slot, &turn) else { return clients.isUsed(slot) }
        guard pumpResponse(slot, &turn) else { return clients.isUsed(slot) }
        if turn.isOver { ready.append(slot) }
        awaitProgress(slot, progressed: turn.hasProgressed)
        return false
    }

    /// Sends the request as far as it goes; false when the exchange has left this phase.
    private mutating func pumpRequest(_ slot: Int, _ turn: inout Turn) -> Bool {
        while !clients[slot].exchange.isRequestAbandoned {
            if !clients[slot].exchange.hasRequestEnded {
                guard moveRequestBody(slot) else { return false }
            }
            if clients[slot].exchange.outgoingSent < clients[slot].exchange.outgoing.count {
                guard sendRequest(slot) else { return true }
                turn.hasProgressed = true
                continue
            }
            flushUpstream(slot)
            if clients[slot].exchange.hasRequestEnded { return true }
            guard turn.takesRead() else { return true }
            switch fillClient(slot) {
            case .progressed:
                turn.hasProgressed = true
            case .nothing:
                if clients[slot].stream.input.isEmpty { buffers.give(&clients[slot].stream.input) }
                return true
            case .ended, .failed:
                abort(slot, reason: .clientClosedEarly, source: .client)
                return false
            case .full:
                // All that could be decoded is sent: what fills the buffer is one line of trailers.
                let error = HTTPError.trailersTooLarge
                failExchange(slot, status: error.status, reason: error.reason, source: .client)
                return false
            case .exhausted:
                failExchange(slot, status: 503, reason: .proxyBuffersExhausted, source: .proxy)
                return false
            }
        }
        return true
    }

    /// Sends once; false when the upstream takes nothing more now.
    private mutating func sendRequest(_ slot: Int) -> Bool {
        let upstream = clients[slot].upstream
        let sent = clients[slot].exchange.outgoingSent
        let bytes = clients[slot].exchange.outgoing.bytes
        switch upstreams[upstream].stream.send(
            bytes.extracting(sent..<bytes.count), &engine, now: now)
        {
        case .taken(let count):
            clients[slot].exchange.outgoingSent += count
            clients[slot].exchange.sentBytes += count
            return true
        case .blocked:
            return false
        case .failed:
            // The upstream may have answered before it stopped reading: its answer decides.
            clients[slot].exchange.isRequestAbandoned = true
            upstreams[upstream].stream.socket.mayRead = true
            return false
        }
    }

    /// Sends what TLS has taken and the kernel has not; a writable edge goes on where it stops.
    private mutating func flushUpstream(_ slot: Int) {
        let upstream = clients[slot].upstream
        guard upstreams[upstream].stream.hasUnsent else { return }
        if case .failed = upstreams[upstream].stream.flush(&engine) {
            clients[slot].exchange.isRequestAbandoned = true
            upstreams[upstream].stream.socket.mayRead = true
        }
    }

    /// Decodes the request's body from the client's bytes into `outgoing`; false when refused.
    private mutating func moveRequestBody(_ slot: Int) -> Bool {
        while !clients[slot].exchange.hasRequestEnded {
            if clients[slot].exchange.outgoing.room < WorkerLoop.chunkRoomBytes {
                clients[slot].exchange.makeRoom()
                guard clients[slot].exchange.outgoing.room >= WorkerLoop.chunkRoomBytes else {
                    return true
                }
            }
            // No more is decoded than fits, framing included.
            let room = clients[slot].exchange.outgoing.room - WorkerLoop.chunkOverheadBytes
            let window = clients[slot].stream.input.bytes.extracting(first: room)
            let step: BodyStep
            do {
                step = try clients[slot].exchange.requestBody.next(window)
            } catch {
                failExchange(slot, status: error.status, reason: error.reason, source: .client)
                return false
            }
            switch step {
            case .data(let range, let consumed):
                let isChunked = clients[slot].exchange.isRequestChunked
                let data = window.extracting(range)
                guard !watchesBodies(slot) || watchRequest(slot, data) else {
                    failExchange(
                        slot, status: 503, reason: .proxyBuffersExhausted, source: .proxy)
                    return false
                }
                clients[slot].exchange.outgoing.write { writer in
                    if isChunked { writer.appendChunk(data) } else { writer.append(data) }
                }
                clients[slot].exchange.requestBodyBytes += UInt64(range.count)
                consumeRequest(slot, consumed)
                if let limit = settings(of: slot).connections.requestBodyBytes,
                    clients[slot].exchange.requestBodyBytes > UInt64(limit)
                {
                    failExchange(slot, status: 413, reason: .requestBodyTooLarge, source: .client)
                    return false
                }
            case .trailer(_, _, let consumed):
                // Trailers of requests are dropped (RFC 9110 §6.5.1 permits it).
                consumeRequest(slot, consumed)
            case .needMore(let consumed):
                let isCut = window.count < clients[slot].stream.input.count
                consumeRequest(slot, consumed)
                // A line that is longer than the room left needs what was sent out of the way.
                guard isCut, clients[slot].exchange.outgoingSent > 0 else { return true }
                clients[slot].exchange.makeRoom()
            case .end(let consumed):
                consumeRequest(slot, consumed)
                let watch = Int(clients[slot].requestWatch)
                if watch >= 0 { bodies.finish(watch) }
                if clients[slot].exchange.isRequestChunked {
                    clients[slot].exchange.outgoing.write { $0.appendLastChunk() }
                }
                clients[slot].exchange.hasRequestEnded = true
            }
        }
        return true
    }

    private mutating func consumeRequest(_ slot: Int, _ count: Int) {
        clients[slot].stream.input.consume(count)
        clients[slot].exchange.facts.bytesIn += UInt64(count)
    }

    /// Room that one step of a body needs at least, so that a chunk's line always fits.
    static let chunkRoomBytes = 1024
    /// Most bytes of framing around one chunk and behind the last.
    static let chunkOverheadBytes = 32

    /// Refuses if the client can still be told, otherwise breaks off.
    mutating func failExchange(
        _ slot: Int, status: UInt16, reason: Reason, source: ErrorSource
    ) {
        if clients[slot].exchange.hasResponseHead {
            abort(slot, reason: reason, source: source)
            return
        }
        clients[slot].exchange.keepsAlive = false
        clients[slot].exchange.hasRequestEnded = true
        answerFailure(slot, status: status, reason: reason, source: source)
    }

    /// Notes what is waited for now, and until when.
    private mutating func awaitProgress(_ slot: Int, progressed: Bool) {
        let wait = clients[slot].exchange.currentWait(
            outputPending: clients[slot].output.count > heldBytes(slot)
                || clients[slot].stream.hasUnsent,
            inputPending: !clients[slot].stream.input.isEmpty)
        if wait != clients[slot].exchange.wait || (progressed && wait != .responseHead) {
            clients[slot].exchange.wait = wait
            let index = Int(clients[slot].exchange.facts.upstream)
            let milliseconds =
                switch wait {
                case .connect: settings(of: slot).upstreams[index].connectMilliseconds
                case .requestBody, .responseSend:
                    settings(of: slot).connections.bodyStallMilliseconds
                case .requestSend, .responseBody:
                    settings(of: slot).upstreams[index].stallMilliseconds
                case .responseHead: settings(of: slot).upstreams[index].responseMilliseconds
                }
            clients[slot].exchange.deadline = now.advanced(
                nanoseconds: UInt64(milliseconds) * 1_000_000)
        }
        scheduleExchange(slot)
    }

    /// Arms the client's timer for its exchange: the wait's end, or the decision's record.
    mutating func scheduleExchange(_ slot: Int) {
        var next = clients[slot].exchange.deadline
        if !clients[slot].exchange.isDecisionRecorded {
            // One that found the ring full is tried again, not at every tick.
            let moment = decisionMoment(slot)
            next = min(next, moment > now ? moment : now.advanced(nanoseconds: 100_000_000))
        }
        wheel.schedule(slot, at: next)
    }

    private func decisionMoment(_ slot: Int) -> Instant {
        clients[slot].exchange.facts.instant.advanced(
            nanoseconds: WorkerLoop.decisionNanoseconds)
    }

    /// The timer of an exchange came up.
    mutating func exchangeTimer(_ slot: Int) {
        if !clients[slot].exchange.isDecisionRecorded, now >= decisionMoment(slot) {
            recordDecision(slot)
        }
        guard now >= clients[slot].exchange.deadline else {
            scheduleExchange(slot)
            return
        }
        let index = Int(clients[slot].exchange.facts.upstream)
        let (action, source) = clients[slot].exchange.timedOut(
            attemptLimit: 1 + Int(settings(of: slot).upstreams[index].connectRetries))
        carryOut(slot, action, source: source)
        if clients.isUsed(slot) { advance(slot) }
    }
}
