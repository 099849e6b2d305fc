import AuditRecords
import Authentication
import HTTP
import LinuxIO
import Primitives
import RequestFlow
import Upstream

/// A reload: the settings change between two turns of the loop, and nothing waits for that.
///
/// First `retire`: connections that can't go on under the new settings get an answer to what they
/// ask, with `Connection: close`, and half a second for it. Then `adopt`: new requests are judged
/// by the new settings, also on old connections; those under way keep the settings they have.
extension WorkerLoop {
    /// Does what the control thread has asked for since the last turn.
    mutating func takeSettings() {
        if let retirement = configuration.control.takeRetirement() { retire(retirement) }
        if let update = configuration.control.takeUpdate() { adopt(update) }
    }

    /// Lets go of connections that the next settings end.
    private mutating func retire(_ retirement: SettingsRetirement) {
        retiring = retirement
        for slot in 0..<listeners.highWater where listeners.isUsed(slot) {
            let index = Int(listeners[slot].index)
            if retirement.sockets[index] {
                // What is in the queue is taken; nothing more gets there.
                listeners[slot].listener.refuseNew()
            } else if retirement.connections[index] {
                // What waits there begins under the new settings.
                listeners[slot].isPaused = true
                if !isAcceptPaused { poller.remove(listeners[slot].listener.descriptor) }
            }
        }
        for slot in 0..<clients.highWater where clients.isUsed(slot) {
            let place = inUse[Int(clients[slot].generation)].listenerPlaces[
                Int(clients[slot].listener)]
            guard
                place < 0 || retirement.connections[place]
                    || (retirement.certificates && clients[slot].transport.hasCertificate)
            else { continue }
            clients[slot].isRetiring = true
            clients[slot].exchange.keepsAlive = false
        }
    }

    /// Judges by other settings from now on.
    private mutating func adopt(_ update: SettingsUpdate) {
        changeSockets(update)
        for slot in 0..<clients.highWater where clients.isUsed(slot) { endRetired(slot) }
        retiring = nil
        for slot in 0..<inUse.highWater where inUse.isUsed(slot) { inUse[slot].renumber(update) }
        let made = SettingsInUse(
            update.settings, endpoints: update.endpoints, contexts: update.contexts,
            worker: configuration.index)
        guard let slot = inUse.insert(made) else {
            preconditionFailure("more generations of settings than the control thread allows")
        }
        current = UInt8(slot)
        settings = update.settings
        limits = settings.connections
        for slot in 0..<clients.highWater where clients.isUsed(slot) { renewResting(slot) }
        moveUpstreams(update)
        head = RequestHead(limits: limits.http)
        responseHead = ResponseHead(limits: limits.http)
        text.adopt(settings)
        if settings.watchesBodies, bodies.capacity < clients.capacity {
            // Nobody watched any under settings that do without.
            bodies = BodyWatches(
                capacity: clients.capacity * 2, textBytes: settings.recordLimits.bodyBytes)
        }
        if update.changesAuthentication {
            do {
                try authenticator.adopt(settings.authentication, library: library)
            } catch {
                // The control thread has made the same keys before: there is no memory left. A
                // worker that can't judge by its settings must not judge.
                preconditionFailure("the keys of the new settings can't be made: \(error)")
            }
        }
        for socket in update.added { listen(socket) }
        forgetSettings()
    }

    /// Closes sockets that are no longer listened on, once their queue is empty, and numbers the
    /// others anew.
    private mutating func changeSockets(_ update: SettingsUpdate) {
        for slot in 0..<listeners.highWater where listeners.isUsed(slot) {
            let place = update.socketPlaces[Int(listeners[slot].index)]
            guard place >= 0 else {
                accept(slot)
                listeners.remove(slot)
                continue
            }
            listeners[slot].index = UInt16(place)
            guard listeners[slot].isPaused else { continue }
            listeners[slot].isPaused = false
            if !isAcceptPaused { watchOrPause(slot) }
        }
    }

