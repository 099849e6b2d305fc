import Primitives

extension PartsEncoder {
    /// Part 1: who asked, and from where.
    func appendSubject(
        _ facts: RecordFacts, _ fields: Span<UInt8>, _ writer: inout ByteWriter
    ) {
        let names = names(of: facts)
        writer.append(UInt8(ascii: "{"))
        appendText("\"address_key\":\"", .addressKey, fields, &writer)
        appendCertificate(fields, &writer)
        appendText("\"client_id\":\"", .clientID, fields, &writer)
        if facts.client != .unknown {
            writer.append("\"client_ip\":\"")
            writer.appendAddress(facts.client)
            writer.append("\",")
        }
        appendText("\"client_ip\":\"", .clientPseudonym, fields, &writer)
        appendEscapedNames(PartsEncoder.subjectFields, &writer)
        appendText("\"ja4\":\"", .tlsFingerprint, fields, &writer)
        appendText("\"jti\":\"", .tokenID, fields, &writer)
        if facts.peer != .unknown {
            writer.append("\"peer_ip\":\"")
            writer.appendAddress(facts.peer)
            writer.append("\",")
            if facts.peer.port != 0 {
                writer.appendMember("\"peer_port\":", UInt64(facts.peer.port))
            }
        }
        appendText("\"peer_ip\":\"", .peerPseudonym, fields, &writer)
        appendRole(facts, names, &writer)
        appendText("\"sealed\":\"", .sealedSubject, fields, &writer)
        appendText("\"sub\":\"", .subject, fields, &writer)
        appendText("\"subject_key\":\"", .subjectKey, fields, &writer)
        appendDigits("\"token\":\"", .tokenThumbprint, fields, &writer)
        appendCuts(PartsEncoder.subjectFields, fields, &writer)
        writer.closeObject("}")
    }

    /// Part 2: what was asked for.
    func appendDetail(_ fields: Span<UInt8>, _ writer: inout ByteWriter) {
        writer.append(UInt8(ascii: "{"))
        appendText("\"authority\":\"", .authority, fields, &writer)
        appendEscapedNames(PartsEncoder.detailFields, &writer)
        appendList("\"headers\":[", .header, fields, &writer)
        appendOmitted("\"headers_omitted\":", omitted.requestHeaders, &writer)
        appendText("\"path\":\"", .path, fields, &writer)
        appendText("\"query\":\"", .query, fields, &writer)
        appendText("\"query_keys\":\"", .queryKeys, fields, &writer)
        appendBody("\"request_body\":{", .requestBody, text: .requestText, fields, &writer)
        appendBody("\"response_body\":{", .responseBody, text: .responseText, fields, &writer)
        appendList("\"response_headers\":[", .responseHeader, fields, &writer)
        appendOmitted("\"response_headers_omitted\":", omitted.responseHeaders, &writer)
        appendCuts(PartsEncoder.detailFields, fields, &writer)
        appendText("\"user_agent\":\"", .userAgent, fields, &writer)
        writer.closeObject("}")
    }

    // Which fields each part holds.
    static var coreFields: UInt32 { bit(.keyID) | bit(.method) | bit(.serverName) }
    static var subjectFields: UInt32 {
        bit(.certificateName) | bit(.certificateSubject) | bit(.clientID) | bit(.tlsFingerprint)
            | bit(.tokenID) | bit(.subject)
    }
    static var detailFields: UInt32 {
        bit(.authority) | bit(.header) | bit(.path) | bit(.query) | bit(.queryKeys)
            | bit(.requestText) | bit(.responseHeader) | bit(.responseText) | bit(.userAgent)
    }

    /// Appends how many values are left out, if any are.
    func appendOmitted(_ name: StaticString, _ count: UInt16, _ writer: inout ByteWriter) {
        if count != 0 { writer.appendMember(name, UInt64(count)) }
    }

