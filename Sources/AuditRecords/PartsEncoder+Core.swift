import Primitives

extension PartsEncoder {
    /// Part 0: what nobody needs withheld.
    func appendCore(
        _ facts: RecordFacts, _ fields: Span<UInt8>, _ writer: inout ByteWriter
    ) {
        let names = names(of: facts)
        writer.append(UInt8(ascii: "{"))
        appendAuthentication(facts, fields, names, &writer)
        writer.append(bootMember.span)
        writer.appendMember("\"bytes\":{\"in\":", facts.bytesIn)
        writer.appendMember("\"out\":", facts.bytesOut)
        writer.closeObject("},")
        names.append(names.settings, to: &writer)
        writer.appendMember("\"conn\":", facts.connection)
        if facts.errorSource != .none {
            writer.append("\"error\":{")
            if facts.errorPhase != .none {
                writer.append(facts.errorPhase.member)
            }
            writer.append(facts.errorSource.member)
        }
        appendEscapedNames(coreFields(of: facts), &writer)
        writer.append(instanceMember.span)
        if facts.kind != .authentication {
            writer.append((AuditLevel(rawValue: facts.level) ?? .none).member)
        }
        appendLimit(facts, names, &writer)
        if facts.linkedSequence != 0 { writer.appendMember("\"link\":", facts.linkedSequence) }
        appendName(names.listeners, facts.listener, "\"listener\":\"", names, &writer)
        appendMethod(facts, fields, &writer)
        writer.appendMember("\"mono\":", facts.instant.nanoseconds / 1000)
        writer.append(facts.outcome.member)
        if facts.rule != RecordFacts.noIndex {
            writer.appendMember("\"policy\":{\"rule\":", UInt64(facts.rule))
            writer.closeObject("},")
        }
        writer.append(protocolMember(facts.httpVersion))
        appendCoreEnd(facts, fields, names, &writer)
    }

    private func appendCoreEnd(
        _ facts: RecordFacts, _ fields: Span<UInt8>, _ names: NameTable,
        _ writer: inout ByteWriter
    ) {
        if facts.reason != .none {
            writer.append("\"reason\":\"")
            writer.append(facts.reason.code)
            writer.append("\",")
        }
        appendRedactions(names, &writer)
        if !facts.requestID.isZero {
            writer.append("\"request_id\":\"")
            writer.appendHex(facts.requestID)
            writer.append("\",")
        }
        appendName(names.routes, facts.route, "\"route\":\"", names, &writer)
        writer.appendMember("\"seq\":", facts.sequence)
        if facts.spanID != 0 {
            writer.append("\"span_id\":\"")
            writer.appendHex(facts.spanID, digits: 16)
            writer.append("\",")
        }
        if facts.status != 0 { writer.appendMember("\"status\":", UInt64(facts.status)) }
        appendTLS(facts, fields, &writer)
        if !facts.traceID.isZero {
            writer.append("\"trace_id\":\"")
            writer.appendHex(facts.traceID)
            writer.append("\",")
        }
        appendCuts(coreFields(of: facts), fields, &writer)
        writer.appendMember("\"ts\":", UInt64(clamping: facts.time.microseconds))
        appendUpstream(facts, names, &writer)
        if facts.kind != .authentication { appendDurations(facts, &writer) }
        writer.appendMember("\"v\":1,\"worker\":", UInt64(facts.worker))
        writer.closeObject("}")
    }

    /// The core's fields; the server name is one only where TLS is described.
    private func coreFields(of facts: RecordFacts) -> UInt32 {
        facts.tlsVersion != 0 || facts.kind == .authentication
            ? PartsEncoder.coreFields : PartsEncoder.coreFields & ~PartsEncoder.bit(.serverName)
    }

    /// Whether a token's issuer, key or algorithm is known.
    @inline(__always)
    func hasToken(_ facts: RecordFacts) -> Bool {
        facts.algorithm != 0 || facts.issuer != RecordFacts.noIndex || has(.keyID)
    }

    private func appendAuthentication(
        _ facts: RecordFacts, _ fields: Span<UInt8>, _ names: NameTable,
        _ writer: inout ByteWriter
    ) {
        let hasToken = hasToken(facts)
        let isCertificate = facts.scheme == .certificate
        guard hasToken || isCertificate else { return }
        writer.append("\"auth\":{")
        if hasToken {
            if let name = algorithmMember(facts.algorithm) { writer.append(name) }
            writer.append(facts.isCacheHit ? "\"cached\":true," : "\"cached\":false,")
            appendName(names.issuers, facts.issuer, "\"issuer\":\"", names, &writer)
            appendText("\"kid\":\"", .keyID, fields, &writer)
        }
        writer.append(
            isCertificate ? "\"scheme\":\"mtls\"}," : "\"scheme\":\"bearer\"},")
    }

    private func appendLimit(
        _ facts: RecordFacts, _ names: NameTable, _ writer: inout ByteWriter
    ) {
        guard facts.limit != RecordFacts.noIndex else { return }
        writer.append("\"limit\":{")
        appendName(names.limits, facts.limit, "\"name\":\"", names, &writer)
        writer.appendMember("\"remaining\":", UInt64(facts.limitRemaining))
        if facts.retryAfterSeconds != 0 {
            writer.appendMember("\"retry_after\":", UInt64(facts.retryAfterSeconds))
        }
        writer.closeObject("},")
    }

