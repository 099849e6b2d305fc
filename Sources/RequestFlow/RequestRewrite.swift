import AuditRecords
import Authentication
import Authorization
import HTTP
import Primitives

/// What the rewriting of a request needs to know besides its head.
public struct ForwardingContext: Sendable {
    /// Who connected.
    public var peer: PeerAddress
    /// Who the client is, and whether the peer's forwarding fields are kept.
    public var client: ClientAddress
    /// The trace that the request belongs to, with our own span.
    public var trace: TraceContext
    /// Whether the trace came from the client, so that its `tracestate` is kept.
    public var isTraceInherited: Bool
    /// The request's route.
    public var route: Int
    /// The principal's slot, or -1.
    public var principal: Int
    /// What the connection's TLS says.
    public var transport: TransportFacts

    /// A context of these parts.
    public init(
        peer: PeerAddress, client: ClientAddress, trace: TraceContext, isTraceInherited: Bool,
        route: Int, principal: Int, transport: TransportFacts
    ) {
        self.peer = peer
        self.client = client
        self.trace = trace
        self.isTraceInherited = isTraceInherited
        self.route = route
        self.principal = principal
        self.transport = transport
    }
}

/// Writes a request's head for the upstream, in one canonical form; nothing is copied unread.
public enum RequestRewrite {
    /// Appends the head to `writer`.
    ///
    /// Framing is ours alone (RFC 9112 §6): `Content-Length` when the length is known, chunked
    /// otherwise. Hop-by-hop fields, fields that claim an identity, and forwarding fields of
    /// peers that are not trusted are left out.
    ///
    /// - Parameters:
    ///   - facts: The record of the request; its `scheme` and `issuer` say who is asking.
    ///   - certificateName: The name of the client's certificate; empty when there is none.
    public static func write(
        head: borrowing RequestHead, bytes: Span<UInt8>, settings: ProxySettings,
        authenticator: borrowing Authenticator, facts: RecordFacts, context: ForwardingContext,
        certificateName: Span<UInt8>, receiptPrefix: Span<UInt8>, into writer: inout ByteWriter
    ) {
        writer.append(bytes.extracting(head.methodText))
        writer.append(.space)
        if head.isAsteriskForm {
            writer.append(0x2A)
        } else {
            writer.append(head.path(in: bytes))
            if head.hasQuery {
                writer.append(0x3F)
                writer.append(bytes.extracting(head.query))
            }
        }
        writer.append(" HTTP/1.1\r\nHost: ")
        writer.append(bytes.extracting(head.authority))
        writer.append("\r\n")
        appendFields(
            head: head, bytes: bytes, policy: settings.policy, context: context, into: &writer)
        appendFraming(head.framing, method: head.method, into: &writer)
        appendVia(head: head, bytes: bytes, settings: settings, into: &writer)
        appendForwarding(head: head, bytes: bytes, context: context, into: &writer)
        writer.append("X-Request-Id: ")
        writer.appendUUID(facts.requestID)
        writer.append("\r\ntraceparent: ")
        writer.append(context.trace)
        writer.append("\r\nAudit-Receipt: ")
        writer.append(receiptPrefix)
        writer.appendDecimal(magnitude: facts.sequence)
        writer.append("\r\n")
        appendSettings(
            policy: settings.policy, context: context, authenticator: authenticator,
            certificateName: certificateName, settings: settings, facts: facts,
            into: &writer)
        writer.append("\r\n")
    }

    /// The fields that the route sets. A value that is not a valid field value, such as a subject
    /// with a line end in it, is left out together with its field.
    private static func appendSettings(
        policy: CompiledPolicy, context: ForwardingContext,
        authenticator: borrowing Authenticator, certificateName: Span<UInt8>,
        settings: ProxySettings, facts: RecordFacts, into writer: inout ByteWriter
    ) {
        for index in 0..<policy.headerCount(of: context.route) {
            let start = writer.count
            writer.append(policy.headerName(of: context.route, at: index))
            writer.append(": ")
            let valueStart = writer.count
            for part in 0..<policy.headerPartCount(of: context.route, at: index) {
                switch policy.headerPart(of: context.route, at: index, part: part) {
                case .literal(let range): writer.append(policy.text(range))
                case .variable(.route): writer.append(policy.name(of: context.route))
                case .variable(.requestID): writer.appendUUID(facts.requestID)
                case .variable(.subject) where facts.scheme == .certificate,
                    .variable(.certificateName):
                    writer.append(certificateName)
                case .variable(.certificateDigest):
                    guard context.transport.hasCertificate else { continue }
                    writer.appendHex(context.transport.certificate)
                case .variable(.subject):
                    guard context.principal >= 0 else { continue }
                    writer.append(authenticator.text(context.principal, .subject))
                case .variable(.clientID):
                    guard context.principal >= 0 else { continue }
                    writer.append(authenticator.text(context.principal, .clientID))
                case .variable(.issuer):
                    guard context.principal >= 0, facts.issuer != RecordFacts.noIndex else {
                        continue
                    }
                    let name = settings.issuerNames[Int(facts.issuer)]
                    writer.append(name.span)
                }
            }
            let isValid = writer.span.extracting(valueStart..<writer.count).isFieldValue
            if isValid { writer.append("\r\n") } else { writer.truncate(to: start) }
        }
    }

