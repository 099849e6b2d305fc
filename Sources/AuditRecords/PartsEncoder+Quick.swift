import Primitives

// The way of nearly every record: all its text plain, all its names known, nothing cut. It writes
// what `appendCore`, `appendSubject` and `appendDetail` write, in one pass and with one check of
// the room; whatever it can't write is left to them.

extension PartsEncoder {
    /// Algorithms that `algorithmMember` names, and 0 for none.
    static let algorithmCount = 11
    /// Room for the numbers and the members that are not fragments, well above their sum.
    static let fixedBytes = 2048
    /// Most fragments in one record.
    static let fragmentCount = 14

    /// Appends the three parts, `gap` bytes before each; nil when it is not for here.
    mutating func encodeQuickly(
        _ facts: RecordFacts, _ fields: Span<UInt8>, _ gap: Int, _ writer: inout ByteWriter
    ) -> RecordParts? {
        guard facts.generation == current.generation, facts.kind != .authentication,
            locatePlain(fields)
        else { return nil }
        let start = writer.count &+ gap
        var subject = 0
        var detail = 0
        let room =
            fields.count &+ 3 &* gap &+ PartsEncoder.fixedBytes
            &+ PartsEncoder.fragmentCount &* (fragments.longest &+ PreparedWriter.slack)
        let isWritten = writer.prepare(room) { writer in
            writer.skip(gap)
            guard quickCore(facts, fields, &writer) else { return false }
            subject = writer.count
            writer.skip(gap)
            guard quickSubject(facts, fields, &writer) else { return false }
            detail = writer.count
            writer.skip(gap)
            return quickDetail(fields, &writer)
        }
        guard isWritten else { return nil }
        let end = writer.count
        let base = start &- gap
        return RecordParts(
            core: ByteRange(start: start, count: subject &- gap),
            subject: ByteRange(start: base &+ subject &+ gap, count: detail &- subject &- gap),
            detail: ByteRange(
                start: base &+ detail &+ gap, count: end &- base &- detail &- gap))
    }

    /// Finds the record's text; false when some of it is cut, or of a kind that few records have.
    private mutating func locatePlain(_ fields: Span<UInt8>) -> Bool {
        present = 0
        certificateNameCount = 0
        var reader = FieldReader()
        while let found = reader.next(in: fields) {
            guard found.fullCount == 0, found.field.isUsual else { return false }
            if found.field == .certificateName {
                guard certificateNameCount < RecordLimits.certificateNameCount else { continue }
                certificateNames[certificateNameCount].range = found.value
                certificateNameCount &+= 1
            } else {
                slots[Int(found.field.rawValue)].range = found.value
            }
            present |= PartsEncoder.bit(found.field)
        }
        return true
    }

    /// Where the name of this index stands among `count`, behind which that of none stands; nil
    /// when there is no such name.
    @inline(__always)
    private func place(_ index: UInt16, of count: Int) -> Int? {
        if index == RecordFacts.noIndex { return count }
        return Int(index) < count ? Int(index) : nil
    }

    /// Appends the value of a field that the record has; false when it is not plain.
    @inline(__always)
    func quickText(
        _ field: RecordField, _ fields: Span<UInt8>, _ writer: inout PreparedWriter
    ) -> Bool {
        writer.appendPlain(fields.extracting(slots[Int(field.rawValue)].range))
    }

    /// Appends the member that says `field`, if the record has it; false when it is not plain.
    @inline(__always)
    private func quickMember(
        _ name: StaticString, _ field: RecordField, _ fields: Span<UInt8>,
        _ writer: inout PreparedWriter
    ) -> Bool {
        guard has(field) else { return true }
        writer.append(name)
        guard quickText(field, fields, &writer) else { return false }
        writer.append("\",")
        return true
    }

