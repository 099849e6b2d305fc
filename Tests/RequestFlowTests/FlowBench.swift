import AuditRecords
import Authentication
import Authorization
import Crypto
import HTTP
import Primitives
import RateLimiting
import RequestFlow
import Testing
import Upstream

/// A proxy's judgement without sockets: settings, and what one request becomes under them.
struct FlowBench: ~Copyable {
    let settings: ProxySettings
    /// Names of the redaction rules.
    let rules: [String]
    private let library: CryptoLibrary
    private var authenticator: Authenticator
    private var draft: RecordDraft
    private var head: RequestHead
    private var response: ResponseHead
    var facts = FlowBench.noFacts()
    /// The request judged last.
    private var bytes: [UInt8] = []
    /// What the connection's TLS says.
    var transport = TransportFacts()
    /// The name of the connection's certificate.
    var certificateName = ""

    /// A bench with these routes.
    static func make(
        routes: [Route], limits: [RateLimit] = [], trusted: [AddressRange] = [],
        issuers: [Issuer] = [], certificates: [CertificatePattern] = [],
        listener: ProxySettings.Listener? = nil, privacy: PrivacySettings = PrivacySettings(),
        level: AuditLevel = .metadata
    ) throws -> FlowBench {
        let library = try CryptoLibrary()
        let authentication = AuthenticationSettings(issuers: issuers, roleNames: ["admin"])
        let settings = ProxySettings(
            generation: SettingsGeneration(number: 1), authentication: authentication,
            policy: CompiledPolicy(
                routes: routes, roleNames: ["admin"], certificates: certificates),
            rateLimits: limits,
            limitTable: LimitTable(slots: 64, secret: (1, 2)),
            upstreams: [
                UpstreamSettings(
                    name: "orders", endpoints: [EndpointSettings(host: "127.0.0.1", port: 1)])
            ],
            connections: ConnectionLimits(),
            listeners: [listener ?? .init(name: "public", trustedProxies: trusted)],
            auditBoundMilliseconds: 1000, auditBoundRecords: 1000, viaName: Array("gate-1".utf8),
            privacy: privacy, auditLevel: level)
        let authenticator = try Authenticator(authentication, library: library)
        let hash = try SHA256(library)
        return FlowBench(
            settings: settings, rules: privacy.rules.map(\.name), library: library,
            authenticator: authenticator, hash: hash)
    }

    private init(
        settings: ProxySettings, rules: [String], library: consuming CryptoLibrary,
        authenticator: consuming Authenticator, hash: consuming SHA256
    ) {
        self.settings = settings
        self.rules = rules
        self.library = library
        self.authenticator = authenticator
        draft = RecordDraft(hash: hash, queryBytes: 16384, settings: settings)
        head = RequestHead(limits: HTTPLimits())
        response = ResponseHead(limits: HTTPLimits())
    }

    /// What is decided about the request in `text`, at second 0 from peer 10.0.0.9.
    mutating func judge(_ text: String) throws -> Admission {
        let bytes = Array(text.utf8)
        var scanned = 0
        let consumed = try head.parse(bytes.span, scanned: &scanned)
        #expect(consumed == bytes.count)
        self.bytes = bytes
        facts = FlowBench.noFacts()
        facts.sequence = 7
        facts.peer = FlowBench.peer
        facts.client = FlowBench.peer
        draft.removeAll()
        let subject = Array(certificateName.utf8)
        let admission = Admission.judge(
            head: head, bytes: bytes.span, settings: settings, authenticator: &authenticator,
            facts: &facts, record: &draft, transport: transport,
            certificateName: subject.span, now: Instant(nanoseconds: 1_000_000_000))
        facts.level = settings.auditLevel(of: admission.route).rawValue
        draft.append(
            head: head, bytes: bytes.span, settings: settings, route: admission.route)
        draft.finish()
        return admission
    }

    /// Records what may be recorded of the response in `text`.
    mutating func receive(_ text: String) throws {
        let bytes = Array(text.utf8)
        var scanned = 0
        _ = try response.parse(bytes.span, scanned: &scanned, requestMethod: .get)
        draft.removeAll()
        draft.append(response: response, bytes: bytes.span, settings: settings)
        draft.finish()
    }

