import AuditRecords
import LinuxIO
import Primitives
import RequestFlow
import TLS
import Upstream

extension WorkerLoop {
    /// Something happened on an upstream connection.
    mutating func upstreamReady(_ upstream: Int, _ readiness: Readiness) {
        upstreams[upstream].stream.socket.take(readiness)
        if !readiness.isDisjoint(with: [.error, .hangup]) {
            upstreams[upstream].stream.socket.mayRead = true
        }
        let client = upstreams[upstream].client
        guard client >= 0 else {
            readIdle(upstream)
            return
        }
        switch upstreams[upstream].phase {
        case .connecting:
            guard finishConnect(client, upstream, readiness) else { return }
        case .securing:
            guard shakeHands(client, upstream: upstream) else { return }
        case .ready: break
        }
        advance(client)
    }

    /// An idle connection has nothing to say in HTTP: it was closed, or it breaks the protocol.
    /// In TLS it may hand out tickets. The writable edge that registration reports is neither.
    private mutating func readIdle(_ upstream: Int) {
        guard upstreams[upstream].stream.socket.mayRead else { return }
        guard upstreams[upstream].stream.session.isPresent,
            case .nothing = fillUpstream(upstream),
            // More than one read's worth of tickets is more than anybody needs.
            !upstreams[upstream].stream.socket.mayRead
        else {
            closeUpstream(upstream)
            return
        }
        buffers.give(&upstreams[upstream].stream.input)
    }

    /// Rewrites the request just judged and begins to send it.
    mutating func forward(
        _ slot: Int, upstream index: Int, consumed: Int, context: ForwardingContext
    ) {
        guard buffers.lend(&clients[slot].exchange.outgoing) else {
            clients[slot].stream.input.consume(consumed)
            failExchange(slot, status: 503, reason: .proxyBuffersExhausted, source: .proxy)
            return
        }
        let bytes = clients[slot].stream.input.bytes
        let facts = clients[slot].exchange.facts
        var writer = clients[slot].exchange.outgoing.writer()
        RequestRewrite.write(
            head: head, bytes: bytes, settings: settings(of: slot), authenticator: authenticator,
            facts: facts, context: context, certificateName: clients[slot].principalName,
            receiptPrefix: receiptPrefix.bytes, into: &writer)
        clients[slot].exchange.outgoing.commit(writer)
        let fits = !writer.overflowed
        clients[slot].stream.input.consume(consumed)
        guard fits else {
            failExchange(slot, status: 431, reason: .requestHeadTooLarge, source: .client)
            return
        }
        clients[slot].exchange.facts.decisionMicroseconds = now.microseconds(since: facts.instant)
        if clients[slot].exchange.mode == .strict { holdRequest(slot) } else { connect(slot) }
    }

    /// Gives the exchange a connection: an idle one, or a new one.
    mutating func connect(_ slot: Int) {
        let index = Int(clients[slot].exchange.facts.upstream)
        let generation = Int(clients[slot].generation)
        let endpoint = inUse[generation].turns.next(upstream: index)
        let flat = inUse[generation].flatPlace(upstream: index, endpoint: endpoint)
        clients[slot].exchange.attempts += 1
        clients[slot].exchange.facts.endpoint = UInt16(truncatingIfNeeded: endpoint)
        clients[slot].exchange.facts.upstreamAttempts = UInt8(
            clamping: clients[slot].exchange.attempts)
        clients[slot].exchange.connectStarted = now
        // A retry after a stale connection takes a new one: the others may be as stale.
        if clients[slot].exchange.attempts == 1, flat >= 0,
            let upstream = idle.take(endpoint: flat)
        {
            counters.upstreamReuses += 1
            upstreams[upstream].client = slot
            upstreams[upstream].isReused = true
            clients[slot].upstream = upstream
            clients[slot].exchange.facts.isUpstreamReused = true
            clients[slot].phase = .exchanging
            return
        }
        clients[slot].exchange.facts.isUpstreamReused = false
        open(slot, upstream: index, endpoint: endpoint, flat: flat)
    }

    private mutating func open(_ slot: Int, upstream index: Int, endpoint: Int, flat: Int) {
        let choices = inUse[Int(clients[slot].generation)].addresses[index][endpoint]
        guard !choices.isEmpty else {
            upstreamFailed(slot, .upstreamNameUnresolved, status: 502)
            return
        }
        let address = choices[clients[slot].exchange.attempts % choices.count]
        if upstreams.inUse == upstreams.capacity { _ = evictIdle() }
        let descriptor: Descriptor
        do {
            descriptor = try Descriptor.connecting(to: SocketAddress(address))
        } catch {
            upstreamFailed(slot, .upstreamConnectFailed, status: 502)
            return
        }
        guard descriptor.number < upstreamDescriptors || evictIdle(),
            let upstream = upstreams.insert(
                UpstreamConnection(descriptor: descriptor, endpoint: flat, client: slot))
        else {
            failExchange(slot, status: 503, reason: .proxyConnectionsExhausted, source: .proxy)
            return
        }
        counters.upstreamConnects += 1
        clients[slot].upstream = upstream
        let tag = EventTag(
            .upstream, slot: upstream, generation: upstreams.generation(of: upstream))
        do {
            try poller.addStream(upstreams[upstream].stream.descriptor, tag: tag.rawValue)
        } catch {
            upstreamFailed(slot, .upstreamConnectFailed, status: 502)
            return
        }
        clients[slot].phase = .connecting
        clients[slot].exchange.wait = .connect
        clients[slot].exchange.deadline = now.advanced(
            nanoseconds: UInt64(settings(of: slot).upstreams[index].connectMilliseconds) * 1_000_000
        )
        scheduleExchange(slot)
    }

