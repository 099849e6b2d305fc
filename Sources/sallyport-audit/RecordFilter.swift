import AuditSegments
import Primitives

/// Which records are asked for: all that is said has to hold.
struct RecordFilter {
    var requestID: String?
    var subject: String?
    /// What a keyring says that records have in the subject's place; nil without one.
    var person: PersonMatch?
    /// The same for the one address of `client`: pseudonyms by their key.
    var clientPseudonyms: [String: String] = [:]
    /// Whether subjects that are sealed will be opened, and the record matched again.
    var passesSealed = false
    /// The lowest and highest status.
    var status: ClosedRange<Int64>?
    var outcome: String?
    var route: String?
    var traceID: String?
    var reason: String?
    var method: String?
    /// Addresses of clients, as the proxy took them for, or else of their peers.
    var client: ClientAddresses?
    var since: WallTime?
    var until: WallTime?
    /// SHA-256 of the client's certificate, or text of its subject or one of its names.
    var clientCertificate: String?
    /// A JA4 fingerprint, or its beginning.
    var fingerprint: String?
    /// The server name that the client asked for.
    var serverName: String?
    /// Bytes that one of the parts has to hold.
    var text: [UInt8]?

    /// Parses `404`, or `4xx`.
    static func status(_ text: String) throws(ToolError) -> ClosedRange<Int64> {
        let lower = text.lowercased()
        if lower.count == 3, lower.hasSuffix("xx"), let first = Int64(lower.prefix(1)),
            (1...9).contains(first)
        {
            return (first * 100)...(first * 100 + 99)
        }
        guard lower.utf8.count == 3, let number = Int64(lower), number >= 100 else {
            throw .statusMalformed(text)
        }
        return number...number
    }

    /// Whether `record` is asked for.
    func matches(_ record: LogRecord) -> Bool {
        let core = record.core
        if let requestID {
            // As it is printed, or as a UUID is.
            let wanted = requestID.lowercased().filter { $0 != "-" }
            guard core.string("request_id") == wanted else { return false }
        }
        if let person {
            guard person.matches(record.subject) else { return false }
        } else if let subject, record.subject.string("sub") != subject {
            return false
        }
        if let status {
            guard let found = core.integer("status"), status.contains(found) else { return false }
        }
        if let outcome, core.string("outcome") != outcome { return false }
        if let route, core.string("route") != route { return false }
        if let traceID, core.string("trace_id") != traceID.lowercased() { return false }
        if let reason, core.string("reason") != reason { return false }
        if let method, core.string("method") != method { return false }
        let isOpen = !passesSealed || record.subject.string("sealed") == nil
        guard !isOpen || matchesClient(record.subject) else { return false }
        guard matchesTLS(record, core, isOpen: isOpen) else { return false }
        if since != nil || until != nil {
            guard let time = record.time else { return false }
            if let since, time < since { return false }
            if let until, time >= until { return false }
        }
        if let text {
            return record.record.parts.contains { RecordFilter.holds($0.bytes, text) }
        }
        return true
    }

    /// Whether `record`, which matches and is now open as far as it can be, is asked for.
    func isMeant(_ record: LogRecord) -> Bool {
        guard passesSealed else { return true }
        var exact = self
        exact.passesSealed = false
        // It was found in what was sealed, or beside it.
        exact.text = nil
        return exact.matches(record)
    }

    private func matchesClient(_ subject: CanonicalObject) -> Bool {
        guard let client else { return true }
        guard let address = subject.string("client_ip") ?? subject.string("peer_ip") else {
            return false
        }
        if let key = subject.string("address_key"), let pseudonym = clientPseudonyms[key],
            pseudonym == address
        {
            return true
        }
        return client.contains(address)
    }

    private func matchesTLS(
        _ record: LogRecord, _ core: CanonicalObject, isOpen: Bool
    ) -> Bool {
        if let serverName {
            guard core.object("tls")?.string("sni")?.lowercased() == serverName.lowercased()
            else { return false }
        }
        guard isOpen else { return true }
        if let fingerprint {
            guard record.subject.string("ja4")?.hasPrefix(fingerprint) == true
            else { return false }
        }
        guard let clientCertificate else { return true }
        guard let certificate = record.subject.object("cert") else { return false }
        // As it is printed, or as OpenSSL prints it.
        let digest = clientCertificate.lowercased().filter { $0 != ":" }
        if certificate.string("sha256") == digest { return true }
        let texts = (certificate.strings("names") ?? []) + [certificate.string("subject") ?? ""]
        let wanted = Array(clientCertificate.utf8)
        return texts.contains { RecordFilter.holds(Array($0.utf8), wanted) }
    }

    private static func holds(_ bytes: [UInt8], _ text: [UInt8]) -> Bool {
        guard let first = text.first else { return true }
        let span = bytes.span
        var start = 0
        while let place = span.firstIndex(of: first, from: start) {
            guard text.count <= bytes.count - place else { return false }
            if bytes[place..<place + text.count].elementsEqual(text) { return true }
            start = place + 1
        }
        return false
    }
}

/// One address, or a block of them.
enum ClientAddresses: Equatable, Sendable {
    /// An address, or what stands in its place, as it is written.
    case text(String)
    case block(AddressRange)

    /// Parses `192.0.2.7`, `192.0.2.0/24`, their IPv6 kin, or takes a pseudonym as it is.
    init(_ text: String) {
        let pieces = text.split(separator: "/", omittingEmptySubsequences: false)
        let bytes = Array((pieces.first ?? "").utf8)
        guard let address = Identifier128(addressText: bytes.span) else {
            self = .text(text)
            return
        }
        let isFour = bytes.contains(UInt8(ascii: ".")) && !bytes.contains(UInt8(ascii: ":"))
        let most = isFour ? 32 : 128
        guard pieces.count > 1 else {
            self = .block(AddressRange(address: address, prefixBits: 128))
            return
        }
        guard pieces.count == 2, let bits = Int(pieces[1]), (0...most).contains(bits) else {
            self = .text(text)
            return
        }
        self = .block(AddressRange(address: address, prefixBits: bits + 128 - most))
    }

    /// The one address that is meant; nil for a block and for what is none.
    var address: Identifier128? {
        guard case .block(let range) = self, range.prefixBits == 128 else { return nil }
        return range.address
    }

    func contains(_ text: String) -> Bool {
        switch self {
        case .text(let wanted): return text == wanted
        case .block(let range):
            let bytes = Array(text.utf8)
            return Identifier128(addressText: bytes.span).map(range.contains) ?? false
        }
    }
}