    private func quickCore(
        _ facts: RecordFacts, _ fields: Span<UInt8>, _ writer: inout PreparedWriter
    ) -> Bool {
        let table = fragments
        let none = Int(RecordFacts.noIndex)
        let hasToken = hasToken(facts)
        if hasToken {
            // A principal that is a certificate's has no token.
            guard facts.scheme != .certificate else { return false }
            let algorithm = Int(facts.algorithm) < table.algorithms ? Int(facts.algorithm) : 0
            table.append(
                table.authentication, algorithm &* 2 &+ (facts.isCacheHit ? 1 : 0), to: &writer)
            let issuer = Int(facts.issuer)
            if issuer < table.issuers.count {
                table.append(table.issuers, issuer, to: &writer)
            } else if issuer != none {
                return false
            }
            if has(.keyID) {
                writer.append("\"kid\":\"")
                guard quickText(.keyID, fields, &writer) else { return false }
                writer.append("\",")
            }
        }
        table.append(
            table.boot, hasToken ? 1 : facts.scheme == .certificate ? 2 : 0, to: &writer)
        writer.appendCount(facts.bytesIn)
        writer.append(",\"out\":")
        writer.appendCount(facts.bytesOut)
        table.append(table.settings, 0, to: &writer)
        writer.appendCount(facts.connection)
        writer.append(UInt8(ascii: ","))
        if facts.errorSource != .none {
            writer.append("\"error\":{")
            if facts.errorPhase != .none { writer.append(facts.errorPhase.member) }
            writer.append(facts.errorSource.member)
        }
        let level = Int(facts.level) < table.levels.count ? Int(facts.level) : 0
        table.append(table.levels, level, to: &writer)
        let limit = Int(facts.limit)
        if limit < table.limits.count {
            table.append(table.limits, limit, to: &writer)
            writer.appendDecimal(UInt64(facts.limitRemaining))
            if facts.retryAfterSeconds != 0 {
                writer.append(",\"retry_after\":")
                writer.appendDecimal(UInt64(facts.retryAfterSeconds))
            }
            writer.append("},")
        } else if limit != none {
            return false
        }
        if facts.linkedSequence != 0 {
            writer.append("\"link\":")
            writer.appendCount(facts.linkedSequence)
            writer.append(UInt8(ascii: ","))
        }
        let listenerCount = table.listeners.count / Fragments.methods &- 1
        guard let listener = place(facts.listener, of: listenerCount),
            Int(facts.method) < Fragments.methods
        else { return false }
        table.append(
            table.listeners, listener &* Fragments.methods &+ Int(facts.method), to: &writer)
        writer.appendCount(facts.instant.nanoseconds / 1000)
        table.append(table.outcomes, Int(facts.outcome.rawValue), to: &writer)
        return quickCoreEnd(facts, fields, table, &writer)
    }

    private func quickCoreEnd(
        _ facts: RecordFacts, _ fields: Span<UInt8>, _ table: Fragments,
        _ writer: inout PreparedWriter
    ) -> Bool {
        if facts.rule != RecordFacts.noIndex {
            writer.append("\"policy\":{\"rule\":")
            writer.appendDecimal(UInt64(facts.rule))
            writer.append("},")
        }
        let version =
            facts.httpVersion == 11
            ? 2 : facts.httpVersion == 0 ? 0 : facts.httpVersion == 10 ? 1 : 3
        guard version < 3 || facts.httpVersion == 20 else { return false }
        table.append(table.protocols, version, to: &writer)
        if facts.reason != .none {
            writer.append("\"reason\":\"")
            writer.append(facts.reason.code)
            writer.append("\",")
        }
        if !facts.requestID.isZero {
            writer.append("\"request_id\":\"")
            writer.appendHex(facts.requestID)
            writer.append("\",")
        }
        guard let route = place(facts.route, of: table.routes.count &- 1) else { return false }
        table.append(table.routes, route, to: &writer)
        writer.appendCount(facts.sequence)
        if facts.spanID != 0 {
            writer.append(",\"span_id\":\"")
            writer.appendHex(facts.spanID)
            writer.append(UInt8(ascii: "\""))
        }
        if facts.status != 0 {
            writer.append(",\"status\":")
            writer.appendDecimal(UInt64(facts.status))
        }
        guard quickTLS(facts, fields, table, &writer) else { return false }
        if !facts.traceID.isZero {
            writer.append(",\"trace_id\":\"")
            writer.appendHex(facts.traceID)
            writer.append(UInt8(ascii: "\""))
        }
        writer.append(",\"ts\":")
        writer.appendCount(UInt64(clamping: facts.time.microseconds))
        guard quickUpstream(facts, table, &writer) else { return false }
        writer.append(",\"us\":{")
        if facts.connectMicroseconds != 0 {
            writer.append("\"connect\":")
            writer.appendDecimal(UInt64(facts.connectMicroseconds))
            writer.append(UInt8(ascii: ","))
        }
        writer.append("\"decision\":")
        writer.appendDecimal(UInt64(facts.decisionMicroseconds))
        if facts.firstByteMicroseconds != 0 {
            writer.append(",\"first_byte\":")
            writer.appendDecimal(UInt64(facts.firstByteMicroseconds))
        }
        writer.append(",\"head\":")
        writer.appendDecimal(UInt64(facts.headMicroseconds))
        writer.append(",\"total\":")
        writer.appendDecimal(UInt64(facts.totalMicroseconds))
        writer.append("},\"v\":1,\"worker\":")
        writer.appendDecimal(UInt64(facts.worker))
        writer.append(UInt8(ascii: "}"))
        return true
    }