    private mutating func listen(_ socket: ListeningSocket) {
        guard let listener = try? Listener(owning: socket.number),
            let slot = listeners.insert(
                OwnedListener(
                    listener: listener, index: UInt16(socket.listener),
                    isShared: socket.isShared, isKept: socket.isKept))
        else { preconditionFailure("a listener that was bound can't be listened on") }
        if !isAcceptPaused { watchOrPause(slot) }
    }

    /// Watches the listener, or all of them later when there is no memory for it now.
    private mutating func watchOrPause(_ slot: Int) {
        do { try watchListener(slot) } catch { pauseAccepting() }
    }

    /// Ends a connection that can't go on. A request that came in the last moment is answered.
    private mutating func endRetired(_ slot: Int) {
        guard clients[slot].isRetiring else { return }
        if clients[slot].phase == .idle {
            clients[slot].stream.socket.mayRead = true
            advance(slot)
            guard clients.isUsed(slot) else { return }
        }
        switch clients[slot].phase {
        case .idle: closeClient(slot)
        case .head, .audit:
            recordUnreadHead(slot, reason: .proxyDraining, source: .proxy)
            closeClient(slot)
        case .handshake:
            recordHandshake(slot, reason: .proxyDraining, source: .proxy)
            closeClient(slot)
        case .deciding, .connecting, .exchanging, .completing, .responding, .discarding,
            .lingering:
            break
        }
    }

    /// Keeps the connections to endpoints that are still there; the others end, those in use after
    /// their request.
    private mutating func moveUpstreams(_ update: SettingsUpdate) {
        var order: [Int] = []
        for endpoint in 0..<idle.endpoints {
            while let oldest = idle.oldest(endpoint: endpoint) {
                idle.remove(oldest)
                order.append(oldest)
            }
        }
        for slot in 0..<upstreams.highWater where upstreams.isUsed(slot) {
            let endpoint = upstreams[slot].endpoint
            upstreams[slot].endpoint = endpoint < 0 ? -1 : update.endpointPlaces[endpoint]
        }
        idle = IdlePool(
            endpoints: inUse[Int(current)].turns.endpointTotal, connections: upstreams.capacity)
        for slot in order {
            if upstreams[slot].endpoint >= 0 {
                idle.put(slot, endpoint: upstreams[slot].endpoint)
            } else {
                closeUpstream(slot)
            }
        }
    }

    /// Goes on with the latest settings where no request is under way.
    private mutating func renewResting(_ slot: Int) {
        switch clients[slot].phase {
        case .handshake, .idle, .head, .audit, .discarding, .lingering:
            if !clients[slot].isRetiring { _ = renew(slot) }
        case .deciding, .connecting, .exchanging, .completing, .responding: break
        }
    }

    /// Goes on with the latest settings on a connection that asks for nothing now; false when it
    /// could not, and was closed.
    mutating func renew(_ slot: Int) -> Bool {
        let place = inUse[Int(clients[slot].generation)].listenerPlaces[Int(clients[slot].listener)]
        guard place >= 0, !clients[slot].isRetiring else {
            closeClient(slot)
            return false
        }
        // The certificate patterns are the same: connections end where they are not.
        clients[slot].listener = UInt16(place)
        clients[slot].generation = current
        return true
    }

    /// Forgets earlier settings that nothing is under way with, and tells the control thread.
    /// Records made under them are published before.
    mutating func forgetSettings() {
        settingsLooked = now
        var needed: [Bool] = Array(repeating: false, count: inUse.highWater)
        needed[Int(current)] = true
        for slot in 0..<clients.highWater where clients.isUsed(slot) {
            needed[Int(clients[slot].generation)] = true
        }
        var oldest = settings.generation
        for slot in 0..<inUse.highWater where inUse.isUsed(slot) {
            // A record that waits for room may have been made under any of them.
            if needed[slot] || !pending.isEmpty {
                oldest = min(oldest, inUse[slot].settings.generation)
            } else {
                inUse.remove(slot)
            }
        }
        hasEarlierSettings = inUse.inUse > 1
        forgotten = oldest
    }

    /// Says which settings are in use. After the turn's records are published.
    mutating func publishSettings() {
        guard let oldest = forgotten else { return }
        forgotten = nil
        configuration.control.publish(
            generation: settings.generation, oldest: oldest, inUse: inUse.inUse)
    }
}
