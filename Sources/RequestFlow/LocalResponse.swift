import AuditRecords
import Authentication
import Authorization
import HTTP
import Primitives
import RateLimiting

/// Answers that Sallyport gives itself: refusals, and routes that say what to respond.
public enum LocalResponse {
    /// What every answer of our own depends on.
    public struct Frame: Sendable {
        /// Whether the request was a HEAD, whose answer has no body.
        public var isHead: Bool
        /// The client's version, which decides what `Connection` must say.
        public var version: HTTPVersion
        /// Whether the connection stays open behind the answer.
        public var keepsAlive: Bool
        /// The loop turn's wall time, for `Date`.
        public var now: WallTime

        /// A frame of these parts.
        public init(isHead: Bool, version: HTTPVersion, keepsAlive: Bool, now: WallTime) {
            self.isHead = isHead
            self.version = version
            self.keepsAlive = keepsAlive
            self.now = now
        }
    }

    /// Appends the answer that `admission` calls for; `facts` then say its status and reason.
    ///
    /// - Parameters:
    ///   - facts: The record of the request, with its listener.
    ///   - head: The request's head; a redirection repeats its target.
    ///   - bytes: What `head`'s ranges refer to; may be empty when nothing is redirected.
    public static func write(
        _ admission: Admission, head: borrowing RequestHead, bytes: Span<UInt8>,
        facts: inout RecordFacts, settings: ProxySettings, frame: Frame,
        receiptPrefix: Span<UInt8>, into writer: inout ByteWriter
    ) {
        switch admission.verdict {
        case .refuse(let status, let reason):
            facts.status = status
            facts.reason = reason
            writeRefusal(
                facts: facts, admission: admission, settings: settings, frame: frame,
                receiptPrefix: receiptPrefix, into: &writer)
        case .redirect(let port):
            facts.status = 308
            facts.reason = .policyHTTPSRequired
            writeRedirect(
                head: head, bytes: bytes, port: port, facts: facts, settings: settings,
                frame: frame, receiptPrefix: receiptPrefix, into: &writer)
        case .respond(let status):
            facts.status = status
            writeRoute(
                facts: facts, route: admission.route, settings: settings, frame: frame,
                receiptPrefix: receiptPrefix, into: &writer)
        case .respondOptions, .forward:
            facts.status = 204
            writeOptions(
                facts: facts, route: admission.route, settings: settings, frame: frame,
                receiptPrefix: receiptPrefix, into: &writer)
        }
    }

    /// Appends a redirection to the same place by TLS (308, RFC 9110 §15.4.9): method and body
    /// stay as they are.
    ///
    /// - Parameter port: Of the TLS listener; 443 is not said.
    static func writeRedirect(
        head: borrowing RequestHead, bytes: Span<UInt8>, port: UInt16, facts: RecordFacts,
        settings: ProxySettings, frame: Frame, receiptPrefix: Span<UInt8>,
        into writer: inout ByteWriter
    ) {
        writer.appendStatusLine(facts.status)
        writer.append("Date: ")
        writer.appendHTTPDate(frame.now)
        writer.append("\r\nLocation: https://")
        let authority = bytes.extracting(head.authority)
        writer.append(authority.extracting(first: Authority.hostCount(authority)))
        if port != 443 {
            writer.append(0x3A)
            writer.appendDecimal(magnitude: UInt64(port))
        }
        // Of `OPTIONS *` the target is a URI without a path (RFC 9112 §3.2.4).
        if !head.isAsteriskForm {
            writer.append(head.path(in: bytes))
            if head.hasQuery {
                writer.append(0x3F)
                writer.append(bytes.extracting(head.query))
            }
        }
        // The answer names this one request, and the port may change: nobody should keep it.
        writer.append("\r\nContent-Type: application/problem+json\r\nCache-Control: no-store\r\n")
        finishProblem(
            facts: facts, settings: settings, frame: frame, receiptPrefix: receiptPrefix,
            into: &writer)
    }

