import AuditRecords
import Authentication
import Authorization
import Crypto
import HTTP
import Primitives
import RateLimiting

/// What is to become of a request whose head has been read.
public enum Verdict: Sendable, Equatable {
    /// Send it on to this upstream.
    case forward(upstream: Int)
    /// Answer it as the route says.
    case respond(status: UInt16)
    /// Answer an OPTIONS that may go no further (RFC 9110 §7.6.2).
    case respondOptions
    /// Send the client to the same place by TLS, on this port.
    case redirect(port: UInt16)
    /// Answer it with a refusal.
    case refuse(status: UInt16, reason: Reason)
}

/// The judgement of one request: authenticate, authorise, limit, in that order.
///
/// It touches nothing but what it is given. What it learns goes into the record as it is learned,
/// so that a refusal says as much as was known.
public struct Admission: Sendable {
    /// What is to become of the request.
    public var verdict = Verdict.refuse(status: 404, reason: .policyNoRoute)
    /// The matched route, or -1.
    public var route = -1
    /// Slot of the authenticated principal in the worker's `Authenticator`, or -1.
    ///
    /// It may be read only until the next request is judged: the slot may then be reused.
    public var principal = -1
    /// Whether `verdict` came from a limit, whose fields the answer then carries.
    public var limit: LimitDecision?

    /// No judgement yet.
    public init() {}

    /// Judges the request in `head`.
    ///
    /// - Parameters:
    ///   - bytes: What `head`'s ranges refer to.
    ///   - facts: The record's numbers; `time`, `instant`, `peer` and `listener` are set.
    ///   - transport: What the connection's TLS says.
    ///   - certificateName: The name of the client's certificate, of
    ///     `ClientCertificateIdentity.principalName`; empty when there is none.
    ///   - now: The loop turn's time.
    public static func judge(
        head: borrowing RequestHead, bytes: Span<UInt8>, settings: ProxySettings,
        authenticator: inout Authenticator, facts: inout RecordFacts, record: inout RecordDraft,
        transport: TransportFacts, certificateName: Span<UInt8>, now: Instant
    ) -> Admission {
        var admission = Admission()
        admission.verdict =
            admission.redirection(
                head: head, settings: settings, facts: &facts, transport: transport)
            ?? admission.loopRefusal(head: head, bytes: bytes, settings: settings)
            ?? admission.decide(
                head: head, bytes: bytes, settings: settings, authenticator: &authenticator,
                facts: &facts, record: &record, transport: transport,
                certificateName: certificateName, now: now)
        switch admission.verdict {
        case .forward, .respond, .respondOptions:
            facts.outcome = .allow
        case .redirect:
            facts.reason = .policyHTTPSRequired
            facts.outcome = .deny
        case .refuse(_, let reason):
            facts.reason = reason
            facts.outcome = admission.outcome(reason)
        }
        return admission
    }

    /// Refuses the request because its record can't be kept; `facts` then say so.
    public mutating func refuse(_ reason: Reason, _ facts: inout RecordFacts) {
        verdict = .refuse(status: 503, reason: reason)
        facts.reason = reason
        facts.outcome = .error
        facts.errorSource = .proxy
        facts.errorPhase = .head
    }

    /// Whether the request is refused because its record can't be kept.
    public var isLogRefusal: Bool {
        guard case .refuse(_, let reason) = verdict else { return false }
        return reason == .auditBacklog || reason == .auditUnavailable
    }

    private func outcome(_ reason: Reason) -> Outcome {
        switch reason {
        case .limitExceeded, .limitTableFull: .throttle
        case .requestLoopDetected, .requestBodyTooLarge, .requestHostMissing: .error
        default: .deny
        }
    }

    /// What a listener that only sends on to TLS says to every request. Nothing else about the
    /// request is judged: whatever it is, it should not have come unencrypted.
    private func redirection(
        head: borrowing RequestHead, settings: ProxySettings, facts: inout RecordFacts,
        transport: TransportFacts
    ) -> Verdict? {
        let port = settings.redirectPorts[Int(facts.listener)]
        guard port > 0, !transport.isSecure else { return nil }
        // HTTP/1.0 permits a request that names no host, so there is no place to send it to.
        guard !head.authority.isEmpty else {
            facts.errorSource = .client
            facts.errorPhase = .head
            return .refuse(status: 400, reason: .requestHostMissing)
        }
        return .redirect(port: port)
    }

