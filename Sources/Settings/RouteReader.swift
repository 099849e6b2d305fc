import AuditRecords
import Authentication
import Authorization
import HTTP
import Primitives
import RateLimiting

/// Reads the section `routes`, and remembers what the routes use.
struct RouteReader {
    let parser: SettingsParser
    let issuers: [String]
    let limits: [RateLimit]
    let upstreams: [String]
    /// What routes record that say nothing else.
    let auditLevel: AuditLevel
    /// Whom the routes let in.
    private(set) var access: AccessReader

    private var usedLimits: Set<Int> = []
    private var usedUpstreams: Set<Int> = []
    private var places: [(route: Route, value: SettingValue)] = []

    private static let known = [
        "name", "match", "auth", "allow", "rate_limit", "upstream", "respond", "request_headers",
        "audit",
    ]
    private static let later = [
        "response_headers", "rewrite", "redirect", "timeouts", "retries", "strip_prefix",
    ]
    /// Most rate limits of one route.
    private static let limitPerRoute = 16

    var diagnostics: Diagnostics { parser.diagnostics }

    init(
        parser: SettingsParser, issuers: [String], limits: [RateLimit], upstreams: [String],
        declaredRoles: [String]?, auditLevel: AuditLevel
    ) {
        self.parser = parser
        self.issuers = issuers
        self.limits = limits
        self.upstreams = upstreams
        self.auditLevel = auditLevel
        access = AccessReader(
            diagnostics: parser.diagnostics, issuers: issuers, declaredRoles: declaredRoles)
    }

    /// The section `routes`.
    mutating func routes(_ value: SettingValue) -> [Route] {
        guard case .sequence = value.content else {
            diagnostics.error(value, "routes must be a list, not \(value.kind)")
            return []
        }
        for item in diagnostics.list(value, limit: CompiledPolicy.limitRoutes) {
            guard let route = route(item) else { continue }
            check(route, item)
            places.append((route, item))
        }
        return places.map(\.route)
    }

    /// Warns of what no route uses.
    func warnUnused(_ file: Section) {
        guard file.optional("routes") != nil, diagnostics.errors.isEmpty else { return }
        warn(file.optional("issuers"), issuers, access.usedIssuers)
        warn(file.optional("rate_limits"), limits.map(\.name), usedLimits)
        warn(file.optional("upstreams"), upstreams, usedUpstreams)
    }

    private func warn(_ section: SettingValue?, _ names: [String], _ used: Set<Int>) {
        guard let section, case .mapping(let entries) = section.content else { return }
        for (index, name) in names.enumerated() where !used.contains(index) {
            guard let entry = entries.first(where: { $0.key == name }) else { continue }
            diagnostics.warning(entry.value, "\(entry.value.path) is used by no route")
        }
    }

    /// Names twice, and routes that are never reached.
    private func check(_ route: Route, _ value: SettingValue) {
        for (earlier, place) in places where earlier.name == route.name {
            diagnostics.error(
                value, "route '\(route.name)' has the name of the route in line \(place.line)")
            break
        }
        for (earlier, place) in places where earlier.shadows(route) {
            diagnostics.warning(
                value,
                "route '\(route.name)' is never reached: '\(earlier.name)' in line \(place.line) "
                    + "matches all that it does")
            break
        }
    }

    private mutating func route(_ value: SettingValue) -> Route? {
        guard
            let section = Section(
                value, known: RouteReader.known, later: RouteReader.later,
                diagnostics: diagnostics)
        else { return nil }
        let name = section.required("name").flatMap(routeName)
        let match = section.required("match").flatMap { self.match($0) }
        let authentication = section.required("auth").flatMap { access.authentication($0) }
        let rules = section.optional("allow").map { access.allow($0, authentication) } ?? []
        let limits =
            section.optional("rate_limit").map { self.rateLimits($0, authentication) } ?? []
        let action = self.action(section)
        let headers = section.optional("request_headers").map { value in
            HeaderReader(
                diagnostics: diagnostics, isOpen: authentication == RouteAuthentication.none
            )
            .rules(value)
        }
        if let headers = section.optional("request_headers"), section.optional("respond") != nil {
            diagnostics.error(
                headers, "\(headers.name) changes a forwarded request, but this route responds")
        }
        let audit = section.optional("audit").map { self.audit($0) }
        guard let name, let match, let authentication, let action else { return nil }
        var route = Route(
            name: name, path: match.path, authentication: authentication, action: action)
        route.host = match.host
        route.methods = match.methods
        route.rules = rules
        route.limits = limits
        route.requestHeaders = headers ?? HeaderRules()
        route.auditLevel = auditLevel.rawValue
        if let audit {
            route.auditLevel = audit.level.rawValue
            route.auditMode = audit.mode.rawValue
        }
        return route
    }

    private func routeName(_ value: SettingValue) -> String? {
        guard let text = diagnostics.text(value) else { return nil }
        guard Diagnostics.isName(text) else {
            diagnostics.error(
                value, "\(value.name) is \(value.kind): \(Diagnostics.nameRule)")
            return nil
        }
        return text
    }

    // MARK: - What it matches

