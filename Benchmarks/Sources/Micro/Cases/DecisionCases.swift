import Authentication
import Authorization
import HTTP
import Primitives
import RateLimiting

/// May they: a route found among many, and a limit taken from.
enum DecisionCases {
    static func run(_ harness: inout Harness) throws {
        for routes in [1, 100] {
            let policy = try policy(routes: routes)
            let host = Array("api.example.com".utf8)
            let path = Array("/v1/acme/service\(routes - 1)/orders/4711".utf8)
            let method = Array("GET".utf8)
            harness.measure("policy match, last of \(routes)") { count in
                for _ in 0..<count {
                    let match = policy.match(
                        host: host.span, path: path.span, method: .get, methodText: method.span)
                    precondition(match == .route(routes - 1))
                }
            }
            if routes == 1 {
                harness.measure("policy decision") { count in
                    for index in 0..<count {
                        // Another role each time, so that the answer cannot be computed once.
                        var roles = RoleSet()
                        roles.insert(index & 127)
                        let decision = policy.authorise(route: 0, roles: roles)
                        precondition(decision.isAllowed == (index & 127 == 1))
                    }
                }
            }
        }
        limits(&harness)
    }

    private static func policy(routes: Int) throws -> CompiledPolicy {
        let host = try HostPattern("api.example.com")
        let all = try (0..<routes).map { index in
            var route = Route(
                name: "route\(index)", path: try PathPattern("/v1/{tenant}/service\(index)/**"),
                authentication: .required(IssuerSet(bits: 1), acceptsCertificate: false),
                action: .upstream(0))
            route.host = host
            route.methods = MethodSet(.get, .head)
            var roles = RoleSet()
            roles.insert(1)
            route.rules = [AllowRule(roles: roles)]
            return route
        }
        return CompiledPolicy(routes: all, roleNames: ["admin", "reader"])
    }

    private static func limits(_ harness: inout Harness) {
        let table = LimitTable(slots: LimitTable.defaultSlots, secret: (1, 2))
        let rule = LimitRule(key: .subject, emissionNanoseconds: 1000, burst: 1_000_000)
        let subject = Array("alice@example.com".utf8)
        var nanoseconds: UInt64 = 1_000_000_000_000
        harness.measure("GCRA key of a subject") { count in
            // Another issuer each time: the same key would be made once for all.
            for index in 0..<count {
                let issuer = UInt16(truncatingIfNeeded: index)
                keep(table.key(limit: 0, subject: subject.span, issuer: issuer))
            }
        }
        let key = table.key(limit: 0, subject: subject.span, issuer: 0)
        harness.measure("GCRA take, one key") { count in
            for _ in 0..<count {
                nanoseconds += 2000
                let now = Instant(nanoseconds: nanoseconds)
                let decision = table.take(limit: rule, keyHash: key, now: now)
                precondition(decision.outcome == .allowed)
            }
        }
        let keys = (0..<65536).map { table.key(limit: 0, route: $0) }
        harness.measure("GCRA take, 65,536 keys") { count in
            for index in 0..<count {
                nanoseconds += 20
                let now = Instant(nanoseconds: nanoseconds)
                let decision = table.take(limit: rule, keyHash: keys[index & 65535], now: now)
                precondition(decision.outcome == .allowed)
            }
        }
    }
}