    /// A request that has come by here before (RFC 9110 §7.6.3): no route can lift that.
    private func loopRefusal(
        head: borrowing RequestHead, bytes: Span<UInt8>, settings: ProxySettings
    ) -> Verdict? {
        guard head.fields.first(.via) != nil else { return nil }
        for index in 0..<head.fields.count where head.fields[index].known == .via {
            if bytes.extracting(head.fields[index].value).names(settings.viaName) {
                return .refuse(status: 508, reason: .requestLoopDetected)
            }
        }
        return nil
    }

    private mutating func decide(
        head: borrowing RequestHead, bytes: Span<UInt8>, settings: ProxySettings,
        authenticator: inout Authenticator, facts: inout RecordFacts, record: inout RecordDraft,
        transport: TransportFacts, certificateName: Span<UInt8>, now: Instant
    ) -> Verdict {
        let policy = settings.policy
        switch policy.match(
            host: bytes.extracting(head.authority), path: head.path(in: bytes),
            method: head.method, methodText: bytes.extracting(head.methodText))
        {
        case .route(let index): route = index
        case .methodRefused(let index):
            route = index
            facts.route = UInt16(truncatingIfNeeded: index)
            return .refuse(status: 405, reason: .policyMethodRefused)
        case .noRoute:
            return .refuse(status: 404, reason: .policyNoRoute)
        }
        facts.route = UInt16(truncatingIfNeeded: route)

        switch policy.authentication(of: route) {
        case .none: break
        case .required(let issuers, let acceptsCertificate):
            // A token that was sent decides alone, also over a certificate: otherwise one who may
            // less by the token could ask to be taken for somebody else.
            let isByCertificate =
                acceptsCertificate && (issuers.isEmpty || head.fields.first(.authorization) == nil)
            let refusal =
                isByCertificate
                ? identify(
                    transport, certificateName: certificateName, issuers: issuers,
                    facts: &facts, record: &record)
                : authenticate(
                    head: head, bytes: bytes, accepting: issuers, transport: transport,
                    authenticator: &authenticator, facts: &facts, record: &record)
            if let refusal { return refusal }
        }
        let roles = principal >= 0 ? authenticator.principal(principal).roles : RoleSet()
        let decision = policy.authorise(
            route: route, roles: roles,
            certificates: transport.hasCertificate ? transport.matches : CertificateSet())
        facts.rule = decision.rule
        facts.role = decision.role
        guard decision.isAllowed else {
            let isMissing =
                decision.reason == .policyCertificateRefused && !transport.hasCertificate
            return .refuse(
                status: 403, reason: isMissing ? .policyCertificateMissing : decision.reason)
        }

        if let refusal = throttle(
            settings: settings, authenticator: authenticator,
            certificateName: certificateName, facts: &facts, now: now)
        {
            return refusal
        }
        switch policy.action(of: route) {
        case .upstream(let index):
            if head.method == .options, head.maxForwards == 0 { return .respondOptions }
            // A body that says it is too long is refused before a byte of it is read.
            if case .length(let count) = head.framing,
                let most = settings.connections.requestBodyBytes, count > most
            {
                facts.errorSource = .client
                facts.errorPhase = .requestBody
                return .refuse(status: 413, reason: .requestBodyTooLarge)
            }
            facts.upstream = UInt16(truncatingIfNeeded: index)
            return .forward(upstream: index)
        case .respond(let status):
            return .respond(status: status)
        }
    }

    /// Takes the connection's certificate for who is asking; only on a route that accepts that.
    private func identify(
        _ transport: TransportFacts, certificateName: Span<UInt8>, issuers: IssuerSet,
        facts: inout RecordFacts, record: inout RecordDraft
    ) -> Verdict? {
        guard transport.hasCertificate else {
            return issuers.isEmpty
                ? .refuse(status: 403, reason: .policyCertificateMissing)
                : .refuse(status: 401, reason: .tokenMissing)
        }
        // A certificate without a name is nobody's: all such would be one principal.
        guard !certificateName.isEmpty else {
            return .refuse(status: 403, reason: .policyCertificateRefused)
        }
        facts.scheme = .certificate
        record.append(.subject, certificateName)
        return nil
    }