    /// Appends a refusal: a problem document (RFC 9457) that names the reason and the request.
    ///
    /// - Parameters:
    ///   - facts: The record of the request; its `status` and `reason` are what is answered.
    ///   - admission: The judgement, for the fields that a 401, 405 or 429 must carry.
    static func writeRefusal(
        facts: RecordFacts, admission: Admission, settings: ProxySettings, frame: Frame,
        receiptPrefix: Span<UInt8>, into writer: inout ByteWriter
    ) {
        writer.appendStatusLine(facts.status)
        writer.append("Date: ")
        writer.appendHTTPDate(frame.now)
        writer.append("\r\nContent-Type: application/problem+json\r\nCache-Control: no-store\r\n")
        appendChallenge(facts: facts, settings: settings, into: &writer)
        appendLimit(facts: facts, admission: admission, settings: settings, into: &writer)
        if facts.status == 405 {
            writer.append("Allow: ")
            if admission.route >= 0 {
                let methods = settings.allowedMethods[admission.route]
                writer.append(methods.span)
            } else {
                writer.append("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
            }
            writer.append("\r\n")
        }
        finishProblem(
            facts: facts, settings: settings, frame: frame, receiptPrefix: receiptPrefix,
            into: &writer)
    }

    /// Appends what the route of `admission` says to respond.
    static func writeRoute(
        facts: RecordFacts, route: Int, settings: ProxySettings, frame: Frame,
        receiptPrefix: Span<UInt8>, into writer: inout ByteWriter
    ) {
        let policy = settings.policy
        writer.appendStatusLine(facts.status)
        writer.append("Date: ")
        writer.appendHTTPDate(frame.now)
        writer.append("\r\nContent-Type: ")
        writer.append(policy.responseContentType(of: route))
        writer.append("\r\n")
        finish(
            facts: facts, settings: settings, frame: frame,
            contentCount: policy.responseBody(of: route).count,
            receiptPrefix: receiptPrefix, into: &writer)
        if !frame.isHead { writer.append(policy.responseBody(of: route)) }
    }

    /// Appends the answer to an OPTIONS that may go no further: 204 and what the route allows.
    static func writeOptions(
        facts: RecordFacts, route: Int, settings: ProxySettings, frame: Frame,
        receiptPrefix: Span<UInt8>, into writer: inout ByteWriter
    ) {
        writer.appendStatusLine(facts.status)
        writer.append("Date: ")
        writer.appendHTTPDate(frame.now)
        writer.append("\r\nAllow: ")
        let methods = settings.allowedMethods[route]
        writer.append(methods.span)
        writer.append("\r\n")
        finish(
            facts: facts, settings: settings, frame: frame, contentCount: 0,
            receiptPrefix: receiptPrefix, into: &writer)
    }

    /// Ends the head of an answer whose body is a problem document, and appends that.
    private static func finishProblem(
        facts: RecordFacts, settings: ProxySettings, frame: Frame, receiptPrefix: Span<UInt8>,
        into writer: inout ByteWriter
    ) {
        let body = Problem(facts: facts)
        finish(
            facts: facts, settings: settings, frame: frame, contentCount: body.byteCount,
            receiptPrefix: receiptPrefix, into: &writer)
        if !frame.isHead { body.append(to: &writer) }
    }

    private static func finish(
        facts: RecordFacts, settings: ProxySettings, frame: Frame, contentCount: Int,
        receiptPrefix: Span<UInt8>, into writer: inout ByteWriter
    ) {
        if facts.status != 204 {
            writer.append("Content-Length: ")
            writer.appendDecimal(Int64(contentCount))
            writer.append("\r\n")
        }
        if !frame.keepsAlive {
            writer.append("Connection: close\r\n")
        } else if frame.version == .http10 {
            writer.append("Connection: keep-alive\r\n")
        }
        // Nothing that came in clear may carry it (RFC 6797 §7.2).
        if facts.reason != .tlsPlainHTTP {
            writer.appendStrictTransport(of: facts.listener, settings)
        }
        writer.appendReceipt(facts, prefix: receiptPrefix)
        writer.append("\r\n")
    }

    /// RFC 6750 §3: what credentials would help.
    private static func appendChallenge(
        facts: RecordFacts, settings: ProxySettings, into writer: inout ByteWriter
    ) {
        guard
            facts.status == 401 || facts.reason == .policyRoleMissing
                || facts.reason == .tokenDuplicateCredentials
        else { return }
        let realm = settings.realm
        writer.append("WWW-Authenticate: ")
        BearerChallenge.append(reason: facts.reason, realm: realm.span, to: &writer)
        writer.append("\r\n")
    }

    /// `Retry-After` (RFC 9110 §10.2.3) and the RateLimit fields (draft-ietf-httpapi-ratelimit).
    private static func appendLimit(
        facts: RecordFacts, admission: Admission, settings: ProxySettings,
        into writer: inout ByteWriter
    ) {
        if facts.retryAfterSeconds > 0 {
            writer.append("Retry-After: ")
            writer.appendDecimal(Int64(facts.retryAfterSeconds))
            writer.append("\r\n")
        }
        guard let decision = admission.limit, facts.limit != RecordFacts.noIndex else { return }
        let index = Int(facts.limit)
        let rule = settings.limitRules[index]
        let name = settings.limitNames[index]
        writer.append("RateLimit-Policy: \"")
        writer.append(name.span)
        writer.append("\";q=")
        writer.appendDecimal(Int64(settings.rateLimits[index].burst))
        writer.append(";w=")
        writer.appendDecimal(magnitude: (rule.toleranceNanoseconds + 999_999_999) / 1_000_000_000)
        writer.append("\r\nRateLimit: \"")
        writer.append(name.span)
        writer.append("\";r=")
        writer.appendDecimal(Int64(decision.remaining))
        writer.append(";t=")
        writer.appendDecimal(Int64(decision.resetSeconds))
        writer.append("\r\n")
    }
}

/// The body of a refusal (RFC 9457 §3): what an operator needs to find the record.
struct Problem {
    let facts: RecordFacts

    /// Bytes of `append`: two of the parts vary in length.
    var byteCount: Int {
        let fixed = #"{"status":000,"title":"","code":"","request_id":""}"#.utf8.count
        return fixed + Status.phrase(facts.status).utf8CodeUnitCount
            + facts.reason.code.utf8CodeUnitCount + 36 + 1
    }

    func append(to writer: inout ByteWriter) {
        writer.append(#"{"status":"#)
        writer.appendDecimal(magnitude: UInt64(facts.status))
        writer.append(#","title":""#)
        writer.append(Status.phrase(facts.status))
        writer.append(#"","code":""#)
        writer.append(facts.reason.code)
        writer.append(#"","request_id":""#)
        writer.appendUUID(facts.requestID)
        writer.append("\"}\n")
    }
}
