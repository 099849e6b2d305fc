import Authorization

/// Reads `request_headers`: fields that a route sets or removes.
struct HeaderReader {
    let diagnostics: Diagnostics
    /// Whether the route knows nobody, so that there is no identity to write.
    let isOpen: Bool

    /// Most fields of one route, and longest value.
    private static let limitFields = 64
    private static let limitValueBytes = 1024
    /// What the proxy itself answers for; a route that changed these could desynchronise peers.
    private static let reserved = [
        "host", "content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer",
        "upgrade", "proxy-connection", "expect", "date", "via", "forwarded", "x-forwarded-for",
        "x-forwarded-host", "x-forwarded-proto", "x-forwarded-port", "x-real-ip", "x-request-id",
        "traceparent", "tracestate",
    ]
    private static let variables: [(name: String, variable: HeaderVariable, isIdentity: Bool)] = [
        ("identity.subject", .subject, true), ("identity.client_id", .clientID, true),
        ("identity.issuer", .issuer, true),
        ("identity.certificate.sha256", .certificateDigest, true),
        ("identity.certificate.name", .certificateName, true),
        ("request.id", .requestID, false),
        ("route.name", .route, false),
    ]
    private static let laterVariables = ["identity.claims", "request.", "client."]

    /// The section `request_headers`.
    func rules(_ value: SettingValue) -> HeaderRules {
        var rules = HeaderRules()
        guard
            let section = Section(
                value, known: ["set", "remove"], later: ["add"], diagnostics: diagnostics)
        else { return rules }
        if let set = section.optional("set") { rules.set = settings(set) }
        if let remove = section.optional("remove") {
            for item in diagnostics.list(remove, limit: HeaderReader.limitFields) {
                guard let name = diagnostics.text(item, limitBytes: 128),
                    isUsable(name, line: item.line, column: item.column, place: item.name)
                else { continue }
                rules.remove.append(name)
            }
        }
        return rules
    }

    private func settings(_ value: SettingValue) -> [HeaderSetting] {
        guard case .mapping(let entries) = value.content else {
            diagnostics.error(value, "\(value.name) must be a mapping, not \(value.kind)")
            return []
        }
        guard entries.count <= HeaderReader.limitFields else {
            diagnostics.error(
                value,
                "\(value.name) has \(entries.count) entries, limit \(HeaderReader.limitFields)")
            return []
        }
        var settings: [HeaderSetting] = []
        for entry in entries {
            guard
                isUsable(entry.key, line: entry.line, column: entry.column, place: value.name),
                let pieces = pieces(entry.value)
            else { continue }
            if settings.contains(where: { $0.name.lowercased() == entry.key.lowercased() }) {
                diagnostics.error(
                    line: entry.line, column: entry.column,
                    "\(value.name) sets '\(entry.key)' twice; letter case makes no difference")
                continue
            }
            settings.append(HeaderSetting(name: entry.key, pieces: pieces))
        }
        return settings
    }

    private func isUsable(_ name: String, line: Int, column: Int, place: String) -> Bool {
        guard !name.isEmpty, name.utf8.count <= 128, name.utf8.allSatisfy(HeaderReader.isTokenByte)
        else {
            diagnostics.error(
                line: line, column: column, "\(place): '\(name.shortened)' is not a field name")
            return false
        }
        guard !HeaderReader.reserved.contains(name.lowercased()) else {
            diagnostics.error(
                line: line, column: column,
                "\(place): '\(name)' is written by the proxy itself and cannot be changed")
            return false
        }
        return true
    }

    /// The pieces of a value: text, `${variable}`, and `$$` for a dollar sign.
    private func pieces(_ value: SettingValue) -> [HeaderPiece]? {
        guard
            let text = diagnostics.text(value, limitBytes: HeaderReader.limitValueBytes)
        else { return nil }
        var pieces: [HeaderPiece] = []
        var literal: [UInt8] = []
        var rest = text[...]
        while let character = rest.first {
            guard character == "$" else {
                literal += character.utf8
                rest = rest.dropFirst()
                continue
            }
            rest = rest.dropFirst()
            if rest.first == "$" {
                literal.append(UInt8(ascii: "$"))
                rest = rest.dropFirst()
                continue
            }
            guard rest.first == "{", let end = rest.firstIndex(of: "}") else {
                diagnostics.error(
                    value, "\(value.name): '$' begins ${name}, and '$$' is a dollar sign")
                return nil
            }
            let name = String(rest[rest.index(after: rest.startIndex)..<end])
            guard let variable = variable(name, value) else { return nil }
            if !literal.isEmpty { pieces.append(.literal(literal)) }
            literal = []
            pieces.append(.variable(variable))
            rest = rest[rest.index(after: end)...]
        }
        if !literal.isEmpty { pieces.append(.literal(literal)) }
        return pieces
    }

    private func variable(_ name: String, _ value: SettingValue) -> HeaderVariable? {
        let names = HeaderReader.variables.map(\.name)
        guard let found = HeaderReader.variables.first(where: { $0.name == name }) else {
            if let meant = Suggestion.nearest(to: name, among: names) {
                diagnostics.error(
                    value,
                    "\(value.name): unknown ${\(name.shortened)}, did you mean '\(meant)'?")
            } else if HeaderReader.laterVariables.contains(where: name.hasPrefix) {
                diagnostics.error(
                    value, "\(value.name): ${\(name.shortened)} is not supported in this version")
            } else {
                let list = names.joined(separator: ", ")
                diagnostics.error(
                    value, "\(value.name): unknown ${\(name.shortened)}, one of \(list)")
            }
            return nil
        }
        if found.isIdentity, isOpen {
            diagnostics.error(value, "\(value.name): ${\(name)} is nobody, because auth is none")
            return nil
        }
        return found.variable
    }

    /// `tchar` of RFC 9110 §5.6.2.
    static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default:
            Array("!#$%&'*+-.^_`|~".utf8).contains(byte)
        }
    }
}
