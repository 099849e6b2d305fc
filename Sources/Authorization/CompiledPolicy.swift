import Authentication
import HTTP
import Primitives

/// The routes of one settings generation, in a form that requests are matched against.
///
/// Immutable, shared by all workers. What the request path calls reads flat memory: it allocates
/// nothing and counts no references.
@safe
public final class CompiledPolicy: @unchecked Sendable {
    // Sendable: nothing changes after init.

    /// Most routes of a policy, and most rules of all its routes: their numbers have 16 bits.
    public static let limitRoutes = 4096

    /// The routes as they were given, for people.
    public let routes: [Route]
    /// Role names by their number in a `RoleSet`.
    public let roleNames: [String]
    /// Certificate patterns by their number in a `CertificateSet`, for people.
    public let certificates: [CertificatePattern]

    private let filters: FlatTable<RouteFilter>
    private let table: FlatTable<CompiledRoute>
    private let bytes: FlatTable<UInt8>
    private let rules: FlatTable<AllowRule>
    private let limits: FlatTable<Int32>
    private let headers: FlatTable<CompiledHeader>
    private let parts: FlatTable<HeaderPart>
    private let removals: FlatTable<ByteRange>
    private let certificatePatterns: [CompiledCertificatePattern]

    /// Compiles `routes`; the first that matches a request wins.
    ///
    /// - Parameter certificates: The patterns that the rules' `CertificateSet`s mean, at most
    ///   `CertificateSet.capacity`.
    public init(routes: [Route], roleNames: [String], certificates: [CertificatePattern] = []) {
        precondition(certificates.count <= CertificateSet.capacity)
        precondition(routes.count <= CompiledPolicy.limitRoutes)
        precondition(roleNames.count <= RoleSet.capacity)
        self.routes = routes
        self.roleNames = roleNames
        self.certificates = certificates
        certificatePatterns = certificates.map { CompiledCertificatePattern($0) }
        var compiler = PolicyCompiler()
        for route in routes { compiler.add(route) }
        filters = FlatTable(routes.map { RouteFilter(path: $0.path, host: $0.host) })
        table = FlatTable(compiler.routes)
        bytes = FlatTable(compiler.text)
        rules = FlatTable(compiler.rules)
        limits = FlatTable(compiler.limits)
        headers = FlatTable(compiler.headers)
        parts = FlatTable(compiler.parts)
        removals = FlatTable(compiler.removals)
    }

    // MARK: - Matching

    /// The route of a request.
    ///
    /// - Parameters:
    ///   - host: The authority as sent; its port and one trailing dot are ignored.
    ///   - path: The path in normal form.
    ///   - methodText: The method's own bytes, which count when `method` is `other`.
    public func match(
        host: Span<UInt8>, path: Span<UInt8>, method: HTTP.Method, methodText: Span<UInt8>
    ) -> RouteMatch {
        let name = host.extracting(first: CompiledPolicy.nameCount(host))
        let pathBits = RouteFilter.pathBits(path)
        let hostBits = RouteFilter.hostBits(name)
        let bit = MethodSet.bit(method)
        var refused = -1
        for index in 0..<table.count {
            // Safe: the index runs below the count of both tables.
            guard unsafe filters.base[index].passes(path: pathBits, host: hostBits) else {
                continue
            }
            let route = unsafe table.base + index
            if unsafe route.pointee.hasHost {
                let isHost = unsafe matches(
                    name, text(route.pointee.host), isWildcard: route.pointee.isHostWildcard)
                guard isHost else { continue }
            }
            guard unsafe matches(path, steps: text(route.pointee.path)) else { continue }
            if unsafe route.pointee.isAnyMethod { return .route(index) }
            if bit != 0 {
                if unsafe route.pointee.methods & bit != 0 { return .route(index) }
            } else if unsafe lists(methodText, in: text(route.pointee.otherMethods)) {
                return .route(index)
            }
            if refused < 0 { refused = index }
        }
        return refused < 0 ? .noRoute : .methodRefused(refused)
    }