    private static func appendFields(
        head: borrowing RequestHead, bytes: Span<UInt8>, policy: CompiledPolicy,
        context: ForwardingContext, into writer: inout ByteWriter
    ) {
        var run = FieldRun()
        for index in 0..<head.fields.count {
            let field = head.fields[index]
            if field.isHopByHop { continue }
            let name = bytes.extracting(field.name)
            switch field.known {
            case .host, .contentLength, .transferEncoding, .via, .forwarded, .xForwardedFor,
                .xForwardedHost, .xForwardedProto, .xForwardedPort, .xRealIP, .xRequestID,
                .traceparent, .auditReceipt, .maxForwards, .proxyAuthorization:
                continue
            case .tracestate where !context.isTraceInherited:
                continue
            case .expect where !head.expectsContinue:
                // Of an HTTP/1.0 client, or without a body (RFC 9110 §10.1.1).
                continue
            case .other where IdentityFields.contains(name):
                continue
            default: break
            }
            if policy.drops(name, on: context.route) { continue }
            run.append(field, of: bytes, to: &writer)
        }
        run.flush(bytes, to: &writer)
        if head.method == .options, let forwards = head.maxForwards, forwards > 0 {
            writer.append("Max-Forwards: ")
            writer.appendDecimal(forwards - 1)
            writer.append("\r\n")
        }
        if head.acceptsTrailers { writer.append("TE: trailers\r\n") }
        if head.acceptsTrailers { writer.append("Connection: TE\r\n") }
    }

    private static func appendFraming(
        _ framing: BodyFraming, method: Method, into writer: inout ByteWriter
    ) {
        switch framing {
        case .length(let count):
            writer.append("Content-Length: ")
            writer.appendDecimal(count)
            writer.append("\r\n")
        case .chunked:
            writer.append("Transfer-Encoding: chunked\r\n")
        case .none, .untilClose:
            break
        }
    }

    private static func appendVia(
        head: borrowing RequestHead, bytes: Span<UInt8>, settings: ProxySettings,
        into writer: inout ByteWriter
    ) {
        writer.append("Via: ")
        for index in 0..<head.fields.count where head.fields[index].known == .via {
            writer.append(bytes.extracting(head.fields[index].value))
            writer.append(", ")
        }
        writer.append(head.version == .http11 ? "1.1 " : "1.0 ")
        let viaName = settings.viaName
        writer.append(viaName.span)
        writer.append("\r\n")
    }

    /// `Forwarded` (RFC 7239 §4) and the older fields: appended to what a trusted peer sent,
    /// in place of what any other peer sent.
    private static func appendForwarding(
        head: borrowing RequestHead, bytes: Span<UInt8>, context: ForwardingContext,
        into writer: inout ByteWriter
    ) {
        let isTrusted = context.client.isPeerTrusted
        writer.append("X-Forwarded-For: ")
        if isTrusted, head.fields.count(of: .xForwardedFor) == 1,
            let index = head.fields.first(.xForwardedFor)
        {
            writer.append(bytes.extracting(head.fields[index].value))
            writer.append(", ")
        }
        let peerStart = writer.count
        writer.appendAddress(context.peer)
        let peerEnd = writer.count
        writer.append("\r\nForwarded: ")
        if isTrusted, head.fields.count(of: .forwarded) == 1,
            let index = head.fields.first(.forwarded)
        {
            writer.append(bytes.extracting(head.fields[index].value))
            writer.append(", ")
        }
        writer.append("for=")
        if !context.peer.isIPv4 { writer.append("\"[") }
        writer.append(copyOf: peerStart..<peerEnd)
        if !context.peer.isIPv4 { writer.append("]\"") }
        writer.append(";host=\"")
        writer.append(bytes.extracting(head.authority))
        writer.append(context.transport.isSecure ? "\";proto=https\r\n" : "\";proto=http\r\n")
        appendKept(.xForwardedProto, "X-Forwarded-Proto: ", isTrusted, head, bytes, &writer) {
            $0.append(context.transport.isSecure ? "https" : "http")
        }
        appendKept(.xForwardedHost, "X-Forwarded-Host: ", isTrusted, head, bytes, &writer) {
            $0.append(bytes.extracting(head.authority))
        }
        writer.append("X-Real-IP: ")
        if context.client.address == context.peer {
            writer.append(copyOf: peerStart..<peerEnd)
        } else {
            writer.appendAddress(context.client.address)
        }
        writer.append("\r\n")
    }

    /// A field that a trusted peer may set, or else our own value for it.
    private static func appendKept(
        _ known: FieldName, _ label: StaticString, _ isTrusted: Bool,
        _ head: borrowing RequestHead, _ bytes: Span<UInt8>, _ writer: inout ByteWriter,
        own: (inout ByteWriter) -> Void
    ) {
        writer.append(label)
        if isTrusted, head.fields.count(of: known) == 1, let index = head.fields.first(known) {
            writer.append(bytes.extracting(head.fields[index].value))
        } else {
            own(&writer)
        }
        writer.append("\r\n")
    }
}
