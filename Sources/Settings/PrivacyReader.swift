import AuditRecords
import Authorization

/// Reads `audit.privacy`: what records may hold, and what is taken out of them.
struct PrivacyReader {
    let diagnostics: Diagnostics
    /// Where rules name parameters of routes, which are known later.
    private var parameters: [(name: String, place: SettingValue)] = []

    /// Most places of one rule.
    private static let limitPlaces = 32
    /// Whole URLs, which would bring back what is left out of the path and the query.
    private static let addresses = [
        "content-location", "link", "location", "referer", "refresh", "x-original-uri",
        "x-original-url", "x-forwarded-uri", "x-rewrite-url",
    ]
    /// The client's address in other words.
    private static let clientAddresses = [
        "cf-connecting-ip", "client-ip", "fastly-client-ip", "forwarded", "true-client-ip",
        "x-client-ip", "x-cluster-client-ip", "x-forwarded", "x-forwarded-for",
        "x-original-forwarded-for", "x-real-ip",
    ]
    /// Words of a field name that speak of a credential.
    private static let secretWords = [
        "assertion", "auth", "authorization", "authentication", "cookie", "cookie2", "credential",
        "credentials", "csrf", "dpop", "jwt", "key", "keys", "otp", "passcode", "passphrase",
        "passwd", "password", "pin", "secret", "session", "sessionid", "sid", "signature", "ticket",
        "token", "tokens", "xsrf",
    ]
    private static let harmless = ["idempotency-key", "surrogate-key", "sec-websocket-key"]

    init(diagnostics: Diagnostics) {
        self.diagnostics = diagnostics
    }

    /// The keys of `audit.privacy` that are read here; the others are about the keyring.
    static let keys = ["query", "headers", "response_headers", "body", "redact"]

    /// Adds what the section `audit.privacy` says of what records hold.
    mutating func read(_ section: SettingValue, into settings: inout PrivacySettings) {
        let query = section.entry("query").flatMap {
            diagnostics.choice(
                $0, [("none", QueryPrivacy.none), ("keys", .keys), ("values", .values)])
        }
        settings.query = query ?? settings.query
        let isFull = settings.clientAddress == .full
        settings.requestHeaders =
            section.entry("headers").map { fields($0, isFull: isFull) } ?? []
        settings.responseHeaders =
            section.entry("response_headers").map { fields($0, isFull: isFull) } ?? []
        let limits = BodyFacts.textLimit
        let body = section.entry("body").flatMap {
            diagnostics.bytes($0, in: UInt64(limits.lowerBound)...UInt64(limits.upperBound))
        }
        settings.bodyBytes = body.map { Int($0) } ?? settings.bodyBytes
        if let redact = section.entry("redact") {
            for item in diagnostics.list(redact, limit: RedactionRule.limit) {
                if let rule = rule(item, settings.rules) { settings.rules.append(rule) }
            }
        }
    }

    /// Refuses a ring that the longest record does not fit.
    func checkRing(_ audit: AuditSettings?, _ routes: [Route], _ place: SettingValue?) {
        guard let audit, let place,
            routes.contains(where: {
                $0.auditLevel == AuditLevel.body.rawValue
            }) || audit.level == .body
        else { return }
        var limits = RecordLimits()
        limits.bodyBytes = audit.privacy.bodyBytes
        // A ring takes no record longer than a quarter of it.
        guard audit.ringBytes < limits.maximumBytes * 4 else { return }
        let body = Units.sizeText(UInt64(audit.privacy.bodyBytes))
        diagnostics.error(
            place,
            "audit.ring is \(Units.sizeText(UInt64(audit.ringBytes))), too small for records with "
                + "bodies of \(body)")
    }

    /// Refuses rules about parameters that no route has: they would take nothing out.
    func check(_ routes: [Route]) {
        let names = routes.flatMap(\.path.parameters)
        for (name, place) in parameters where !names.contains(name) {
            let meant = Suggestion.text(for: name, among: names)
            diagnostics.error(
                place, "\(place.name): no route has a parameter {\(name.shortened)}\(meant)")
        }
    }

    // MARK: - Fields

    private func fields(_ value: SettingValue, isFull: Bool) -> [String] {
        var names: [String] = []
        for item in diagnostics.list(value, limit: PrivacySettings.headerLimit) {
            guard let name = fieldName(item) else { continue }
            if name == "all" || name == "*" {
                diagnostics.error(item, "\(item.name): fields are chosen one by one, not all")
            } else if PrivacyReader.isSecret(name) {
                diagnostics.error(
                    item, "\(item.name): '\(name)' holds credentials, which are never recorded")
            } else if PrivacyReader.addresses.contains(name) {
                diagnostics.error(
                    item,
                    "\(item.name): '\(name)' holds whole URLs, with what is left out of paths and "
                        + "queries")
            } else if !isFull, PrivacyReader.clientAddresses.contains(name) {
                diagnostics.error(
                    item, "\(item.name): '\(name)' holds the address that client_ip does not show")
            } else if names.contains(name) {
                diagnostics.error(item, "\(item.name) names '\(name)' a second time")
            } else {
                names.append(name)
            }
        }
        return names
    }

