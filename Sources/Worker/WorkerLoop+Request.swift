import AuditRecords
import HTTP
import LinuxIO
import Primitives
import RequestFlow
import TLS

extension WorkerLoop {
    /// Something happened on a client's socket.
    mutating func clientReady(_ slot: Int, _ readiness: Readiness) {
        clients[slot].stream.socket.take(readiness)
        if !readiness.isDisjoint(with: [.error, .hangup]) {
            // What a client says before it resets may be why: its alert is still there to be read.
            if clients[slot].phase == .handshake { advance(slot) }
            if clients.isUsed(slot) { clientGone(slot) }
            return
        }
        if clients[slot].stream.hasUnsent,
            case .failed = clients[slot].stream.flush(&engine)
        {
            clientGone(slot)
            return
        }
        advance(slot)
    }

    /// Does whatever the connection's phase allows now.
    ///
    /// A client that pipelines without end gets some requests answered, then the others' turn
    /// comes.
    mutating func advance(_ slot: Int) {
        var goesOn = true
        var steps = 0
        while goesOn {
            if steps == WorkerLoop.stepsPerTurn {
                ready.append(slot)
                return
            }
            steps += 1
            switch clients[slot].phase {
            case .handshake: goesOn = shakeHands(slot)
            case .idle, .head, .audit: goesOn = readHead(slot)
            case .deciding, .completing: goesOn = commit(slot)
            case .connecting: goesOn = false
            case .exchanging: goesOn = exchange(slot)
            case .responding: goesOn = respond(slot)
            case .discarding: goesOn = discard(slot)
            case .lingering: goesOn = linger(slot)
            }
        }
    }

    /// Reads more from the client behind what is held.
    mutating func fillClient(_ slot: Int) -> Filling {
        let filling = clients[slot].stream.fill(&engine, &buffers)
        // Bytes may be left that no event will tell of, where TLS itself used up the read.
        if case .nothing = filling, clients[slot].stream.socket.mayRead { ready.append(slot) }
        return filling
    }

    /// Reads a request's head and judges it; answers whether the connection can go on.
    private mutating func readHead(_ slot: Int) -> Bool {
        guard clients[slot].generation == current || renew(slot) else { return false }
        if clients[slot].stream.input.isEmpty {
            switch fillClient(slot) {
            case .progressed: break
            case .nothing where isDraining && !isNewcomer(slot):
                // Nothing more was asked, and nothing more is taken on.
                closeClient(slot)
                return false
            case .nothing:
                releaseIdleInput(slot)
                return false
            case .ended, .failed, .full, .exhausted:
                closeClient(slot)
                return false
            }
        }
        while true {
            let bytes = clients[slot].stream.input.bytes
            let consumed: Int?
            do {
                consumed = try head.parse(bytes, scanned: &clients[slot].scanned)
            } catch {
                guard let gate = passAuditGate(slot, isParsed: false) else { return false }
                start(slot, consumed: bytes.count, refusal: error, gate: gate)
                return clients.isUsed(slot)
            }
            if let consumed {
                guard let gate = passAuditGate(slot, isParsed: true) else { return false }
                start(slot, consumed: consumed, refusal: nil, gate: gate)
                return clients.isUsed(slot)
            }
            if clients[slot].phase != .head {
                clients[slot].phase = .head
                clients[slot].headStarted = now
                setDeadline(
                    slot, afterMilliseconds: settings(of: slot).connections.headMilliseconds)
            }
            switch fillClient(slot) {
            case .progressed: continue
            case .nothing: return false
            case .ended, .failed:
                recordUnreadHead(slot, reason: .clientClosedEarly, source: .client)
                closeClient(slot)
                return false
            case .full, .exhausted:
                // A head longer than the buffer was refused by its limit before.
                closeClient(slot)
                return false
            }
        }
    }

    private mutating func releaseIdleInput(_ slot: Int) {
        if clients[slot].stream.input.isEmpty { buffers.give(&clients[slot].stream.input) }
    }

