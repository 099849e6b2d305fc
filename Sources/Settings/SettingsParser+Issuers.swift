import Authentication
import Crypto
import Primitives

/// An issuer's place in the list, kept even when its settings were refused.
struct NamedIssuer {
    var name: String
    var issuer: Issuer?
}

extension SettingsParser {
    /// Most audiences of one issuer.
    private static let limitAudiences = 64
    /// Most members on the way to a claim.
    private static let limitPath = 8

    /// The section `issuers`.
    func issuers(_ value: SettingValue) -> [NamedIssuer] {
        let entries = diagnostics.named(value, limit: IssuerSet.capacity)
        var seen: [String: String] = [:]
        return entries.map { entry in
            if entry.key == AccessReader.certificateName {
                diagnostics.error(
                    line: entry.line, column: entry.column,
                    "an issuer can't be named \(entry.key), which means the client's certificate in "
                        + "a route's auth")
            }
            let issuer = issuer(entry)
            if let issuer {
                if let other = seen[issuer.issuer] {
                    diagnostics.error(
                        entry.value, "\(entry.value.name) has the same issuer as issuers.\(other)")
                }
                seen[issuer.issuer] = entry.key
            }
            return NamedIssuer(name: entry.key, issuer: issuer)
        }
    }

    private func issuer(_ entry: SettingEntry) -> Issuer? {
        guard
            let section = Section(
                entry.value,
                known: [
                    "issuer", "audience", "algorithms", "token_type", "max_age", "clock_skew",
                    "claims", "jwks",
                ], later: ["sender_constraint", "replay", "introspection"],
                diagnostics: diagnostics)
        else { return nil }
        let name = section.required("issuer").flatMap { diagnostics.text($0) }
        let audiences = section.required("audience").map(audiences) ?? []
        let algorithms = section.optional("algorithms").map(algorithms)
        let type = section.optional("token_type").flatMap { value in
            diagnostics.choice(
                value, [("at+jwt", TokenType.accessToken), ("any", TokenType.any)])
        }
        let age = section.optional("max_age").flatMap {
            diagnostics.milliseconds($0, in: 1000...31_536_000_000)
        }
        let skew = section.milliseconds("clock_skew", in: 0...300_000, otherwise: 30_000)
        let claims = section.optional("claims").flatMap {
            Section($0, known: ["subject", "roles"], diagnostics: diagnostics)
        }
        let subject = claims?.optional("subject").flatMap(claimPath) ?? ["sub"]
        let roles = claims?.optional("roles").flatMap(claimPath) ?? ["roles"]
        let keys = section.required("jwks").flatMap(keySet)
        guard let name, let keys else { return nil }
        return Issuer(
            name: entry.key, issuer: name, audiences: audiences,
            algorithms: algorithms ?? [.ES256, .RS256, .PS256, .EdDSA],
            tokenType: type ?? .accessToken, maxAgeSeconds: age.map { Int64($0 / 1000) },
            clockSkewSeconds: Int64(skew / 1000), subjectPath: subject, rolesPath: roles,
            keys: keys)
    }

    private func audiences(_ value: SettingValue) -> [String] {
        diagnostics.list(value, limit: SettingsParser.limitAudiences).compactMap {
            diagnostics.text($0)
        }
    }

    private func algorithms(_ value: SettingValue) -> [SignatureAlgorithm] {
        let names = SignatureAlgorithm.allCases.map { ("\($0.name)", $0) } + [("Ed25519", .EdDSA)]
        var algorithms: [SignatureAlgorithm] = []
        for item in diagnostics.list(value, limit: names.count) {
            if let text = diagnostics.scalar(item), text.hasPrefix("HS") || text == "none" {
                diagnostics.error(
                    item, "\(item.name) is \(text): only signatures with a public key are accepted")
                continue
            }
            guard let algorithm = diagnostics.choice(item, names) else { continue }
            if !algorithms.contains(algorithm) { algorithms.append(algorithm) }
        }
        return algorithms
    }

    /// Member names joined by dots, or a list of them where a name itself holds a dot.
    private func claimPath(_ value: SettingValue) -> [String]? {
        let names: [String]
        if case .sequence = value.content {
            names = diagnostics.list(value, limit: SettingsParser.limitPath).compactMap {
                diagnostics.text($0, limitBytes: 255)
            }
        } else {
            guard let text = diagnostics.text(value) else { return nil }
            names = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        }
        guard !names.isEmpty, names.count <= SettingsParser.limitPath,
            names.allSatisfy({ !$0.isEmpty })
        else {
            diagnostics.error(
                value,
                "\(value.name) is \(value.kind), not 1 to \(SettingsParser.limitPath) names joined "
                    + "by dots")
            return nil
        }
        return names
    }

    private func keySet(_ value: SettingValue) -> JSONWebKeySet? {
        guard
            let section = Section(
                value, known: ["file"],
                later: ["url", "refresh", "refetch_on_unknown_kid", "stale_if_error"],
                diagnostics: diagnostics),
            let file = section.required("file"), let path = path(file),
            let content = content(of: path, for: file, limitBytes: JSONWebKeySet.mostBytes)
        else { return nil }
        do throws(KeySetError) {
            let keys = try JSONWebKeySet(json: content.bytes)
            for skipped in keys.skipped {
                diagnostics.warning(
                    file,
                    "\(file.name): key \(skipped.index) is not used: \(describe(skipped.why))")
            }
            guard !keys.keys.isEmpty else {
                diagnostics.error(file, "\(file.name): \(path.shortened) holds no usable key")
                return nil
            }
            return keys
        } catch {
            diagnostics.error(
                file, "\(file.name): \(path.shortened) is not a JWK set: \(describe(error))")
            return nil
        }
    }

    private func describe(_ error: KeySetError) -> String {
        switch error {
        case .malformed(let why): "malformed JSON (\(why))"
        case .keysMissing: "no array 'keys'"
        case .tooLarge(let limit): "larger than \(Units.sizeText(UInt64(limit)))"
        case .tooManyKeys(let limit): "more than \(limit) keys"
        case .cryptographyUnavailable: "OpenSSL could not be asked about the keys"
        }
    }

    private func describe(_ why: KeySkipReason) -> String {
        switch why {
        case .malformed: "malformed"
        case .typeUnknown: "its kty is not RSA, EC or OKP"
        case .curveUnknown: "its curve has no accepted algorithm"
        case .useOther: "its use is not sig"
        case .operationsOther: "its key_ops do not hold verify"
        case .algorithmUnsuitable: "its alg is not accepted, or not for such a key"
        case .numberMalformed: "a number is missing or not base64url"
        case .keyIDTooLong: "its kid is longer than \(JSONWebKeySet.mostKeyIDBytes) bytes"
        case .privateKeyPublished: "it holds private numbers: consider it lost"
        case .refused(let error): "\(error)"
        }
    }
}