    /// A field's name in lower case.
    private func fieldName(_ item: SettingValue) -> String? {
        guard let text = diagnostics.text(item, limitBytes: 64) else { return nil }
        guard text.utf8.allSatisfy(HeaderReader.isTokenByte) else {
            diagnostics.error(item, "\(item.name): '\(text.shortened)' is not a field name")
            return nil
        }
        return text.lowercased()
    }

    /// Whether a field of that name holds credentials.
    static func isSecret(_ name: String) -> Bool {
        guard !harmless.contains(name) else { return false }
        let words = name.split { $0 == "-" || $0 == "_" || $0 == "." }.map(String.init)
        return words.contains { word in
            secretWords.contains(word)
                || ["apikey", "secret", "token", "password", "cookie", "session"].contains {
                    word.hasSuffix($0)
                }
        }
    }

    // MARK: - Rules

    private mutating func rule(
        _ value: SettingValue, _ earlier: [RedactionRule]
    ) -> RedactionRule? {
        guard
            let section = Section(
                value, known: ["name", "action", "path", "query", "headers", "claims", "body"],
                diagnostics: diagnostics)
        else { return nil }
        guard let name = section.required("name").flatMap({ ruleName($0, earlier) }) else {
            return nil
        }
        var rule = RedactionRule(name: name)
        let action = section.optional("action").flatMap {
            diagnostics.choice($0, [("remove", RedactionAction.remove), ("mask", .mask)])
        }
        rule.action = action ?? rule.action
        if let path = section.optional("path") { readPath(path, &rule) }
        if let query = section.optional("query") {
            for item in list(query) {
                guard let text = diagnostics.text(item, limitBytes: 64) else { continue }
                rule.query.append(text)
            }
        }
        if let headers = section.optional("headers") {
            rule.headers = list(headers).compactMap(fieldName)
        }
        if let claims = section.optional("claims") {
            rule.claims = list(claims).compactMap {
                diagnostics.choice(
                    $0,
                    [
                        ("sub", RedactedField.subject), ("client_id", .clientID),
                        ("jti", .tokenID),
                    ])
            }
        }
        if let body = section.optional("body") {
            rule.body = list(body).compactMap(pointer)
            let count = earlier.reduce(rule.body.count) { $0 + $1.body.count }
            if count > RedactionRule.pointerLimit {
                diagnostics.error(
                    body,
                    "\(body.name): all rules have \(count) pointers, limit "
                        + "\(RedactionRule.pointerLimit)")
            }
        }
        let places = ["path", "query", "headers", "claims", "body"]
        if places.allSatisfy({ section.optional($0) == nil }) {
            diagnostics.error(
                value,
                "\(value.name) takes nothing out: it needs one of "
                    + places.joined(separator: ", "))
        }
        return rule
    }

    private func ruleName(_ value: SettingValue, _ earlier: [RedactionRule]) -> String? {
        guard let name = diagnostics.text(value, limitBytes: RedactionRule.nameBytes) else {
            return nil
        }
        guard Diagnostics.isName(name) else {
            diagnostics.error(value, "\(value.name) is \(value.kind): \(Diagnostics.nameRule)")
            return nil
        }
        if RecordNames.builtInRules.contains(name) {
            diagnostics.error(value, "\(value.name): '\(name)' is the name of a rule of Sallyport")
            return nil
        }
        if earlier.contains(where: { $0.name == name }) {
            diagnostics.error(value, "\(value.name) is the name of an earlier rule")
            return nil
        }
        return name
    }

    private mutating func readPath(_ value: SettingValue, _ rule: inout RedactionRule) {
        for item in list(value) {
            if case .scalar(let text, isQuoted: false) = item.content, Units.isNumber(text) {
                if let number = diagnostics.number(item, in: 1...PathPattern.limitSegments) {
                    rule.segments.append(number)
                }
            } else if let name = diagnostics.text(item, limitBytes: 128) {
                rule.parameters.append(name)
                parameters.append((name, item))
            }
        }
    }

    /// The steps of a JSON pointer (RFC 6901 §3).
    private func pointer(_ item: SettingValue) -> [String]? {
        guard let text = diagnostics.text(item, limitBytes: 1024) else { return nil }
        guard text.first == "/" else {
            diagnostics.error(
                item, "\(item.name) is \(item.kind), not a JSON pointer such as /card/number")
            return nil
        }
        let steps = text.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        var names: [String] = []
        for step in steps {
            let rest = step.replacing("~0", with: "").replacing("~1", with: "")
            guard !rest.contains("~"), step.utf8.count <= RedactionRule.stepBytes,
                names.count < 16
            else {
                diagnostics.error(
                    item,
                    "\(item.name) is \(item.kind): ~ begins ~0 or ~1, a step has "
                        + "\(RedactionRule.stepBytes) bytes at most and a pointer 16 steps")
                return nil
            }
            names.append(
                String(step).replacing("~1", with: "/").replacing("~0", with: "~"))
        }
        return names
    }

    private func list(_ value: SettingValue) -> [SettingValue] {
        diagnostics.list(value, limit: PrivacyReader.limitPlaces)
    }
}

extension PathPattern {
    /// Names of its `{parameters}`.
    var parameters: [String] {
        segments.compactMap { segment in
            if case .one(let name) = segment, !name.isEmpty { return name }
            return nil
        }
    }
}