    /// Whether a principal with `roles`, on a connection whose certificate matches the patterns
    /// in `certificates`, may use `route`.
    ///
    /// - Returns: A refusal is about the certificate when another one would have been enough.
    public func authorise(
        route: Int, roles: RoleSet, certificates: CertificateSet = CertificateSet()
    ) -> Decision {
        let range = table[route].rules
        guard range.count > 0 else {
            return Decision(
                isAllowed: true, reason: .none, rule: Decision.noIndex, role: Decision.noIndex)
        }
        var reason = Reason.policyRoleMissing
        for offset in 0..<Int(range.count) {
            let rule = rules[Int(range.start) &+ offset]
            var role = Decision.noIndex
            if let common = rule.roles.firstCommon(with: roles) {
                role = UInt16(truncatingIfNeeded: common)
            } else if !rule.roles.isEmpty || rule.certificates.isEmpty {
                continue
            }
            guard rule.certificates.isEmpty || rule.certificates.intersects(certificates) else {
                reason = .policyCertificateRefused
                continue
            }
            return Decision(
                isAllowed: true, reason: .none, rule: UInt16(truncatingIfNeeded: offset),
                role: role)
        }
        return Decision(
            isAllowed: false, reason: reason, rule: Decision.noIndex, role: Decision.noIndex)
    }

    /// Which of the policy's patterns a verified certificate matches: once per connection.
    ///
    /// - Parameter details: What it says, as `CertificateAttribute`s.
    public func certificates(
        matching details: Span<UInt8>, sha256: Digest256
    ) -> CertificateSet {
        var set = CertificateSet()
        for (number, pattern) in certificatePatterns.enumerated() {
            if let digest = pattern.digest {
                if digest == sha256 { set.insert(number) }
                continue
            }
            var offset = 0
            while let detail = details.nextCertificateDetail(&offset) {
                guard pattern.matches(detail.attribute, details.extracting(detail.value)) else {
                    continue
                }
                set.insert(number)
                break
            }
        }
        return set
    }

    // MARK: - What a route says

    /// Whom `route` lets in.
    public func authentication(of route: Int) -> RouteAuthentication {
        let compiled = table[route]
        return compiled.isOpen
            ? .none
            : .required(compiled.issuers, acceptsCertificate: compiled.acceptsCertificate)
    }

    /// What `route` does with a request that may pass.
    public func action(of route: Int) -> RouteTarget { table[route].target }

    /// How many rate limits `route` has.
    public func limitCount(of route: Int) -> Int { Int(table[route].limits.count) }

    /// The number of the `index`th rate limit of `route`.
    public func limit(of route: Int, at index: Int) -> Int {
        let range = table[route].limits
        precondition(index >= 0 && index < range.count)
        return Int(limits[Int(range.start) &+ index])
    }

    /// `AuditRecords.AuditLevel.rawValue` of `route`.
    public func auditLevel(of route: Int) -> UInt8 { table[route].level }

    /// `AuditRecords.AuditMode.rawValue` of `route`.
    public func auditMode(of route: Int) -> UInt8 { table[route].mode }

    /// The name of `route`.
    @_lifetime(borrow self)
    public func name(of route: Int) -> Span<UInt8> { text(table[route].name) }

    /// The body that `route` answers with.
    @_lifetime(borrow self)
    public func responseBody(of route: Int) -> Span<UInt8> { text(table[route].body) }

    /// The content type of that body.
    @_lifetime(borrow self)
    public func responseContentType(of route: Int) -> Span<UInt8> {
        text(table[route].contentType)
    }

    /// How many request fields `route` sets.
    public func headerCount(of route: Int) -> Int { Int(table[route].settings.count) }

    /// The name of the `index`th field that `route` sets.
    @_lifetime(borrow self)
    public func headerName(of route: Int, at index: Int) -> Span<UInt8> {
        text(header(route, index).name)
    }

    /// How many parts the value of the `index`th field has.
    public func headerPartCount(of route: Int, at index: Int) -> Int {
        Int(header(route, index).parts.count)
    }

    /// The `part`th part of the value of the `index`th field.
    public func headerPart(of route: Int, at index: Int, part: Int) -> HeaderPart {
        let range = header(route, index).parts
        precondition(part >= 0 && part < range.count)
        return parts[Int(range.start) &+ part]
    }