    private struct Match {
        var host: HostPattern?
        var path: PathPattern
        var methods: MethodSet
    }

    private func match(_ value: SettingValue) -> Match? {
        guard
            let section = Section(
                value, known: ["host", "path", "methods"],
                later: ["headers", "query", "when", "listener"], diagnostics: diagnostics)
        else { return nil }
        let host = section.optional("host").flatMap { value in
            pattern(value, HostPattern.init)
        }
        let path = section.required("path").flatMap { value in
            pattern(value, PathPattern.init)
        }
        let methods = section.optional("methods").map { self.methods($0) } ?? .any
        guard let path else { return nil }
        return Match(host: host, path: path, methods: methods)
    }

    private func pattern<Pattern>(
        _ value: SettingValue, _ parse: (String) throws(PatternError) -> Pattern
    ) -> Pattern? {
        guard let text = diagnostics.text(value) else { return nil }
        do throws(PatternError) {
            return try parse(text)
        } catch {
            diagnostics.error(value, "\(value.name) is \(value.kind): \(error)")
            return nil
        }
    }

    private func methods(_ value: SettingValue) -> MethodSet {
        var set = MethodSet()
        for item in diagnostics.list(value, limit: 64) {
            guard let text = diagnostics.text(item, limitBytes: 64) else { continue }
            let bytes = Array(text.utf8)
            let method = HTTP.Method(bytes.span)
            guard text.utf8.allSatisfy(HeaderReader.isTokenByte) else {
                diagnostics.error(item, "\(item.name) is \(item.kind), not a method name")
                continue
            }
            if method == .connect || method == .trace {
                diagnostics.error(item, "\(item.name): \(text) is never forwarded")
                continue
            }
            if method == .other {
                let names = HTTP.Method.allCases.map { "\($0.name)" }
                if names.contains(text.uppercased()) {
                    diagnostics.error(
                        item,
                        "\(item.name) is '\(text)', did you mean '\(text.uppercased())'? The case "
                            + "of methods counts")
                    continue
                }
                if let meant = Suggestion.nearest(to: text, among: names) {
                    diagnostics.warning(
                        item, "\(item.name) is the unusual method \(text), did you mean \(meant)?")
                }
            }
            set.insert(method, text: text)
        }
        return set
    }

    private mutating func rateLimits(
        _ value: SettingValue, _ authentication: RouteAuthentication?
    ) -> [Int] {
        var numbers: [Int] = []
        for item in diagnostics.list(value, limit: RouteReader.limitPerRoute) {
            guard
                let index = diagnostics.reference(
                    item, to: "rate limit", among: limits.map(\.name))
            else { continue }
            usedLimits.insert(index)
            if numbers.contains(index) {
                diagnostics.error(item, "\(item.name) names '\(limits[index].name)' again")
            } else if limits[index].key == .subject, authentication == RouteAuthentication.none {
                diagnostics.error(
                    item,
                    "\(item.name): '\(limits[index].name)' counts by subject, but auth is none")
            } else {
                numbers.append(index)
            }
        }
        return numbers
    }

    // MARK: - What it does

    private mutating func action(_ section: Section) -> RouteAction? {
        let upstream = section.optional("upstream")
        let respond = section.optional("respond")
        switch (upstream, respond) {
        case (let upstream?, nil):
            guard
                let index = diagnostics.reference(upstream, to: "upstream", among: upstreams)
            else { return nil }
            usedUpstreams.insert(index)
            return .upstream(index)
        case (nil, let respond?):
            return response(respond)
        case (let upstream?, _?):
            diagnostics.error(
                upstream, "\(section.value.name) has both upstream and respond")
        case (nil, nil):
            diagnostics.error(
                section.value, "\(section.value.name) needs upstream or respond")
        }
        return nil
    }

    private func response(_ value: SettingValue) -> RouteAction? {
        guard
            let section = Section(
                value, known: ["status", "body", "content_type"], later: ["headers", "file"],
                diagnostics: diagnostics)
        else { return nil }
        let status = section.number("status", in: 200...599, otherwise: 200)
        let type = section.text("content_type", limitBytes: 255) ?? "text/plain; charset=utf-8"
        var body: [UInt8] = []
        if let value = section.optional("body") {
            guard case .scalar(let text, _) = value.content else {
                diagnostics.error(value, "\(value.name) must be text, not \(value.kind)")
                return nil
            }
            body = Array(text.utf8)
            if body.count > 16384 {
                diagnostics.error(value, "\(value.name) is \(body.count) bytes, limit 16384")
            }
            if status == 204 || status == 304, !body.isEmpty {
                diagnostics.error(value, "\(value.name): a response of \(status) has no body")
            }
        }
        return .respond(status: UInt16(status), body: body, contentType: type)
    }

    private func audit(_ value: SettingValue) -> (level: AuditLevel, mode: AuditMode) {
        guard let section = Section(value, known: ["mode", "level"], diagnostics: diagnostics)
        else { return (auditLevel, .bounded) }
        let level = section.optional("level").flatMap(parser.auditLevel)
        let mode = section.optional("mode").flatMap(parser.auditMode)
        return (level ?? auditLevel, mode ?? .bounded)
    }
}
