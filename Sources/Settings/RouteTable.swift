import Authentication
import Authorization
import Primitives
import RateLimiting
import Upstream

/// The routes of a settings file as an operator reads them: one row each, in their order.
public struct RouteTable: Sendable {
    /// One route.
    public struct Row: Sendable, Equatable {
        /// Its place, counted from 1.
        public var order: Int
        /// Its name.
        public var name: String
        /// The hosts it answers for, or `any`.
        public var host: String
        /// Its path pattern.
        public var path: String
        /// Its methods, or `any`.
        public var methods: [String]
        /// Names of its issuers, and `client_certificate` if it takes one; none at all when it lets
        /// everybody in.
        public var issuers: [String]
        /// The roles of each of its rules; none at all when whoever is authenticated may pass.
        public var rules: [[String]]
        /// The certificates that each of its rules demands, such as `dns *.example.com`; none
        /// where the rule demands none.
        public var certificates: [[String]]
        /// Names of its rate limits.
        public var limits: [String]
        /// The upstream's name, or `responds` and the status.
        public var target: String
    }

    /// The rows.
    public let rows: [Row]

    /// The table of `settings`.
    public init(_ settings: Settings) {
        let roleNames = settings.policy.roleNames
        let certificates = settings.policy.certificates
        rows = settings.policy.routes.enumerated().map { index, route in
            let target: String
            switch route.action {
            case .upstream(let number): target = settings.upstreams[number].name
            case .respond(let status, _, _): target = "responds \(status)"
            }
            return Row(
                order: index + 1, name: route.name, host: route.host?.description ?? "any",
                path: route.path.text, methods: route.methods.names,
                issuers: settings.issuerNames(of: route),
                rules: route.rules.map { rule in
                    roleNames.indices.filter { number in
                        var one = RoleSet()
                        one.insert(number)
                        return rule.roles.firstCommon(with: one) != nil
                    }.map { roleNames[$0] }
                },
                certificates: route.rules.map { rule in
                    certificates.indices.filter(rule.certificates.contains).map {
                        certificates[$0].description
                    }
                },
                limits: route.limits.map { settings.rateLimits[$0].name }, target: target)
        }
    }

    /// The table in columns, a heading first.
    public var lines: [String] {
        let heading = [
            "#", "name", "host", "path", "methods", "auth", "roles", "limits", "upstream",
        ]
        let cells =
            [heading]
            + rows.map { row in
                [
                    "\(row.order)", row.name, row.host, row.path,
                    row.methods.joined(separator: ","), row.authenticationText, row.rolesText,
                    row.limits.isEmpty ? "-" : row.limits.joined(separator: ","), row.target,
                ]
            }
        let widths = heading.indices.map { column in
            cells.map { $0[column].count }.max() ?? 0
        }
        return cells.map { row in
            var line = ""
            for (column, cell) in row.enumerated() {
                line += cell
                guard column < row.count - 1 else { break }
                line += String(repeating: " ", count: widths[column] - cell.count + 2)
            }
            return line
        }
    }
}

extension RouteTable.Row {
    /// `none`, or the issuers' names.
    var authenticationText: String {
        issuers.isEmpty ? "none" : issuers.joined(separator: ",")
    }

    /// `-` when everybody may pass, `any` for whoever is authenticated, or the roles and
    /// certificates.
    var rolesText: String {
        if issuers.isEmpty { return "-" }
        if rules.isEmpty { return "any" }
        return zip(rules, certificates).map { roles, certificates in
            [roles, certificates].filter { !$0.isEmpty }.map { $0.joined(separator: "|") }
                .joined(separator: " + ")
        }.joined(separator: " or ")
    }
}

extension Settings {
    /// Names of the issuers whose tokens `route` accepts, then `client_certificate` if it accepts
    /// one; none when it lets everybody in.
    func issuerNames(of route: Route) -> [String] {
        guard case .required(let set, let acceptsCertificate) = route.authentication else {
            return []
        }
        return authentication.issuers.indices.filter(set.contains).map {
            authentication.issuers[$0].name
        } + (acceptsCertificate ? [AccessReader.certificateName] : [])
    }
}

extension RateLimit {
    /// `100/s, burst 200, per subject`, for people.
    var text: String {
        let what =
            switch key {
            case .subject: "per subject"
            case .clientAddress: "per client address"
            case .route: "for the whole route"
            }
        return "\(rateText), burst \(burst), \(what)"
    }

    /// So many in the shortest unit of time that holds a whole number of them.
    private var rateText: String {
        let units: [(name: String, nanoseconds: UInt64)] = [
            ("s", 1_000_000_000), ("m", 60_000_000_000), ("h", 3_600_000_000_000),
            ("d", 86_400_000_000_000),
        ]
        // Emission times are rounded up to a nanosecond, which a count may be off by.
        for unit in units {
            let count = unit.nanoseconds / emissionNanoseconds
            if count > 0, (unit.nanoseconds + count - 1) / count == emissionNanoseconds {
                return "\(count)/\(unit.name)"
            }
        }
        return "1 per \(emissionNanoseconds)ns"
    }
}