    /// Whether `route` drops the client's fields of this `name`, because it removes or sets them.
    public func drops(_ name: Span<UInt8>, on route: Int) -> Bool {
        let compiled = table[route]
        for offset in 0..<Int(compiled.removals.count) {
            if matches(name, text(removals[Int(compiled.removals.start) &+ offset])) { return true }
        }
        for offset in 0..<Int(compiled.settings.count) {
            if matches(name, text(header(route, offset).name)) { return true }
        }
        return false
    }

    /// The policy's bytes at `range`, which one of its own answers named.
    @_lifetime(borrow self)
    public func text(_ range: ByteRange) -> Span<UInt8> {
        precondition(range.upper <= bytes.count)
        // Safe: the range was just checked, and the memory lives as long as self.
        let span = unsafe Span(_unsafeStart: bytes.base + range.lower, count: Int(range.count))
        return unsafe _overrideLifetime(span, borrowing: self)
    }

    private func header(_ route: Int, _ index: Int) -> CompiledHeader {
        let range = table[route].settings
        precondition(index >= 0 && index < range.count)
        return headers[Int(range.start) &+ index]
    }

    // MARK: - Comparing

    /// How many bytes of an authority are its host: no port, and no trailing dot.
    private static func nameCount(_ authority: Span<UInt8>) -> Int {
        var end = authority.count
        var offset = end
        while offset > 0, authority[offset &- 1].isASCIIDigit { offset &-= 1 }
        if offset > 0, authority[offset &- 1] == UInt8(ascii: ":") { end = offset &- 1 }
        if end > 1, authority[end &- 1] == UInt8(ascii: ".") { end &-= 1 }
        return end
    }

    /// Whether `name` is the lower-case `pattern`, or ends with it behind at least one byte.
    private func matches(_ name: Span<UInt8>, _ pattern: Span<UInt8>, isWildcard: Bool) -> Bool {
        guard isWildcard else { return matches(name, pattern) }
        guard name.count > pattern.count else { return false }
        return matches(name.extracting(last: pattern.count), pattern)
    }

    /// Whether `name` is `other`, letter case aside; eight bytes at a time.
    private func matches(_ name: Span<UInt8>, _ other: Span<UInt8>) -> Bool {
        guard name.count == other.count else { return false }
        var offset = 0
        while offset &+ 8 <= name.count {
            let left = CompiledPolicy.lowercased(name.word(at: offset))
            let right = CompiledPolicy.lowercased(other.word(at: offset))
            if left != right { return false }
            offset &+= 8
        }
        while offset < name.count {
            if name[offset].asciiLowercased != other[offset].asciiLowercased { return false }
            offset &+= 1
        }
        return true
    }

    /// Eight bytes with A–Z folded to a–z, others as they are.
    @inline(__always)
    private static func lowercased(_ word: UInt64) -> UInt64 {
        let low = word & 0x7F7F_7F7F_7F7F_7F7F
        // The top bit of each byte says: at least 'A', and above 'Z'.
        let least = low &+ 0x3F3F_3F3F_3F3F_3F3F
        let above = low &+ 0x2525_2525_2525_2525
        let isUpper = least & ~above & ~word & 0x8080_8080_8080_8080
        return word | isUpper >> 2
    }

    private func lists(_ name: Span<UInt8>, in list: Span<UInt8>) -> Bool {
        var offset = 0
        while offset < list.count {
            let count = Int(list[offset])
            if name.equals(list.extracting((offset &+ 1)..<(offset &+ 1 &+ count))) { return true }
            offset &+= 1 &+ count
        }
        return false
    }

    private func matches(_ path: Span<UInt8>, steps: Span<UInt8>) -> Bool {
        var offset = 0
        var step = 0
        while true {
            switch steps[step] {
            case PathStep.literal:
                let count = Int(steps[step &+ 1]) << 8 | Int(steps[step &+ 2])
                let literal = steps.extracting((step &+ 3)..<(step &+ 3 &+ count))
                guard path.count &- offset >= count,
                    path.extracting(offset..<(offset &+ count)).equals(literal)
                else { return false }
                offset &+= count
                step &+= 3 &+ count
            case PathStep.one:
                let end = path.firstIndex(of: UInt8(ascii: "/"), from: offset) ?? path.count
                guard end > offset else { return false }
                offset = end
                step &+= 1
            case PathStep.rest:
                return offset == path.count || path[offset] == UInt8(ascii: "/")
            default:
                return offset == path.count
            }
        }
    }
}
