import AuditRecords
import HTTP
import LinuxIO
import Primitives
import RequestFlow
import TLS

extension WorkerLoop {
    /// Connections taken per listener event, so that new clients can't starve the old.
    private static let acceptBatch = 64

    /// Takes waiting connections.
    mutating func accept(_ slot: Int) {
        // What several workers wait for is shared one by one.
        let batch = listeners[slot].isShared ? 1 : WorkerLoop.acceptBatch
        for _ in 0..<batch {
            guard clients.inUse < clients.capacity else {
                pauseAccepting()
                return
            }
            switch listeners[slot].listener.accept() {
            case .accepted(let stream):
                guard stream.descriptor.number < clientDescriptors else {
                    // The stream is closed here: the descriptors left are not the clients'.
                    pauseAccepting()
                    return
                }
                adopt(stream, listener: listeners[slot].index)
                if listeners[slot].isShared { standBack(slot) }
            case .wouldBlock: return
            case .failed:
                // Descriptors or memory ran out; the kernel keeps the connection queued.
                pauseAccepting()
                return
            }
        }
    }

    private mutating func adopt(_ stream: consuming AcceptedStream, listener: UInt16) {
        connectionNumber += 1
        counters.connections += 1
        let peer = stream.peer
        let inserted = clients.insert(
            ClientConnection(
                descriptor: stream.takeDescriptor(), peer: peer, listener: listener,
                generation: current, number: connectionNumber, limits: limits.http))
        guard let slot = inserted else { preconditionFailure("accepted past the capacity") }
        let tag = EventTag(.client, slot: slot, generation: clients.generation(of: slot))
        do {
            try poller.addStream(clients[slot].stream.descriptor, tag: tag.rawValue)
        } catch {
            clients.remove(slot)
            return
        }
        if let retiring { clients[slot].isRetiring = retiring.connections[Int(listener)] }
        setDeadline(slot, afterMilliseconds: limits.idleMilliseconds)
        beginTLS(slot)
    }

    func watchListener(_ slot: Int) throws(SystemError) {
        let tag = EventTag(.listener, slot: slot, generation: listeners.generation(of: slot))
        guard listeners[slot].isShared else {
            return try poller.addSource(listeners[slot].listener.descriptor, tag: tag.rawValue)
        }
        try poller.addShared(listeners[slot].listener.descriptor, tag: tag.rawValue)
    }

    /// Goes to the end of the line of those whom the kernel wakes for a shared socket, so that
    /// connections are spread evenly.
    private mutating func standBack(_ slot: Int) {
        poller.remove(listeners[slot].listener.descriptor)
        do {
            try watchListener(slot)
        } catch {
            pauseAccepting()
        }
    }

    /// Takes what another worker was woken for and could not take.
    mutating func acceptShared() {
        guard !isAcceptPaused else { return }
        for slot in 0..<listeners.highWater
        where listeners.isUsed(slot) && listeners[slot].isShared && !listeners[slot].isPaused {
            accept(slot)
        }
    }

    /// Ends listening. A socket that others hold, too, would go on telling of connections.
    private mutating func closeListener(_ slot: Int) {
        poller.remove(listeners[slot].listener.descriptor)
        listeners.remove(slot)
    }

    /// Leaves waiting connections in the kernel's queue until a client has gone.
    mutating func pauseAccepting() {
        guard !isAcceptPaused else { return }
        isAcceptPaused = true
        for slot in 0..<listeners.highWater
        where listeners.isUsed(slot) && !listeners[slot].isPaused {
            poller.remove(listeners[slot].listener.descriptor)
        }
        configuration.passOn()
        // Looks again even when no client goes: it may have been descriptors that ran out.
        wheel.schedule(acceptTimer, at: now.advanced(nanoseconds: 100_000_000))
    }

    /// The timer behind those of clients and upstream connections.
    var acceptTimer: Int { clients.capacity + upstreams.capacity }

    /// Takes connections again after a pause.
    mutating func resumeAccepting() {
        guard isAcceptPaused, clients.inUse < clients.capacity else { return }
        isAcceptPaused = false
        for slot in 0..<listeners.highWater
        where listeners.isUsed(slot) && !listeners[slot].isPaused {
            do {
                try watchListener(slot)
            } catch {
                isAcceptPaused = true
            }
        }
        if isAcceptPaused {
            wheel.schedule(acceptTimer, at: now.advanced(nanoseconds: 100_000_000))
        }
    }

    /// Takes what waits, closes the listeners, and lets go of clients that ask nothing more. One
    /// that has not asked yet has a second for it.
    mutating func beginDrain() {
        isDraining = true
        drainDeadline = now.advanced(nanoseconds: UInt64(limits.drainMilliseconds) * 1_000_000)
        for slot in 0..<listeners.highWater where listeners.isUsed(slot) {
            // What waits at a socket that stays open is for the next process.
            if !listeners[slot].isKept { accept(slot) }
            closeListener(slot)
        }
        for slot in 0..<clients.highWater where clients.isUsed(slot) {
            // A request may already wait in the kernel: read before closing, answer, then close.
            if clients[slot].phase == .idle {
                if isNewcomer(slot) {
                    setDeadline(slot, afterMilliseconds: WorkerLoop.newcomerMilliseconds)
                }
                clients[slot].stream.socket.mayRead = true
                advance(slot)
            }
        }
        for slot in 0..<upstreams.highWater where upstreams.isUsed(slot) {
            if upstreams[slot].client < 0 { closeUpstream(slot) }
        }
    }

    /// Whether the client has not asked for anything yet.
    func isNewcomer(_ slot: Int) -> Bool { clients[slot].requests == 0 }

    /// Ends every connection; requests under way are recorded as broken off by us.
    mutating func abandonAll() {
        for slot in 0..<listeners.highWater where listeners.isUsed(slot) { closeListener(slot) }
        for slot in 0..<clients.highWater where clients.isUsed(slot) {
            switch clients[slot].phase {
            case .handshake:
                recordHandshake(slot, reason: .proxyDraining, source: .proxy)
                closeClient(slot)
            case .deciding, .connecting, .exchanging, .completing, .responding:
                abort(slot, reason: .proxyDraining, source: .proxy)
            case .head, .audit:
                recordUnreadHead(slot, reason: .proxyDraining, source: .proxy)
                closeClient(slot)
            case .idle, .discarding, .lingering:
                closeClient(slot)
            }
        }
    }
}
