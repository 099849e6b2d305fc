import AuditRecords
import Authentication
import Authorization
import Crypto
import HTTP
import Primitives
import RateLimiting
import Upstream

extension Settings {
    /// Reads the settings file at `path`.
    ///
    /// - Throws: Every error of the file at once.
    public static func load(
        path: String, generation: SettingsGeneration = SettingsGeneration(number: 1),
        files: SettingsFiles = .system
    ) throws(SettingsError) -> Settings {
        switch files.read(path, YAMLFile.limitBytes) {
        case .success(let content):
            return try parse(content.bytes, name: path, generation: generation, files: files)
        case .failure(let failure):
            let diagnostics = Diagnostics(file: path)
            switch failure {
            case .unreadable(let why):
                diagnostics.error(line: 1, column: 1, "the file cannot be read: \(why)")
            case .tooLarge(let limit):
                let text = Units.sizeText(UInt64(limit))
                diagnostics.error(line: 1, column: 1, "the file is larger than \(text)")
            }
            throw diagnostics.failure() ?? SettingsError(errors: [], warnings: [])
        }
    }

    /// Checks the text of a settings file, which messages call `name`.
    ///
    /// - Throws: Every error of the file at once.
    public static func parse(
        _ bytes: [UInt8], name: String,
        generation: SettingsGeneration = SettingsGeneration(number: 1),
        files: SettingsFiles = .system
    ) throws(SettingsError) -> Settings {
        let diagnostics = Diagnostics(file: name)
        let settings: Settings?
        if let root = YAMLFile.read(bytes, diagnostics: diagnostics) {
            let parser = SettingsParser(
                diagnostics: diagnostics, files: files, generation: generation)
            settings = parser.parse(root, digest: digest(of: bytes, diagnostics: diagnostics))
        } else {
            settings = nil
        }
        if let failure = diagnostics.failure() { throw failure }
        guard var settings else { throw SettingsError(errors: [], warnings: []) }
        settings.warnings = Diagnostics.sorted(diagnostics.warnings)
        return settings
    }

    private static func digest(of bytes: [UInt8], diagnostics: Diagnostics) -> Digest256 {
        do {
            let library = try CryptoLibrary()
            var hash = try SHA256(library)
            return hash.digest(bytes.span)
        } catch {
            diagnostics.error(line: 1, column: 1, "OpenSSL offers no SHA-256")
            return .zero
        }
    }
}

/// Turns the values of a file into settings, one section per file of this target.
struct SettingsParser {
    let diagnostics: Diagnostics
    let files: SettingsFiles
    let generation: SettingsGeneration

    /// The version of the settings' language.
    private static let version = 1
    private static let known = [
        "version", "workers", "listeners", "realm", "issuers", "roles", "rate_limits",
        "upstreams", "routes", "audit", "limits", "metrics",
        "admin",
    ]
    private static let later = ["policies"]

    func parse(_ root: SettingValue, digest: Digest256) -> Settings? {
        guard
            let file = Section(
                root, known: SettingsParser.known, later: SettingsParser.later,
                diagnostics: diagnostics)
        else { return nil }
        readVersion(file)
        let listeners = file.required("listeners").map(listeners) ?? []
        let issuers = file.optional("issuers").map(issuers) ?? []
        let limits = file.optional("rate_limits").map(rateLimits) ?? []
        let upstreams = file.optional("upstreams").map(upstreams) ?? []
        let roles = file.optional("roles").map(roles)
        let bounds = connectionLimits(file.optional("limits"))
        var audit = file.required("audit").flatMap(audit)
        var privacy = PrivacyReader(diagnostics: diagnostics)
        if let section = file.optional("audit")?.entry("privacy") {
            var settings = audit?.privacy ?? PrivacySettings()
            privacy.read(section, into: &settings)
            audit?.privacy = settings
        }
        let monitoring = file.optional("metrics").flatMap {
            monitoringSettings($0, listeners: listeners)
        }
        let admin = file.optional("admin").flatMap(adminSettings)
        var reader = RouteReader(
            parser: self, issuers: issuers.map(\.name), limits: limits,
            upstreams: upstreams.map(\.settings.name), declaredRoles: roles,
            auditMode: audit?.mode ?? .bounded, auditLevel: audit?.level ?? .metadata)
        let routes = file.required("routes").map { reader.routes($0) } ?? []
        reader.warnUnused(file)
        checkCertificates(listeners, reader.access)
        warnExposed(listeners, routes)
        privacy.check(routes)
        privacy.checkRing(audit, routes, file.optional("audit"))
        guard let audit else { return nil }
        var token = TokenLimits()
        token.tokenBytes = bounds.tokenBytes
        // An issuer that was refused keeps its place, so that routes' numbers stay right; the
        // refusal is reported, so such settings are never used.
        let authentication = AuthenticationSettings(
            issuers: issuers.compactMap(\.issuer), roleNames: reader.access.roleNames,
            limits: token,
            generation: generation, realm: file.text("realm", limitBytes: 128) ?? "sallyport")
        let workers = file.optional("workers").flatMap(workers)
        guard diagnostics.errors.isEmpty else { return nil }
        return Settings(
            listeners: listeners.map(\.settings), authentication: authentication,
            policy: CompiledPolicy(
                routes: routes, roleNames: reader.access.roleNames,
                certificates: reader.access.certificates),
            rateLimits: limits, upstreams: upstreams.map(\.settings),
            upstreamTLS: upstreams.map(\.tls), audit: audit, monitoring: monitoring,
            connections: bounds.connections, admin: admin, workers: workers,
            limitTableSlots: bounds.limitTableSlots, digest: digest, warnings: [])
    }

    private func readVersion(_ file: Section) {
        guard let value = file.required("version") else { return }
        guard case .scalar(let text, _) = value.content, text == "\(SettingsParser.version)" else {
            diagnostics.error(
                value, "version is \(value.kind), this program reads version 1")
            return
        }
    }

    private func workers(_ value: SettingValue) -> Int? {
        if case .scalar("auto", _) = value.content { return nil }
        return diagnostics.number(value, in: 1...512)
    }

    private func roles(_ value: SettingValue) -> [String] {
        diagnostics.list(value, limit: RoleSet.capacity).compactMap { item in
            diagnostics.text(item, limitBytes: 255)
        }
    }
}