    /// Appends `redactions`: which rule took something out of which member, if any did.
    @inline(__always)
    func appendRedactions(_ names: NameTable, _ writer: inout ByteWriter) {
        if !redactions.isEmpty { appendRedactionsRarely(names, &writer) }
    }

    private func appendRedactionsRarely(_ names: NameTable, _ writer: inout ByteWriter) {
        writer.append("\"redactions\":[")
        for field in RedactedField.allCases {
            var rules = redactions.rules(of: field)
            while rules != 0 {
                let rule = rules.trailingZeroBitCount
                rules &= rules &- 1
                writer.append(field.member)
                appendName(names.rules, UInt16(rule), "\"rule\":\"", names, &writer)
                writer.closeObject("},")
            }
        }
        writer.closeObject("],")
    }

    /// Appends the member that says `field`, if the record has it.
    @inline(__always)
    func appendText(
        _ name: StaticString, _ field: RecordField, _ fields: Span<UInt8>,
        _ writer: inout ByteWriter
    ) {
        guard has(field) else { return }
        let slot = slots[Int(field.rawValue)]
        writer.append(name)
        writer.appendRecordText(fields.extracting(slot.range), slot.text)
        writer.append("\",")
    }

    /// Appends the member that lists all values of `field`, if the record has it.
    @inline(__always)
    func appendList(
        _ name: StaticString, _ field: RecordField, _ fields: Span<UInt8>,
        _ writer: inout ByteWriter
    ) {
        guard has(field) else { return }
        writer.append(name)
        for index in 0..<count(of: field) {
            let slot = slot(field, index)
            writer.append(UInt8(ascii: "\""))
            writer.appendRecordText(fields.extracting(slot.range), slot.text)
            writer.append("\",")
        }
        writer.closeObject("],")
    }

    /// Appends the member that says a digest, if the record has it, in hexadecimal digits.
    func appendDigits(
        _ name: StaticString, _ field: RecordField, _ fields: Span<UInt8>,
        _ writer: inout ByteWriter
    ) {
        guard has(field) else { return }
        writer.append(name)
        let bytes = fields.extracting(slots[Int(field.rawValue)].range)
        for index in 0..<bytes.count { writer.appendHex(UInt64(bytes[index]), digits: 2) }
        writer.append("\",")
    }

    /// Appends the member of a name in `table`; a number that it lacks is written as `#number`.
    @inline(__always)
    func appendName(
        _ table: [ByteRange], _ index: UInt16, _ prefix: StaticString, _ names: NameTable,
        _ writer: inout ByteWriter
    ) {
        if Int(index) < table.count {
            names.append(table[Int(index)], to: &writer)
        } else if index != RecordFacts.noIndex {
            writer.append(prefix)
            writer.append(UInt8(ascii: "#"))
            writer.appendDecimal(magnitude: UInt64(index))
            writer.append("\",")
        }
    }

    private func appendRole(
        _ facts: RecordFacts, _ names: NameTable, _ writer: inout ByteWriter
    ) {
        if Int(facts.role) < names.roles.count {
            names.append(names.roles[Int(facts.role)], to: &writer)
        } else if facts.role != RecordFacts.noIndex {
            writer.append("\"roles\":[\"#")
            writer.appendDecimal(magnitude: UInt64(facts.role))
            writer.append("\"],")
        }
    }

    /// Appends `esc`: which of the part's values had to be changed, and so have `%` as `%25`.
    @inline(__always)
    func appendEscapedNames(_ part: UInt32, _ writer: inout ByteWriter) {
        if hostile & part != 0 { appendEscapedNamesRarely(part, &writer) }
    }

    /// Appends `trunc`: which of the part's values are cut, and what of.
    @inline(__always)
    func appendCuts(_ part: UInt32, _ fields: Span<UInt8>, _ writer: inout ByteWriter) {
        if cut & part != 0 { appendCutsRarely(part, fields, &writer) }
    }

