import AuditRecords
import AuditRings
import Authentication
import Authorization
import HTTP
import LinuxIO
import Primitives
import RequestFlow
import TLS

extension WorkerLoop {
    /// How often a handshake that waits for the audit log is tried again.
    private static let gateNanoseconds: UInt64 = 10_000_000

    /// Begins TLS where the connection's listener speaks it.
    mutating func beginTLS(_ slot: Int) {
        let contexts = inUse[Int(clients[slot].generation)].contexts
        guard let context = contexts?.servers[Int(clients[slot].listener)] else { return }
        let number = clients[slot].stream.socket.number
        guard let session = engine.accept(context, socket: number) else {
            closeClient(slot)
            return
        }
        clients[slot].stream.session = session
        clients[slot].phase = .handshake
        clients[slot].headStarted = now
        setDeadline(slot, afterMilliseconds: context.handshakeMilliseconds)
    }

    /// Goes on with the handshake; answers whether the connection can go on.
    mutating func shakeHands(_ slot: Int) -> Bool {
        // A failure must find room for its record, so none is risked while the log is behind. When
        // it takes no records at all, the client is to hear so: in a 503, as without TLS.
        // A route that promises nothing is not to be kept waiting for the log.
        guard settings.hasBestEffort || auditGate != .behind || isOutTold else {
            let next = now.advanced(nanoseconds: WorkerLoop.gateNanoseconds)
            wheel.schedule(slot, at: min(next, clients[slot].deadline))
            return false
        }
        switch clients[slot].stream.shakeHands(&engine) {
        case .wantsRead, .wantsWrite:
            return false
        case .established:
            return established(slot)
        case .failed(let failure):
            handshakeFailed(slot, failure)
            return clients.isUsed(slot)
        }
    }

    /// Whether the log says that it takes no records, and there is still room for one that waits.
    private var isOutTold: Bool {
        !configuration.status.health(at: now).isRecording && mayWait(.bounded)
    }

    /// The timer of a handshake came up.
    mutating func handshakeTimer(_ slot: Int) {
        guard now >= clients[slot].deadline else {
            wheel.schedule(slot, at: clients[slot].deadline)
            advance(slot)
            return
        }
        // While the log is behind, a connection whose record finds no room is kept until it does:
        // none goes unrecorded, and no more are accepted than there are slots.
        guard records.borrowed < records.capacity || auditGate == .failed else {
            wheel.schedule(slot, at: now.advanced(nanoseconds: WorkerLoop.gateNanoseconds))
            return
        }
        recordHandshake(slot, reason: .tlsHandshakeTimeout, source: .client)
        closeClient(slot)
    }

    /// The connection broke while the handshake was under way.
    mutating func handshakeAbandoned(_ slot: Int) {
        // A connection on which nothing was ever said, such as a health check's, is no handshake.
        if clients[slot].stream.session.hasBegun {
            recordHandshake(slot, reason: .tlsHandshakeAbandoned, source: .client)
        }
        closeClient(slot)
    }

    /// The handshake is done: keeps what every record of the connection says, and what admission
    /// wants to know.
    private mutating func established(_ slot: Int) -> Bool {
        guard clients[slot].generation == current || renew(slot) else { return false }
        var transport = TransportFacts()
        transport.isSecure = true
        let facts = clients[slot].stream.session.facts
        let details = clients[slot].certificateDetails
        var name = ByteRange.empty
        if facts.hasCertificate {
            transport.hasCertificate = true
            transport.certificate = facts.certificate
            transport.matches = settings(of: slot).policy.certificates(
                matching: details, sha256: facts.certificate)
            name = ClientCertificateIdentity.principalName(details)
        }
        guard keepText(slot, name: details.extracting(name)) else {
            // Neither a record nor a limit may be about half a name.
            handshakeFailed(slot, TLSFailure(reason: .tlsCertificateUnsuitable))
            return clients.isUsed(slot)
        }
        clients[slot].transport = transport
        clients[slot].handshakeMicroseconds = now.microseconds(since: clients[slot].headStarted)
        clients[slot].phase = .idle
        let idle = settings(of: slot).connections.idleMilliseconds
        setDeadline(
            slot, afterMilliseconds: isDraining ? WorkerLoop.newcomerMilliseconds : idle)
        return true
    }