    /// Begins the exchange for the head just parsed, or refuses it.
    private mutating func start(
        _ slot: Int, consumed: Int, refusal: HTTPError?, gate: AuditGate
    ) {
        guard clients[slot].exchange.record.isLent || records.lend(&clients[slot].exchange.record)
        else {
            // Nothing can be recorded, so nothing may be answered.
            resetClient(slot)
            return
        }
        let bytes = clients[slot].stream.input.bytes
        let client = ClientAddress(
            peer: clients[slot].peer,
            trustedProxies: settings(of: slot).listeners[Int(clients[slot].listener)]
                .trustedProxies,
            head: head, bytes: bytes)
        let trace = traceContext(bytes)
        var facts = newFacts(slot, client: client)
        facts.traceID = trace.context.traceID
        facts.spanID = trace.context.spanID
        facts.method = head.method.rawValue
        facts.httpVersion = head.version.rawValue
        facts.bytesIn = UInt64(consumed)
        text.removeAll()

        var admission = Admission()
        if let refusal {
            admission.verdict = .refuse(status: refusal.status, reason: refusal.reason)
            facts.reason = refusal.reason
            facts.outcome = .error
            facts.errorSource = .client
            facts.errorPhase = .head
        } else if gate != .open {
            admission.refuse(gate == .failed ? .auditUnavailable : .auditBacklog, &facts)
        } else {
            admission = Admission.judge(
                head: head, bytes: bytes, settings: settings(of: slot),
                authenticator: &authenticator,
                facts: &facts, record: &text, transport: clients[slot].transport,
                certificateName: clients[slot].principalName, now: now)
            if admission.route >= 0 {
                clients[slot].exchange.mode = settings(of: slot).auditMode(of: admission.route)
            }
        }
        // Strict mode does not begin what it can't expect to end.
        if clients[slot].exchange.mode == .strict, !isLogHealthy {
            admission.refuse(.auditUnavailable, &facts)
        }
        // An answer about the log can't wait for it.
        if admission.isLogRefusal {
            clients[slot].exchange.mode = .bestEffort
            counters.logRefusals += 1
        }
        let level = settings(of: slot).auditLevel(of: admission.route)
        facts.level = level.rawValue
        if level == .body { clients[slot].requestKind = BodyKind(head.fields, bytes) }
        text.append(head: head, bytes: bytes, settings: settings(of: slot), route: admission.route)
        commitText(slot, level)
        clients[slot].exchange.begin(head: head, limits: settings(of: slot).connections.http)
        clients[slot].exchange.facts = facts
        clients[slot].exchange.keepsAlive = refusal == nil && keepsAlive(slot)

        switch admission.verdict {
        case .forward(let upstream):
            let context = ForwardingContext(
                peer: clients[slot].peer, client: client, trace: trace.context,
                isTraceInherited: trace.isInherited, route: admission.route,
                principal: admission.principal, transport: clients[slot].transport)
            forward(slot, upstream: upstream, consumed: consumed, context: context)
        case .respond, .respondOptions, .redirect, .refuse:
            if refusal != nil { clients[slot].exchange.hasRequestEnded = true }
            clients[slot].stream.input.consume(consumed)
            answer(slot, admission: admission, bytes: bytes)
        }
    }

    private func keepsAlive(_ slot: Int) -> Bool {
        head.isPersistent && !isDraining && !clients[slot].isRetiring
            && clients[slot].requests < settings(of: slot).connections.requestsPerConnection
    }

    /// Facts of a request that begins now, its sequence number taken.
    mutating func newFacts(_ slot: Int, client: ClientAddress?) -> RecordFacts {
        sequence += 1
        clients[slot].requests += 1
        clients[slot].exchange.mode = settings(of: slot).auditMode
        clients[slot].exchange.isDecisionRecorded = false
        clients[slot].exchange.isCompletionRecorded = false
        var facts = RecordFacts()
        facts.worker = UInt16(truncatingIfNeeded: configuration.index)
        facts.sequence = sequence
        facts.listener = clients[slot].listener
        facts.connection = clients[slot].number
        facts.time = wall
        facts.instant = now
        facts.requestID = identifiers.requestID(now: wall)
        facts.peer = clients[slot].peer
        facts.client = client?.address ?? clients[slot].peer
        facts.generation = settings(of: slot).generation
        facts.level = settings(of: slot).auditLevel(of: -1).rawValue
        describeTransport(slot, &facts)
        if clients[slot].phase == .head || clients[slot].phase == .audit {
            facts.headMicroseconds = now.microseconds(since: clients[slot].headStarted)
        }
        clients[slot].scanned = 0
        return facts
    }

    private mutating func traceContext(
        _ bytes: Span<UInt8>
    ) -> (context: TraceContext, isInherited: Bool) {
        if head.fields.count(of: .traceparent) == 1, let index = head.fields.first(.traceparent),
            var context = TraceContext(bytes.extracting(head.fields[index].value))
        {
            context.spanID = identifiers.spanID()
            return (context, true)
        }
        let context = TraceContext(
            traceID: identifiers.traceID(), spanID: identifiers.spanID(), flags: 0)
        return (context, false)
    }

    /// Records a request that was given up before it was judged.
    mutating func recordUnreadHead(_ slot: Int, reason: Reason, source: ErrorSource) {
        guard records.lend(&clients[slot].exchange.record) else { return }
        var facts = describeUnreadHead(slot)
        facts.reason = reason
        facts.errorSource = source
        clients[slot].exchange.mode = .bestEffort
        clients[slot].exchange.facts = facts
        pushRecord(slot)
    }

    /// Facts and text of a head that was not judged, as far as it came.
    mutating func describeUnreadHead(_ slot: Int) -> RecordFacts {
        let bytes = clients[slot].stream.input.bytes
        head.parseUnfinished(bytes)
        var facts = newFacts(slot, client: nil)
        facts.outcome = .error
        facts.errorPhase = .head
        facts.bytesIn = UInt64(bytes.count)
        if !head.methodText.isEmpty {
            facts.method = head.method.rawValue
            facts.httpVersion = head.version.rawValue
        }
        text.removeAll()
        text.append(head: head, bytes: bytes, settings: settings(of: slot), route: -1)
        commitText(slot, settings(of: slot).auditLevel(of: -1))
        return facts
    }

    /// Gives the exchange's record the text gathered, and what the connection adds to each; a
    /// record of level none has no text.
    mutating func commitText(_ slot: Int, _ level: AuditLevel) {
        guard level != .none else { return }
        text.finish()
        let connectionText = clients[slot].connectionText
        var writer = clients[slot].exchange.record.writer()
        writer.append(text.span)
        writer.append(connectionText)
        clients[slot].exchange.record.commit(writer)
    }
}
