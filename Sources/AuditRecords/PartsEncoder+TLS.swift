import Primitives

// What a record says of the connection's TLS and of the client's certificate, in both ways of
// writing it. Every request of a connection says the same, so that a record stands for itself.

extension PartsEncoder {
    /// Appends `tls`; a failed handshake has it too, with what was known by then.
    func appendTLS(
        _ facts: RecordFacts, _ fields: Span<UInt8>, _ writer: inout ByteWriter
    ) {
        guard facts.tlsVersion != 0 || facts.kind == .authentication else { return }
        writer.append("\"tls\":{")
        appendCode("\"alert\":\"", UInt16(facts.tlsAlert), TLSNames.alert(facts.tlsAlert), &writer)
        if facts.tlsProtocol == 1 { writer.append("\"alpn\":\"http/1.1\",") }
        appendCode(
            "\"cipher\":\"", facts.tlsCipher,
            TLSNames.placeOfCipher(facts.tlsCipher).map { TLSNames.ciphers[$0] }, &writer)
        appendCode(
            "\"group\":\"", facts.tlsGroup,
            TLSNames.placeOfGroup(facts.tlsGroup).map { TLSNames.groups[$0] }, &writer)
        if facts.handshakeMicroseconds != 0 {
            writer.appendMember("\"handshake_us\":", UInt64(facts.handshakeMicroseconds))
        }
        if facts.tlsVersion != 0 {
            writer.append(facts.isTLSResumed ? "\"resumed\":true," : "\"resumed\":false,")
        }
        appendCode(
            "\"sig\":\"", facts.tlsSignature,
            TLSNames.placeOfSignature(facts.tlsSignature).map { TLSNames.signatures[$0] },
            &writer)
        appendText("\"sni\":\"", .serverName, fields, &writer)
        appendCode(
            "\"version\":\"", facts.tlsVersion,
            TLSNames.placeOfVersion(facts.tlsVersion).map { TLSNames.versions[$0] }, &writer)
        writer.closeObject("},")
    }

    /// Appends the member of a number that IANA has named; nothing for 0.
    private func appendCode(
        _ member: StaticString, _ code: UInt16, _ name: StaticString?, _ writer: inout ByteWriter
    ) {
        guard code != 0 else { return }
        writer.append(member)
        if let name {
            writer.append(name)
        } else {
            writer.append("0x")
            writer.appendHex(UInt64(code), digits: 4)
        }
        writer.append("\",")
    }

    /// Appends `cert`, what is known of the client's certificate.
    func appendCertificate(_ fields: Span<UInt8>, _ writer: inout ByteWriter) {
        guard present & PartsEncoder.certificateFields != 0 else { return }
        writer.append("\"cert\":{")
        appendList("\"names\":[", .certificateName, fields, &writer)
        appendOmitted("\"names_omitted\":", omitted.certificateNames, &writer)
        appendDigits("\"sha256\":\"", .certificateHash, fields, &writer)
        appendText("\"subject\":\"", .certificateSubject, fields, &writer)
        writer.closeObject("},")
    }

    static var certificateFields: UInt32 {
        bit(.certificateHash) | bit(.certificateName) | bit(.certificateSubject)
    }
}

extension PartsEncoder {
    /// Does what `appendTLS` does; false when a number has no name, or the text is not plain.
    @inline(__always)
    func quickTLS(
        _ facts: RecordFacts, _ fields: Span<UInt8>, _ table: Fragments,
        _ writer: inout PreparedWriter
    ) -> Bool {
        guard facts.tlsVersion != 0 else { return true }
        guard facts.tlsAlert == 0, facts.tlsProtocol < 2,
            let cipher = TLSNames.placeOfCipher(facts.tlsCipher),
            let group = TLSNames.placeOfGroup(facts.tlsGroup),
            let signature = TLSNames.placeOfSignature(facts.tlsSignature)
        else { return false }
        table.append(
            table.handshakes,
            Fragments.handshake(protocol: Int(facts.tlsProtocol), cipher: cipher, group: group),
            to: &writer)
        if facts.handshakeMicroseconds != 0 {
            writer.append("\"handshake_us\":")
            writer.appendDecimal(UInt64(facts.handshakeMicroseconds))
            writer.append(UInt8(ascii: ","))
        }
        table.append(
            table.signatures, signature &* 2 &+ (facts.isTLSResumed ? 1 : 0), to: &writer)
        if has(.serverName) {
            writer.append("\"sni\":\"")
            guard quickText(.serverName, fields, &writer) else { return false }
            writer.append("\",")
        }
        switch facts.tlsVersion {
        case 0x0304: writer.append("\"version\":\"1.3\"}")
        case 0x0303: writer.append("\"version\":\"1.2\"}")
        default: return false
        }
        return true
    }

    /// Does what `appendCertificate` does; false when a text is not plain.
    @inline(__always)
    func quickCertificate(_ fields: Span<UInt8>, _ writer: inout PreparedWriter) -> Bool {
        guard present & PartsEncoder.certificateFields != 0 else { return true }
        return quickCertificateMembers(fields, &writer)
    }

    private func quickCertificateMembers(
        _ fields: Span<UInt8>, _ writer: inout PreparedWriter
    ) -> Bool {
        writer.append("\"cert\":{")
        if certificateNameCount > 0 {
            writer.append("\"names\":[")
            for index in 0..<certificateNameCount {
                writer.append(UInt8(ascii: "\""))
                guard writer.appendPlain(fields.extracting(certificateNames[index].range)) else {
                    return false
                }
                writer.append("\",")
            }
            writer.dropLast()
            writer.append("],")
        }
        if has(.certificateHash) {
            let slot = slots[Int(RecordField.certificateHash.rawValue)]
            let bytes = fields.extracting(slot.range)
            guard bytes.count == Digest256.byteCount else { return false }
            writer.append("\"sha256\":\"")
            for offset in stride(from: 0, to: Digest256.byteCount, by: 8) {
                writer.appendHex(bytes.bigEndian(at: offset, as: UInt64.self))
            }
            writer.append("\",")
        }
        if has(.certificateSubject) {
            writer.append("\"subject\":\"")
            guard quickText(.certificateSubject, fields, &writer) else { return false }
            writer.append("\",")
        }
        writer.dropLast()
        writer.append("},")
        return true
    }
}
