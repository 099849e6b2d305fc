import AuditRecords
import HTTP
import LinuxIO
import Primitives
import RequestFlow
import TLS

extension WorkerLoop {
    /// Moves the response as far as it goes; false when the exchange has left this phase.
    mutating func pumpResponse(_ slot: Int, _ turn: inout Turn) -> Bool {
        while true {
            let upstream = clients[slot].upstream
            let held = upstreams[upstream].stream.input.count
            var hasFlushed = false
            if held > 0 {
                guard moveResponse(slot, upstream) else { return false }
                if upstreams[upstream].stream.input.count < held { turn.hasProgressed = true }
            }
            if clients[slot].exchange.hasResponseEnded, clients[slot].exchange.mode == .strict {
                releaseUpstream(slot)
                holdAnswer(slot)
                return false
            }
            let kept = heldBytes(slot)
            if clients[slot].output.count > kept || clients[slot].stream.hasUnsent {
                switch flushClient(slot, keeping: kept) {
                case .done:
                    hasFlushed = true
                    turn.hasProgressed = true
                case .blocked: return true
                case .failed:
                    abort(slot, reason: .clientClosedEarly, source: .client)
                    return false
                }
            }
            if clients[slot].exchange.hasResponseEnded {
                releaseUpstream(slot)
                finishExchange(slot)
                return false
            }
            // Bytes still held may have waited for the room that was just made: no event tells
            // of them, and the upstream's end must not come before them.
            let left = upstreams[upstream].stream.input.count
            if left > 0, left < held || hasFlushed { continue }
            guard turn.takesRead() else { return true }
            switch fillUpstream(upstream) {
            case .progressed: continue
            case .nothing:
                if upstreams[upstream].stream.input.isEmpty {
                    buffers.give(&upstreams[upstream].stream.input)
                }
                return true
            case .ended:
                guard upstreamEnded(slot) else { return false }
            case .failed:
                upstreamFailed(slot, .upstreamClosedEarly, status: 502)
                return false
            case .full:
                failUpstreamProtocol(slot, .upstreamResponseTooLarge)
                return false
            case .exhausted:
                failExchange(slot, status: 503, reason: .proxyBuffersExhausted, source: .proxy)
                return false
            }
        }
    }

    /// The response has been read; the connection that it came by is kept if it can be.
    private mutating func releaseUpstream(_ slot: Int) {
        let upstream = clients[slot].upstream
        let isWhole =
            clients[slot].exchange.hasRequestEnded
            && clients[slot].exchange.outgoingSent == clients[slot].exchange.outgoing.count
        var reusable = isWhole && clients[slot].exchange.isUpstreamPersistent
        // Bytes behind a response answer nothing that was asked: such a connection is not trusted.
        if reusable, upstreams[upstream].stream.socket.mayRead {
            let filling = fillUpstream(upstream)
            if case .nothing = filling {} else { reusable = false }
            // More may lie behind what TLS itself used up.
            if upstreams[upstream].stream.socket.mayRead { reusable = false }
        }
        reusable =
            reusable && upstreams[upstream].stream.input.isEmpty
            && !upstreams[upstream].stream.socket.hasEnded
        detachUpstream(slot, reusable: reusable)
    }

    /// Reads more from the upstream.
    mutating func fillUpstream(_ upstream: Int) -> Filling {
        let filling = upstreams[upstream].stream.fill(&engine, &buffers)
        let client = upstreams[upstream].client
        // Bytes may be left that no event will tell of, where TLS itself used up the read.
        if case .nothing = filling, upstreams[upstream].stream.socket.mayRead, client >= 0 {
            ready.append(client)
        }
        return filling
    }