    private func appendMethod(
        _ facts: RecordFacts, _ fields: Span<UInt8>, _ writer: inout ByteWriter
    ) {
        if let member = methodMember(facts.method) {
            writer.append(member)
        } else {
            appendText("\"method\":\"", .method, fields, &writer)
        }
    }

    private func appendUpstream(
        _ facts: RecordFacts, _ names: NameTable, _ writer: inout ByteWriter
    ) {
        guard facts.upstream != RecordFacts.noIndex else { return }
        writer.appendMember("\"upstream\":{\"attempts\":", UInt64(facts.upstreamAttempts))
        let endpoint = names.endpoint(facts.endpoint, of: facts.upstream)
        if endpoint < names.endpoints.count {
            names.append(names.endpoints[endpoint], to: &writer)
        }
        appendName(names.upstreams, facts.upstream, "\"name\":\"", names, &writer)
        writer.append(facts.isUpstreamReused ? "\"reused\":true," : "\"reused\":false,")
        if facts.upstreamStatus != 0 {
            writer.appendMember("\"status\":", UInt64(facts.upstreamStatus))
        }
        writer.closeObject("},")
    }

    private func appendDurations(_ facts: RecordFacts, _ writer: inout ByteWriter) {
        writer.append("\"us\":{")
        if facts.connectMicroseconds != 0 {
            writer.appendMember("\"connect\":", UInt64(facts.connectMicroseconds))
        }
        writer.appendMember("\"decision\":", UInt64(facts.decisionMicroseconds))
        if facts.firstByteMicroseconds != 0 {
            writer.appendMember("\"first_byte\":", UInt64(facts.firstByteMicroseconds))
        }
        writer.appendMember("\"head\":", UInt64(facts.headMicroseconds))
        writer.appendMember("\"total\":", UInt64(facts.totalMicroseconds))
        writer.closeObject("},")
    }
}

extension Outcome {
    /// The word that records use.
    public var word: StaticString {
        switch self {
        case .allow: "allow"
        case .deny: "deny"
        case .throttle: "throttle"
        case .error: "error"
        }
    }

    var member: StaticString {
        switch self {
        case .allow: "\"outcome\":\"allow\","
        case .deny: "\"outcome\":\"deny\","
        case .throttle: "\"outcome\":\"throttle\","
        case .error: "\"outcome\":\"error\","
        }
    }
}

extension AuditLevel {
    var member: StaticString {
        switch self {
        case .none: "\"level\":\"none\","
        case .metadata: "\"level\":\"metadata\","
        case .headers: "\"level\":\"headers\","
        case .bodyHash: "\"level\":\"body_hash\","
        case .body: "\"level\":\"body\","
        }
    }
}

extension ErrorSource {
    var member: StaticString {
        switch self {
        case .none: "},"
        case .client: "\"source\":\"client\"},"
        case .proxy: "\"source\":\"proxy\"},"
        case .upstream: "\"source\":\"upstream\"},"
        }
    }
}

extension RequestPhase {
    var member: StaticString {
        switch self {
        case .none: ""
        case .handshake: "\"phase\":\"handshake\","
        case .head: "\"phase\":\"head\","
        case .authentication: "\"phase\":\"authentication\","
        case .authorization: "\"phase\":\"authorization\","
        case .limit: "\"phase\":\"limit\","
        case .connect: "\"phase\":\"connect\","
        case .requestBody: "\"phase\":\"request_body\","
        case .responseHead: "\"phase\":\"response_head\","
        case .responseBody: "\"phase\":\"response_body\","
        }
    }
}

/// `Crypto.SignatureAlgorithm`'s raw values; the targets meet in RequestFlow only.
func algorithmMember(_ algorithm: UInt8) -> StaticString? {
    switch algorithm {
    case 1: "\"alg\":\"RS256\","
    case 2: "\"alg\":\"RS384\","
    case 3: "\"alg\":\"RS512\","
    case 4: "\"alg\":\"PS256\","
    case 5: "\"alg\":\"PS384\","
    case 6: "\"alg\":\"PS512\","
    case 7: "\"alg\":\"ES256\","
    case 8: "\"alg\":\"ES384\","
    case 9: "\"alg\":\"ES512\","
    case 10: "\"alg\":\"EdDSA\","
    default: nil
    }
}

/// `HTTP.Method`'s raw values, none for 0; nil for one that has no name here.
func methodMember(_ method: UInt8) -> StaticString? {
    switch method {
    case 0: ""
    case 1: "\"method\":\"GET\","
    case 2: "\"method\":\"HEAD\","
    case 3: "\"method\":\"POST\","
    case 4: "\"method\":\"PUT\","
    case 5: "\"method\":\"DELETE\","
    case 6: "\"method\":\"PATCH\","
    case 7: "\"method\":\"OPTIONS\","
    case 8: "\"method\":\"TRACE\","
    case 9: "\"method\":\"CONNECT\","
    default: nil
    }
}

func protocolMember(_ version: UInt8) -> StaticString {
    switch version {
    case 0: ""
    case 10: "\"protocol\":\"HTTP/1.0\","
    case 20: "\"protocol\":\"HTTP/2\","
    default: "\"protocol\":\"HTTP/1.1\","
    }
}
