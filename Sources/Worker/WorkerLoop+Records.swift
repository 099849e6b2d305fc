import AuditRecords
import AuditRings
import LinuxIO
import Primitives
import RequestFlow

extension WorkerLoop {
    /// Records that wait for room although the log promised their requests nothing.
    static let pendingSpare = 64

    /// Moves the exchange's record into the ring, or behind those that wait for room, or gives it
    /// up where that is what its mode says: a gap leaf then has its number.
    mutating func pushRecord(_ slot: Int) {
        guard clients[slot].exchange.record.isLent else { return }
        if clients[slot].exchange.isDecisionRecorded {
            sequence += 1
            clients[slot].exchange.facts.link(as: sequence)
        }
        if clients[slot].exchange.isCompletionRecorded {
            // It was counted; this one only says that the client did not get all of it.
        } else if clients[slot].exchange.facts.kind == .authentication {
            counters.failedHandshakes += 1
        } else {
            counters.requests += 1
            meter(slot)
        }
        recordBodies(slot)
        var facts = clients[slot].exchange.facts
        settings(of: slot).reduce(&facts)
        if pending.isEmpty, ring.push(facts, clients[slot].exchange.record.bytes) {
            records.give(&clients[slot].exchange.record)
        } else if mayWait(clients[slot].exchange.mode) {
            var text = PooledBuffer.none
            swap(&text, &clients[slot].exchange.record)
            pending.append(facts, text: text)
        } else {
            lose(facts.sequence)
            records.give(&clients[slot].exchange.record)
        }
        lastPublished = .distantFuture
    }

    /// Counts the client's request by how it ended, or takes it back.
    func meter(_ slot: Int, isTakenBack: Bool = false) {
        let facts = clients[slot].exchange.facts
        let place = Int(facts.route)
        let generation = Int(clients[slot].generation)
        var route: Int?
        if facts.route != RecordFacts.noIndex {
            route = inUse[generation].settings.limitNumbers.routes[place]
        }
        configuration.control.meter.count(facts, route: route, isTakenBack: isTakenBack)
    }

    /// Whether a record of `mode` may wait for room. What is under way when the ring fills up
    /// always may: it has at most one record for each connection.
    func mayWait(_ mode: AuditMode) -> Bool {
        let most =
            mode == .bestEffort
            ? WorkerLoop.pendingSpare : clients.capacity + WorkerLoop.pendingSpare
        return pending.count < most
    }

    /// Notes that the record of `number` is dropped.
    private mutating func lose(_ number: UInt64) {
        counters.lostRecords += 1
        let reason = GapReason(configuration.status.health(at: now))
        // Without room it is the writer that finds the number missing, when the boot ends.
        _ = lost.insert(number, reason)
    }

    /// Records the decision of a request that is still open, so that a crash can't hide it.
    ///
    /// - Returns: Whether the ring had room for it.
    @discardableResult
    mutating func recordDecision(_ slot: Int) -> Bool {
        var facts = clients[slot].exchange.facts
        facts.kind = .decision
        settings(of: slot).reduce(&facts)
        guard pending.isEmpty, ring.push(facts, clients[slot].exchange.record.bytes) else {
            return false
        }
        clients[slot].exchange.isDecisionRecorded = true
        lastPublished = .distantFuture
        return true
    }

    /// Shows the writer this turn's records and the last number taken, and wakes it early when
    /// the ring is half full: it comes by on its own otherwise.
    mutating func publishRecords() {
        guard sequence != publishedSequence || ring.pushedCount != publishedRecords else { return }
        publishedSequence = sequence
        publishedRecords = ring.pushedCount
        configuration.status.publishSequence(worker: configuration.index, last: sequence)
        let awaited = commits.lastRecord
        let isAwaited = awaited > requestedRecord
        if isAwaited {
            // Before the publication: the writer that has seen the record knows of the wait.
            requestedRecord = awaited
            configuration.status.publishAwaited(worker: configuration.index, records: awaited)
        }
        ring.publish()
        // Read behind the publication: the writer's turns that began later have seen it.
        lastPublished = SystemClock.monotonic()
        if isAwaited { configuration.requestCommit() }
        if ring.isHalfFull { configuration.wakeWriter() }
    }

    /// Publishes every record there is, at the writer's pace: it ends after the workers. It is
    /// not waited for when it has failed, or for longer than any healthy disk takes.
    mutating func handOverRecords() {
        flushPending()
        publishRecords()
        let end = SystemClock.monotonic().advanced(nanoseconds: 10_000_000_000)
        while !pending.isEmpty || !lost.isEmpty, !configuration.status.hasFailed,
            SystemClock.monotonic() < end
        {
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

    /// Moves waiting records into the ring, as far as there is room, and then what was lost.
    mutating func flushPending() {
        while !pending.isEmpty {
            guard ring.push(pending.firstFacts, pending.firstText) else { return }
            pending.dropFirst(to: &records)
        }
        while let run = lost.last {
            let gap = RecordFacts(
                lost: run.first...run.last, reason: run.reason,
                worker: UInt16(truncatingIfNeeded: configuration.index), time: wall, instant: now)
            guard ring.push(gap, Span()) else { return }
            lost.removeLast()
            lastPublished = .distantFuture
        }
    }
}

extension GapReason {
    /// Why a record finds no room while the log is in this state.
    init(_ health: AuditHealth) {
        switch health {
        case .healthy, .signerUnavailable: self = .ringFull
        case .diskFull: self = .diskFull
        case .writeFailed, .failed: self = .writeFailed
        case .readOnly: self = .readOnly
        case .fileMissing: self = .fileMissing
        case .stalled: self = .stalled
        }
    }
}