    /// The request in `text` as the upstream would get it.
    mutating func rewrite(_ text: String, route: Int = 0) throws -> String {
        let admission = try judge(text)
        let bytes = Array(text.utf8)
        let client = ClientAddress(
            peer: FlowBench.peer, trustedProxies: settings.listeners[0].trustedProxies,
            head: head, bytes: bytes.span)
        let context = ForwardingContext(
            peer: FlowBench.peer, client: client,
            trace: TraceContext(traceID: Identifier128(high: 1, low: 2), spanID: 3, flags: 1),
            isTraceInherited: false, route: route, principal: admission.principal,
            transport: transport)
        var buffer = ByteBuffer(capacity: 20_000)
        let prefix = Array("log.boot.0.".utf8)
        let subject = Array(certificateName.utf8)
        buffer.write { writer in
            RequestRewrite.write(
                head: head, bytes: bytes.span, settings: settings, authenticator: authenticator,
                facts: facts, context: context, certificateName: subject.span,
                receiptPrefix: prefix.span, into: &writer)
        }
        return buffer.span.text()
    }

    /// The refusal or answer that `admission` calls for.
    mutating func answer(_ admission: Admission, isHead: Bool = false) -> String {
        var buffer = ByteBuffer(capacity: 20_000)
        let prefix = Array("log.boot.0.".utf8)
        let frame = LocalResponse.Frame(
            isHead: isHead, version: .http11, keepsAlive: true, now: WallTime(microseconds: 0))
        var facts = self.facts
        let settings = self.settings
        let bytes = self.bytes
        buffer.write { writer in
            LocalResponse.write(
                admission, head: head, bytes: bytes.span, facts: &facts, settings: settings,
                frame: frame, receiptPrefix: prefix.span, into: &writer)
        }
        return buffer.span.text()
    }

    /// The response in `text` as a client of `version` would get its head.
    mutating func relay(
        _ text: String, version: HTTPVersion = .http11, keepsAlive: Bool = true
    ) throws -> String {
        let bytes = Array(text.utf8)
        var scanned = 0
        _ = try response.parse(bytes.span, scanned: &scanned, requestMethod: .get)
        let framing = ResponseRewrite.framing(response.framing, clientVersion: version)
        var buffer = ByteBuffer(capacity: 20_000)
        let prefix = Array("log.boot.0.".utf8)
        buffer.write { writer in
            ResponseRewrite.write(
                head: response, bytes: bytes.span, framing: framing, facts: facts,
                clientVersion: version, acceptsTrailers: false, keepsAlive: keepsAlive,
                now: WallTime(microseconds: 784_111_777_000_000), settings: settings,
                receiptPrefix: prefix.span, into: &writer)
        }
        return buffer.span.text()
    }

    /// The interim response in `text` as a client would get it.
    mutating func relayInterim(_ text: String) throws -> String {
        let bytes = Array(text.utf8)
        var scanned = 0
        _ = try response.parse(bytes.span, scanned: &scanned, requestMethod: .get)
        var buffer = ByteBuffer(capacity: 20_000)
        buffer.write { writer in
            ResponseRewrite.writeInterim(
                head: response, bytes: bytes.span, facts: facts, settings: settings, into: &writer)
        }
        return buffer.span.text()
    }

    /// Facts of a request that came in by the only listener.
    private static func noFacts() -> RecordFacts {
        var facts = RecordFacts()
        facts.listener = 0
        return facts
    }

    static let peer = PeerAddress(ipv4: 0x0A00_0009, port: 4711)

    /// Records what was seen of a body.
    mutating func see(_ body: BodyFacts, isRequest: Bool, _ text: [UInt8], _ kind: BodyKind) {
        draft.removeAll()
        draft.append(
            body: body, isRequest: isRequest, text: text.span, kind: kind, settings: settings)
        draft.finish()
    }

    /// The record as it goes into the log.
    func record() -> (core: String, subject: String, detail: String) {
        var names = RecordNames()
        names.rules += rules
        var encoder = PartsEncoder(
            instance: InstanceFacts(logID: 1, boot: 2, name: ""), names: names,
            generation: facts.generation)
        var output = ByteBuffer(capacity: 65536)
        var reduced = facts
        settings.reduce(&reduced)
        let parts = output.write { encoder.encode(reduced, fields: draft.span, into: &$0) }
        return (
            output.span.extracting(parts.core).text(),
            output.span.extracting(parts.subject).text(),
            output.span.extracting(parts.detail).text()
        )
    }

    /// The fields of the record's text, such as the subject.
    func recorded(_ field: RecordField) -> String? {
        let text = draft.span
        var reader = FieldReader()
        while let found = reader.next(in: text) {
            if found.field == field { return text.extracting(found.value).text() }
        }
        return nil
    }
}