    @inline(__always)
    private func quickUpstream(
        _ facts: RecordFacts, _ table: Fragments, _ writer: inout PreparedWriter
    ) -> Bool {
        guard facts.upstream != RecordFacts.noIndex else { return true }
        guard Int(facts.upstream) < table.upstreams.count else { return false }
        let upstream = table.upstreams[Int(facts.upstream)]
        guard let endpoint = place(facts.endpoint, of: upstream.count) else { return false }
        writer.append(",\"upstream\":{\"attempts\":")
        writer.appendDecimal(UInt64(facts.upstreamAttempts))
        writer.append(UInt8(ascii: ","))
        table.append(
            table.endpoints,
            (upstream.first &+ endpoint) &* 2 &+ (facts.isUpstreamReused ? 1 : 0), to: &writer)
        if facts.upstreamStatus != 0 {
            writer.append("\"status\":")
            writer.appendDecimal(UInt64(facts.upstreamStatus))
        } else {
            writer.dropLast()
        }
        writer.append(UInt8(ascii: "}"))
        return true
    }

    private func quickSubject(
        _ facts: RecordFacts, _ fields: Span<UInt8>, _ writer: inout PreparedWriter
    ) -> Bool {
        let start = writer.count
        writer.append(UInt8(ascii: "{"))
        guard quickMember("\"address_key\":\"", .addressKey, fields, &writer),
            quickCertificate(fields, &writer)
        else { return false }
        if has(.clientID) {
            writer.append("\"client_id\":\"")
            guard quickText(.clientID, fields, &writer) else { return false }
            writer.append("\",")
        }
        if facts.client != .unknown {
            writer.append("\"client_ip\":\"")
            writer.appendAddress(facts.client)
            writer.append("\",")
        }
        guard quickMember("\"client_ip\":\"", .clientPseudonym, fields, &writer),
            quickMember("\"ja4\":\"", .tlsFingerprint, fields, &writer),
            quickMember("\"jti\":\"", .tokenID, fields, &writer)
        else { return false }
        if facts.peer != .unknown {
            writer.append("\"peer_ip\":\"")
            writer.appendAddress(facts.peer)
            writer.append("\",")
            if facts.peer.port != 0 {
                writer.append("\"peer_port\":")
                writer.appendDecimal(UInt64(facts.peer.port))
                writer.append(UInt8(ascii: ","))
            }
        }
        guard quickMember("\"peer_ip\":\"", .peerPseudonym, fields, &writer) else {
            return false
        }
        let role = Int(facts.role)
        if role < fragments.roles.count {
            fragments.append(fragments.roles, role, to: &writer)
        } else if facts.role != RecordFacts.noIndex {
            return false
        }
        guard quickMember("\"sealed\":\"", .sealedSubject, fields, &writer),
            quickMember("\"sub\":\"", .subject, fields, &writer),
            quickMember("\"subject_key\":\"", .subjectKey, fields, &writer)
        else { return false }
        if has(.tokenThumbprint) {
            let bytes = fields.extracting(slots[Int(RecordField.tokenThumbprint.rawValue)].range)
            guard bytes.count == RecordLimits.thumbprintBytes else { return false }
            writer.append("\"token\":\"")
            writer.appendHex(bytes.bigEndian(at: 0, as: UInt64.self))
            writer.appendHex(bytes.bigEndian(at: 8, as: UInt64.self))
            writer.append("\",")
        }
        closeObject(from: start, &writer)
        return true
    }

    private func quickDetail(_ fields: Span<UInt8>, _ writer: inout PreparedWriter) -> Bool {
        let start = writer.count
        writer.append(UInt8(ascii: "{"))
        if has(.authority) {
            writer.append("\"authority\":\"")
            guard quickText(.authority, fields, &writer) else { return false }
            writer.append("\",")
        }
        if has(.path) {
            writer.append("\"path\":\"")
            guard quickText(.path, fields, &writer) else { return false }
            writer.append("\",")
        }
        if has(.queryKeys) {
            writer.append("\"query_keys\":\"")
            guard quickText(.queryKeys, fields, &writer) else { return false }
            writer.append("\",")
        }
        if has(.userAgent) {
            writer.append("\"user_agent\":\"")
            guard quickText(.userAgent, fields, &writer) else { return false }
            writer.append("\",")
        }
        closeObject(from: start, &writer)
        return true
    }

    /// Closes the object that began at `start`; a comma behind its last member is taken back.
    @inline(__always)
    private func closeObject(from start: Int, _ writer: inout PreparedWriter) {
        if writer.count > start &+ 1 { writer.dropLast() }
        writer.append(UInt8(ascii: "}"))
    }
}

extension PreparedWriter {
    /// Appends a count, held below 2^53.
    @inline(__always)
    mutating func appendCount(_ count: UInt64) {
        appendDecimal(min(count, UInt64(CanonicalValue.largestInteger)))
    }
}
