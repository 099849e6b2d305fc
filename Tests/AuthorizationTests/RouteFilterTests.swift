import Authorization
import HTTP
import Primitives
import Testing

/// The filter and the flat tables against a matcher that is written to be obvious.
@Suite struct RouteFilterTests {
    /// xorshift64*, so that a seed reproduces a run.
    private struct Random {
        var state: UInt64

        mutating func next(_ bound: Int) -> Int {
            state ^= state >> 12
            state ^= state << 25
            state ^= state >> 27
            return Int((state &* 0x2545_F491_4F6C_DD1D) >> 33) % bound
        }

        mutating func pick(_ choices: [String]) -> String { choices[next(choices.count)] }
    }

    private static let words = [
        "a", "b", "ab", "v1", "orders", "service1", "service2", "service10", "service-long-name-1",
        "service-long-name-2", "x", "%C3%A4", "longer-than-eight", "longer-then-eight",
    ]

    private func plainMatch(_ pattern: PathPattern, _ path: String) -> Bool {
        let parts = path.utf8.dropFirst().split(
            separator: UInt8(ascii: "/"), omittingEmptySubsequences: false
        ).map(Array.init)
        for (index, segment) in pattern.segments.enumerated() {
            switch segment {
            case .rest:
                return true
            case .one:
                guard index < parts.count, !parts[index].isEmpty else { return false }
            case .literal(let bytes):
                guard index < parts.count, parts[index] == bytes else { return false }
            }
        }
        return parts.count == pattern.segments.count
    }

    private func plainMatch(_ pattern: HostPattern, _ host: String) -> Bool {
        let name = host.lowercased().split(separator: ":")[0]
        guard pattern.isWildcard else { return name == pattern.text }
        return name.hasSuffix(pattern.text) && name.count > pattern.text.count
    }

    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64])
    func `filtered matching agrees with plain matching`(seed: UInt64) throws {
        var random = Random(state: seed &* 0x9E37_79B9_7F4A_7C15)
        for _ in 0..<200 {
            var routes: [Route] = []
            for index in 0..<12 {
                var text = ""
                for _ in 0..<random.next(6) + 1 {
                    text += "/" + (random.next(3) == 0 ? "*" : random.pick(Self.words))
                }
                text += random.pick(["", "", "/", "/**"])
                var route = Route(
                    name: "r\(index)", path: try PathPattern(text), authentication: .none,
                    action: .upstream(0))
                let host = random.pick(["", "", "a.org", "*.a.org", "b.a.org", "long.name.a.org"])
                if !host.isEmpty { route.host = try HostPattern(host) }
                routes.append(route)
            }
            let policy = CompiledPolicy(routes: routes, roleNames: [])
            for _ in 0..<50 {
                var path = ""
                for _ in 0..<random.next(6) + 1 { path += "/" + random.pick(Self.words) }
                path += random.pick(["", "", "/"])
                let host = random.pick(["a.org", "B.A.ORG:80", "Long.Name.a.org", "c.org:1"])
                let expected = routes.firstIndex { route in
                    plainMatch(route.path, path)
                        && (route.host.map { plainMatch($0, host) } ?? true)
                }
                let hostBytes = Array(host.utf8)
                let pathBytes = Array(path.utf8)
                let method: [UInt8] = Array("GET".utf8)
                let match = policy.match(
                    host: hostBytes.span, path: pathBytes.span, method: .get,
                    methodText: method.span)
                #expect(match == expected.map { .route($0) } ?? .noRoute, "\(host)\(path)")
            }
        }
    }

    @Test func `folding letter case changes letters only`() throws {
        // Every pair of byte values, at every place of an eight-byte word.
        for value in UInt8.min...UInt8.max {
            let name = [UInt8](repeating: UInt8(ascii: "x"), count: 7) + [value]
            var route = Route(
                name: "r", path: try PathPattern("/"), authentication: .none, action: .upstream(0))
            guard let text = String(validating: name, as: UTF8.self) else { continue }
            route.requestHeaders.remove = [text]
            let policy = CompiledPolicy(routes: [route], roleNames: [])
            for other in UInt8.min...UInt8.max {
                let bytes = [UInt8](repeating: UInt8(ascii: "X"), count: 7) + [other]
                let drops = policy.drops(bytes.span, on: 0)
                #expect(drops == (value.asciiLowercased == other.asciiLowercased))
            }
        }
    }
}