    /// Decodes what the upstream sent into the client's output; false when the exchange failed.
    private mutating func moveResponse(_ slot: Int, _ upstream: Int) -> Bool {
        clients[slot].exchange.hasResponseBegun = true
        guard clients[slot].output.isLent || buffers.lend(&clients[slot].output) else {
            failExchange(slot, status: 503, reason: .proxyBuffersExhausted, source: .proxy)
            return false
        }
        while !clients[slot].exchange.hasResponseHead {
            let bytes = upstreams[upstream].stream.input.bytes
            let consumed: Int?
            do {
                consumed = try responseHead.parse(
                    bytes, scanned: &upstreams[upstream].scanned,
                    requestMethod: clients[slot].exchange.method)
            } catch {
                failUpstreamProtocol(slot, error.responseReason)
                return false
            }
            guard let consumed else { return true }
            upstreams[upstream].scanned = 0
            guard takeResponseHead(slot, bytes) else { return false }
            upstreams[upstream].stream.input.consume(consumed)
        }
        return moveResponseBody(slot, upstream)
    }

    /// Writes the head that `responseHead` holds for the client; false when it is refused.
    private mutating func takeResponseHead(_ slot: Int, _ bytes: Span<UInt8>) -> Bool {
        let status = responseHead.status
        if status < 200 {
            // A switch of protocols was not asked for: `Upgrade` is never forwarded.
            guard status != 101 else {
                failUpstreamProtocol(slot, .upstreamResponseMalformed)
                return false
            }
            let isWanted =
                clients[slot].exchange.version == .http11
                && (status != 100 || clients[slot].exchange.expectsContinue)
            guard isWanted else { return true }
            var writer = clients[slot].output.writer()
            ResponseRewrite.writeInterim(
                head: responseHead, bytes: bytes, facts: clients[slot].exchange.facts,
                settings: settings(of: slot), into: &writer)
            // One that finds no room behind a flood of others is left out whole.
            if !writer.overflowed { clients[slot].output.commit(writer) }
            return true
        }
        let framing = ResponseRewrite.framing(
            responseHead.framing, clientVersion: clients[slot].exchange.version)
        if framing == .untilClose || !clients[slot].exchange.hasRequestEnded || isDraining {
            clients[slot].exchange.keepsAlive = false
        }
        clients[slot].exchange.facts.status = status
        clients[slot].exchange.facts.upstreamStatus = status
        clients[slot].exchange.facts.firstByteMicroseconds = now.microseconds(
            since: clients[slot].exchange.facts.instant)
        var writer = clients[slot].output.writer()
        ResponseRewrite.write(
            head: responseHead, bytes: bytes, framing: framing,
            facts: clients[slot].exchange.facts,
            clientVersion: clients[slot].exchange.version,
            acceptsTrailers: clients[slot].exchange.acceptsTrailers,
            keepsAlive: clients[slot].exchange.keepsAlive, now: wall,
            settings: settings(of: slot),
            receiptPrefix: receiptPrefix.bytes, into: &writer)
        let fits = !writer.overflowed
        if fits { clients[slot].output.commit(writer) }
        guard fits else {
            clients[slot].exchange.facts.status = 0
            failUpstreamProtocol(slot, .upstreamResponseTooLarge)
            return false
        }
        if clients[slot].exchange.facts.level >= AuditLevel.headers.rawValue {
            recordResponseHead(slot, bytes)
        }
        clients[slot].exchange.hasResponseHead = true
        clients[slot].exchange.responseFraming = framing
        clients[slot].exchange.isUpstreamPersistent = responseHead.isPersistent
        clients[slot].exchange.responseBody = BodyDecoder(
            responseHead.framing, limits: settings(of: slot).connections.http)
        if responseHead.framing == .none { clients[slot].exchange.hasResponseEnded = true }
        return true
    }

    /// Adds what the settings choose of the upstream's fields to the exchange's record.
    private mutating func recordResponseHead(_ slot: Int, _ bytes: Span<UInt8>) {
        text.removeAll()
        text.append(response: responseHead, bytes: bytes, settings: settings(of: slot))
        appendToRecord(slot)
        clients[slot].responseKind = BodyKind(responseHead.fields, bytes)
    }