    /// The connect has ended, one way or the other; answers whether the connection is usable.
    private mutating func finishConnect(
        _ slot: Int, _ upstream: Int, _ readiness: Readiness
    ) -> Bool {
        guard !readiness.isDisjoint(with: [.writable, .error, .hangup]) else { return false }
        guard upstreams[upstream].stream.descriptor.connectError() == 0,
            readiness.isDisjoint(with: [.error, .hangup])
        else {
            upstreamFailed(slot, .upstreamConnectFailed, status: 502)
            if clients.isUsed(slot) { advance(slot) }
            return false
        }
        upstreams[upstream].stream.socket.mayWrite = true
        return secure(slot, upstream)
    }

    /// Begins TLS with the endpoint where its upstream speaks it; answers whether the connection
    /// is usable.
    private mutating func secure(_ slot: Int, _ upstream: Int) -> Bool {
        let index = Int(clients[slot].exchange.facts.upstream)
        guard let context = inUse[Int(clients[slot].generation)].contexts?.clients[index] else {
            connected(slot, upstream)
            return true
        }
        let endpoint = Int(clients[slot].exchange.facts.endpoint)
        let number = upstreams[upstream].stream.socket.number
        guard let session = engine.connect(context, endpoint: endpoint, socket: number) else {
            failExchange(slot, status: 503, reason: .proxyBuffersExhausted, source: .proxy)
            return false
        }
        upstreams[upstream].stream.session = session
        upstreams[upstream].phase = .securing
        return shakeHands(slot, upstream: upstream)
    }

    /// Goes on with the handshake; answers whether the connection is usable.
    private mutating func shakeHands(_ slot: Int, upstream: Int) -> Bool {
        switch upstreams[upstream].stream.shakeHands(&engine) {
        case .established:
            connected(slot, upstream)
            return true
        case .wantsRead, .wantsWrite:
            return false
        case .failed(let failure):
            upstreamFailed(slot, failure.reason, status: 502)
            if clients.isUsed(slot) { advance(slot) }
            return false
        }
    }

    private mutating func connected(_ slot: Int, _ upstream: Int) {
        upstreams[upstream].phase = .ready
        clients[slot].phase = .exchanging
        clients[slot].exchange.facts.connectMicroseconds = now.microseconds(
            since: clients[slot].exchange.connectStarted)
    }

    /// The connection to the endpoint failed: try again, tell the client, or break off.
    mutating func upstreamFailed(_ slot: Int, _ reason: Reason, status: UInt16) {
        let upstream = clients[slot].upstream
        let index = Int(clients[slot].exchange.facts.upstream)
        let wasReused = upstream >= 0 && upstreams[upstream].isReused
        let retries = Int(settings(of: slot).upstreams[index].connectRetries)
        // A stale connection is nobody's failure: it does not count against the retries.
        let action = clients[slot].exchange.upstreamFailed(
            reason, status: status, wasReused: wasReused,
            attemptLimit: 1 + retries + (wasReused ? 1 : 0))
        carryOut(slot, action, source: .upstream)
    }

    /// Does what the exchange decided about a failure.
    mutating func carryOut(_ slot: Int, _ action: FailureAction, source: ErrorSource) {
        switch action {
        case .retry:
            detachUpstream(slot, reusable: false)
            clients[slot].exchange.rewind()
            connect(slot)
        case .refuse(let status, let reason):
            if source == .client {
                failExchange(slot, status: status, reason: reason, source: source)
            } else {
                answerFailure(slot, status: status, reason: reason, source: source)
            }
        case .abort(let reason):
            abort(slot, reason: reason, source: source)
        }
    }

    /// Puts a connection that has served its request among the idle ones.
    mutating func keepUpstream(_ upstream: Int) {
        let flat = upstreams[upstream].endpoint
        buffers.give(&upstreams[upstream].stream.input)
        upstreams[upstream].scanned = 0
        guard !isDraining, flat >= 0, !upstreams[upstream].stream.socket.isPeerClosing else {
            closeUpstream(upstream)
            return
        }
        let index = inUse[Int(current)].turns.upstream(ofFlatIndex: flat)
        if idle.count(endpoint: flat) >= settings.upstreams[index].idleConnections,
            let oldest = idle.oldest(endpoint: flat)
        {
            closeUpstream(oldest)
        }
        idle.put(upstream, endpoint: flat)
        wheel.schedule(
            clients.capacity + upstream,
            at: now.advanced(
                nanoseconds: UInt64(settings.upstreams[index].idleMilliseconds) * 1_000_000))
    }

    /// Closes a connection that works for nobody.
    mutating func closeUpstream(_ upstream: Int) {
        idle.remove(upstream)
        upstreams[upstream].stream.sayClosing(&engine)
        buffers.give(&upstreams[upstream].stream.input)
        wheel.cancel(clients.capacity + upstream)
        upstreams.remove(upstream)
    }

    /// The idle timer of an upstream connection came up, or that of a pause in accepting.
    mutating func upstreamTimer(_ upstream: Int) {
        guard upstream < upstreams.capacity else {
            resumeAccepting()
            return
        }
        if upstreams.isUsed(upstream), idle.contains(upstream) { closeUpstream(upstream) }
    }

    /// Makes room for another connection by closing the longest idle one of some endpoint; false
    /// when none is idle.
    private mutating func evictIdle() -> Bool {
        for endpoint in 0..<idle.endpoints {
            if let oldest = idle.oldest(endpoint: endpoint) {
                closeUpstream(oldest)
                return true
            }
        }
        return false
    }
}