    /// Moves the principal's name and the record's text into the session; false when they have
    /// no room.
    private mutating func keepText(_ slot: Int, name: Span<UInt8>) -> Bool {
        describeHandshake(slot)
        var scratch = PooledBuffer.none
        guard records.lend(&scratch) else { return false }
        var writer = scratch.writer()
        writer.append(name)
        writer.append(text.span)
        let fits = !writer.overflowed
        if fits {
            scratch.commit(writer)
            clients[slot].stream.session.attach(scratch.bytes)
            clients[slot].principalNameBytes = name.count
        }
        records.give(&scratch)
        return fits
    }

    /// Gathers in `text` what the handshake says about the client.
    private mutating func describeHandshake(_ slot: Int) {
        text.removeAll()
        text.append(.serverName, clients[slot].serverName)
        text.append(.tlsFingerprint, clients[slot].fingerprint)
        let facts = clients[slot].stream.session.facts
        if facts.hasCertificate {
            text.append(
                certificate: facts.certificate,
                details: clients[slot].certificateDetails)
        }
        text.finish()
    }

    /// Says in a record what was negotiated; how long that took, in the first one.
    func describeTransport(_ slot: Int, _ facts: inout RecordFacts) {
        guard clients[slot].stream.session.isPresent else { return }
        let tls = clients[slot].stream.session.facts
        facts.tlsVersion = tls.version
        facts.tlsCipher = tls.cipher
        facts.tlsGroup = tls.group
        facts.tlsSignature = tls.signature
        facts.tlsProtocol = tls.negotiatedProtocol
        facts.isTLSResumed = tls.isResumed
        if clients[slot].requests == 1 {
            facts.handshakeMicroseconds = clients[slot].handshakeMicroseconds
        }
    }

    /// Records the failure and lets the client read what it was told.
    private mutating func handshakeFailed(_ slot: Int, _ failure: TLSFailure) {
        guard failure.reason != .tlsHandshakeAbandoned else {
            handshakeAbandoned(slot)
            return
        }
        guard records.lend(&clients[slot].exchange.record) else {
            resetClient(slot)
            return
        }
        let facts = describeFailure(slot, reason: failure.reason, source: .client, failure.alert)
        // What follows is in clear, or thrown away unread; the client's end may be there already.
        clients[slot].stream.session = .none
        clients[slot].stream.socket.mayRead = true
        if failure.reason == .tlsPlainHTTP {
            clients[slot].exchange.beginUnread(
                facts: facts, limits: settings(of: slot).connections.http)
            var admission = Admission()
            admission.verdict = .refuse(status: 400, reason: .tlsPlainHTTP)
            answer(slot, admission: admission)
            return
        }
        clients[slot].exchange.facts = facts
        pushRecord(slot)
        beginLingering(slot)
    }

    /// Records a handshake that nobody waits for any more.
    mutating func recordHandshake(_ slot: Int, reason: Reason, source: ErrorSource) {
        guard records.lend(&clients[slot].exchange.record) else { return }
        clients[slot].exchange.facts = describeFailure(slot, reason: reason, source: source, 0)
        pushRecord(slot)
    }

    /// Facts and text of a handshake that did not lead to a request.
    private mutating func describeFailure(
        _ slot: Int, reason: Reason, source: ErrorSource, _ alert: UInt8
    ) -> RecordFacts {
        clients[slot].handshakeMicroseconds = now.microseconds(since: clients[slot].headStarted)
        var facts = newFacts(slot, client: nil)
        // Nothing is held back: what is answered is that there is no service.
        clients[slot].exchange.mode = .bounded
        facts.kind = .authentication
        // There is no request, but for the one in clear that is answered.
        if reason != .tlsPlainHTTP { facts.requestID = .zero }
        facts.reason = reason
        facts.outcome = reason.isRefusal ? .deny : .error
        facts.errorSource = source
        facts.errorPhase = .handshake
        facts.tlsAlert = alert
        describeHandshake(slot)
        commitText(slot, settings(of: slot).auditLevel(of: -1))
        return facts
    }
}

extension Reason {
    /// Whether a handshake failed because our settings refuse the client.
    fileprivate var isRefusal: Bool {
        switch self {
        case .tlsServerNameUnknown, .tlsCertificateMissing, .tlsCertificateUntrusted,
            .tlsCertificateExpired, .tlsCertificateRevoked, .tlsCertificateUnsuitable:
            true
        default: false
        }
    }
}