    private func appendEscapedNamesRarely(_ part: UInt32, _ writer: inout ByteWriter) {
        writer.append("\"esc\":[")
        for field in PartsEncoder.byMember where hostile & part & PartsEncoder.bit(field) != 0 {
            for index in 0..<count(of: field) where slot(field, index).text == .hostile {
                appendPlace(field, index, &writer)
                writer.append(UInt8(ascii: ","))
            }
        }
        writer.closeObject("],")
    }

    private func appendCutsRarely(
        _ part: UInt32, _ fields: Span<UInt8>, _ writer: inout ByteWriter
    ) {
        writer.append("\"trunc\":{")
        for field in PartsEncoder.byMember where cut & part & PartsEncoder.bit(field) != 0 {
            for index in 0..<count(of: field) where slot(field, index).fullCount != 0 {
                appendPlace(field, index, &writer)
                appendCut(slot(field, index), fields, &writer)
            }
        }
        writer.closeObject("},")
    }

    private func appendCut(_ slot: Slot, _ fields: Span<UInt8>, _ writer: inout ByteWriter) {
        writer.appendMember(":{\"len\":", UInt64(slot.fullCount))
        writer.append("\"sha256\":\"")
        let start = slot.range.lower - Digest256.byteCount
        for index in start..<slot.range.lower { writer.appendHex(UInt64(fields[index]), digits: 2) }
        writer.append("\"},")
    }

    /// How often the record has `field`, which it does have.
    private func count(of field: RecordField) -> Int {
        switch field {
        case .header: headerCount
        case .responseHeader: responseHeaderCount
        case .certificateName: certificateNameCount
        default: 1
        }
    }

    private func slot(_ field: RecordField, _ index: Int) -> Slot {
        switch field {
        case .header: headers[index]
        case .responseHeader: responseHeaders[index]
        case .certificateName: certificateNames[index]
        default: slots[Int(field.rawValue)]
        }
    }

    /// Appends the place of the value, in quotes: its member, and its number in a list.
    private func appendPlace(
        _ field: RecordField, _ index: Int, _ writer: inout ByteWriter
    ) {
        writer.append(UInt8(ascii: "\""))
        writer.append(field.memberName)
        if field == .header || field == .responseHeader || field == .certificateName {
            writer.append(UInt8(ascii: "/"))
            writer.appendDecimal(magnitude: UInt64(index))
        }
        writer.append(UInt8(ascii: "\""))
    }

    /// Fields in the order of their members' names.
    private static let byMember: [RecordField] = [
        .authority, .certificateName, .certificateSubject, .clientID, .header, .tlsFingerprint,
        .tokenID, .keyID, .method, .path, .query, .queryKeys, .requestText, .responseText,
        .responseHeader, .subject, .serverName, .userAgent,
    ]
}

extension RecordField {
    /// Where in its part this field stands.
    fileprivate var memberName: StaticString {
        switch self {
        case .method: "method"
        case .authority: "authority"
        case .path: "path"
        case .queryKeys: "query_keys"
        case .userAgent: "user_agent"
        case .subject: "sub"
        case .clientID: "client_id"
        case .tokenID: "jti"
        case .tokenThumbprint: "token"
        case .keyID: "kid"
        case .header: "headers"
        case .serverName: "tls/sni"
        case .tlsFingerprint: "ja4"
        case .certificateHash: "cert/sha256"
        case .certificateSubject: "cert/subject"
        case .certificateName: "cert/names"
        case .clientPseudonym: "client_ip"
        case .peerPseudonym: "peer_ip"
        case .addressKey: "address_key"
        case .subjectKey: "subject_key"
        case .sealedSubject: "sealed"
        case .responseHeader: "response_headers"
        case .query: "query"
        case .requestText: "request_body/text"
        case .responseText: "response_body/text"
        case .requestBody: "request_body"
        case .responseBody: "response_body"
        case .redactions, .omitted: ""
        }
    }
}