    private mutating func moveResponseBody(_ slot: Int, _ upstream: Int) -> Bool {
        while !clients[slot].exchange.hasResponseEnded {
            let room = clients[slot].output.room
            guard room >= WorkerLoop.chunkRoomBytes else { return true }
            let window = upstreams[upstream].stream.input.bytes.extracting(
                first: room - WorkerLoop.chunkOverheadBytes)
            let step: BodyStep
            do {
                step = try clients[slot].exchange.responseBody.next(window)
            } catch {
                abort(slot, reason: error.responseReason, source: .upstream)
                return false
            }
            switch step {
            case .data(let range, let consumed):
                let isChunked = clients[slot].exchange.responseFraming == .chunked
                let data = window.extracting(range)
                guard !watchesBodies(slot) || watchResponse(slot, data) else {
                    abort(slot, reason: .proxyBuffersExhausted, source: .proxy)
                    return false
                }
                clients[slot].output.write { writer in
                    if isChunked { writer.appendChunk(data) } else { writer.append(data) }
                }
                upstreams[upstream].stream.input.consume(consumed)
            case .trailer(let name, let value, let consumed):
                appendTrailer(slot, window.extracting(name), window.extracting(value))
                upstreams[upstream].stream.input.consume(consumed)
            case .needMore(let consumed):
                upstreams[upstream].stream.input.consume(consumed)
                return true
            case .end(let consumed):
                upstreams[upstream].stream.input.consume(consumed)
                endResponseBody(slot)
            }
        }
        return true
    }

    /// Forwards a trailer to a client that takes them (RFC 9110 §6.5.1).
    private mutating func appendTrailer(_ slot: Int, _ name: Span<UInt8>, _ value: Span<UInt8>) {
        guard clients[slot].exchange.acceptsTrailers,
            clients[slot].exchange.responseFraming == .chunked
        else { return }
        let isFirst = !clients[slot].exchange.isInTrailers
        clients[slot].exchange.isInTrailers = true
        clients[slot].output.write { writer in
            if isFirst { writer.append("0\r\n") }
            writer.append(name)
            writer.append(": ")
            writer.append(value)
            writer.append("\r\n")
        }
    }

    /// The body has ended: says so in the client's framing.
    private mutating func endResponseBody(_ slot: Int) {
        clients[slot].exchange.hasResponseEnded = true
        if clients[slot].responseWatch >= 0 { bodies.finish(Int(clients[slot].responseWatch)) }
        guard clients[slot].exchange.responseFraming == .chunked else { return }
        let isInTrailers = clients[slot].exchange.isInTrailers
        clients[slot].output.write { writer in
            if isInTrailers { writer.append("\r\n") } else { writer.appendLastChunk() }
        }
    }

    /// The upstream sent its last byte; false when the exchange has failed.
    private mutating func upstreamEnded(_ slot: Int) -> Bool {
        guard clients[slot].exchange.hasResponseHead else {
            upstreamFailed(slot, .upstreamClosedEarly, status: 502)
            return false
        }
        do {
            // Without close_notify, somebody on the way may have ended it (RFC 9112 §9.8).
            let upstream = clients[slot].upstream
            guard !upstreams[upstream].stream.isTruncated else { throw HTTPError.bodyTruncated }
            try clients[slot].exchange.responseBody.endOfStream()
        } catch {
            abort(slot, reason: .upstreamTruncated, source: .upstream)
            return false
        }
        clients[slot].exchange.isUpstreamPersistent = false
        guard clients[slot].output.isLent || buffers.lend(&clients[slot].output) else {
            abort(slot, reason: .proxyBuffersExhausted, source: .proxy)
            return false
        }
        endResponseBody(slot)
        return true
    }

    /// The upstream broke the protocol: 502 if the client can still be told. The client did
    /// nothing wrong and keeps its connection.
    mutating func failUpstreamProtocol(_ slot: Int, _ reason: Reason) {
        if clients[slot].exchange.hasResponseHead {
            abort(slot, reason: reason, source: .upstream)
        } else {
            answerFailure(slot, status: 502, reason: reason, source: .upstream)
        }
    }
}