    private mutating func authenticate(
        head: borrowing RequestHead, bytes: Span<UInt8>, accepting issuers: IssuerSet,
        transport: TransportFacts, authenticator: inout Authenticator,
        facts: inout RecordFacts, record: inout RecordDraft
    ) -> Verdict? {
        guard let index = head.fields.first(.authorization) else {
            return .refuse(status: 401, reason: .tokenMissing)
        }
        // RFC 6750 §2: a client must not use more than one method to send the token.
        guard head.fields.count(of: .authorization) == 1,
            !(head.hasQuery && bytes.extracting(head.query).hasAccessToken)
        else {
            return .refuse(status: 400, reason: .tokenDuplicateCredentials)
        }
        let result = authenticator.authenticate(
            bytes.extracting(head.fields[index].value), accepting: issuers,
            certificate: transport.hasCertificate ? transport.certificate : nil, now: facts.time)
        switch result {
        case .refused(let reason):
            return .refuse(status: BearerChallenge.status(for: reason), reason: reason)
        case .authenticated(let slot, let isCacheHit):
            principal = slot
            let known = authenticator.principal(slot)
            facts.scheme = .bearer
            facts.issuer = known.issuer
            facts.algorithm = known.algorithm.rawValue
            facts.isCacheHit = isCacheHit
            record.append(.subject, authenticator.text(slot, .subject))
            record.append(.clientID, authenticator.text(slot, .clientID))
            record.append(.tokenID, authenticator.text(slot, .tokenID))
            record.append(.keyID, authenticator.text(slot, .keyID))
            record.appendThumbprint(known.thumbprint)
            return nil
        }
    }

    /// Takes one request from every limit of the route. A later limit's refusal gives nothing
    /// back to the earlier ones: a refused request still counts as an attempt.
    private mutating func throttle(
        settings: ProxySettings, authenticator: borrowing Authenticator,
        certificateName: Span<UInt8>, facts: inout RecordFacts, now: Instant
    ) -> Verdict? {
        for position in 0..<settings.policy.limitCount(of: route) {
            let index = settings.policy.limit(of: route, at: position)
            let table = settings.limitTable
            let number = settings.limitNumbers.limits[index]
            let rule = settings.limitRules[index]
            let key: LimitKeyValue
            switch rule.key {
            case .subject where principal >= 0:
                key = table.key(
                    limit: number, subject: authenticator.text(principal, .subject),
                    issuer: settings.limitNumbers.issuers[Int(facts.issuer)])
            case .subject where facts.scheme == .certificate:
                // No issuer has this number, so no token's subject is counted together with it.
                key = table.key(
                    limit: number, subject: certificateName, issuer: RecordFacts.noIndex)
            case .subject, .clientAddress:
                key = table.key(limit: number, address: facts.client.address)
            case .route:
                key = table.key(limit: number, route: settings.limitNumbers.routes[route])
            }
            let decision = table.take(limit: rule, keyHash: key, now: now)
            facts.limit = UInt16(truncatingIfNeeded: index)
            facts.limitRemaining = decision.remaining
            switch decision.outcome {
            case .allowed: continue
            case .exceeded:
                limit = decision
                facts.retryAfterSeconds = decision.retryAfterSeconds
                return .refuse(status: 429, reason: .limitExceeded)
            case .tableFull:
                limit = decision
                facts.retryAfterSeconds = 1
                return .refuse(status: 503, reason: .limitTableFull)
            }
        }
        return nil
    }
}

extension LimitDecision {
    /// Whole seconds to wait, rounded up, at least one.
    var retryAfterSeconds: UInt32 {
        UInt32(clamping: max(1, (retryAfterNanoseconds + 999_999_999) / 1_000_000_000))
    }

    /// Whole seconds until the limit is full again, rounded up.
    var resetSeconds: UInt32 {
        UInt32(clamping: (resetNanoseconds + 999_999_999) / 1_000_000_000)
    }
}

extension Span where Element == UInt8 {
    /// Whether a `Via` value has `pseudonym` as one of its received-by parts.
    func names(_ pseudonym: [UInt8]) -> Bool {
        guard count >= pseudonym.count, !pseudonym.isEmpty else { return false }
        var start = 0
        while let first = firstIndex(of: pseudonym[0], from: start) {
            guard first + pseudonym.count <= count else { return false }
            if extracting(first..<first + pseudonym.count).equals(pseudonym.span) { return true }
            start = first + 1
        }
        return false
    }

    /// Whether a query has a parameter named `access_token` (RFC 6750 §2.3).
    var hasAccessToken: Bool {
        var start = 0
        while start < count {
            let end = firstIndex(of: 0x26, from: start) ?? count
            let parameter = extracting(start..<end)
            if parameter.count >= 13, parameter.extracting(0..<13).equals("access_token=") {
                return true
            }
            start = end + 1
        }
        return false
    }
}
