import Authentication
import Authorization
import Primitives

/// Reads whom routes let in: `auth` and `allow`, and remembers the roles, certificates and issuers
/// that they name.
struct AccessReader {
    let diagnostics: Diagnostics
    let issuers: [String]
    /// The section `roles`; nil when there is none, and any name is a role.
    let declaredRoles: [String]?
    /// Role names in the order of their numbers.
    private(set) var roleNames: [String] = []
    /// Certificate patterns in the order of their numbers.
    private(set) var certificates: [CertificatePattern] = []
    /// Numbers of the issuers that a route accepts.
    private(set) var usedIssuers: Set<Int> = []
    /// Where a route needs that clients show certificates.
    private(set) var certificatePlaces: [SettingValue] = []

    /// Stands in `auth` for the client's certificate.
    static let certificateName = "client_certificate"
    /// Most rules of one route.
    private static let limitRules = 16

    init(diagnostics: Diagnostics, issuers: [String], declaredRoles: [String]?) {
        self.diagnostics = diagnostics
        self.issuers = issuers
        self.declaredRoles = declaredRoles
    }

    /// A route's `auth`.
    mutating func authentication(_ value: SettingValue) -> RouteAuthentication? {
        if case .scalar("none", _) = value.content { return RouteAuthentication.none }
        var set = IssuerSet()
        var acceptsCertificate = false
        for item in diagnostics.list(value, limit: IssuerSet.capacity + 1) {
            if case .scalar("none", _) = item.content {
                diagnostics.error(item, "\(item.name): none stands alone, or not at all")
                continue
            }
            if case .scalar(AccessReader.certificateName, _) = item.content {
                acceptsCertificate = true
                certificatePlaces.append(item)
                continue
            }
            let names = issuers + [AccessReader.certificateName]
            guard let index = diagnostics.reference(item, to: "issuer", among: names) else {
                continue
            }
            usedIssuers.insert(index)
            set.insert(index)
        }
        // An empty set was reported and never lets anybody in.
        return .required(set, acceptsCertificate: acceptsCertificate)
    }

    /// A route's `allow`.
    mutating func allow(
        _ value: SettingValue, _ authentication: RouteAuthentication?
    ) -> [AllowRule] {
        if authentication == RouteAuthentication.none {
            diagnostics.error(value, "\(value.name) needs to know who asks, but auth is none")
        }
        return diagnostics.list(value, limit: AccessReader.limitRules).compactMap { item in
            rule(item, authentication)
        }
    }

    private mutating func rule(
        _ value: SettingValue, _ authentication: RouteAuthentication?
    ) -> AllowRule? {
        guard
            let section = Section(
                value, known: ["roles", "certificate"],
                later: ["when", "subjects", "scopes", "claims"], diagnostics: diagnostics)
        else { return nil }
        let roles = section.optional("roles")
        let certificate = section.optional("certificate")
        if roles == nil, certificate == nil {
            diagnostics.error(value, "\(value.name) demands nothing: write roles or certificate")
        }
        if let roles, authentication == .required(IssuerSet(), acceptsCertificate: true) {
            diagnostics.error(
                roles, "\(roles.name): only tokens have roles, but auth names no issuer")
        }
        return AllowRule(
            roles: roles.map { self.roles($0) } ?? RoleSet(),
            certificates: certificate.map { self.certificate($0) } ?? CertificateSet())
    }

    private mutating func roles(_ value: SettingValue) -> RoleSet {
        var set = RoleSet()
        for item in diagnostics.list(value, limit: RoleSet.capacity) {
            guard let number = number(ofRole: item) else { continue }
            set.insert(number)
        }
        return set
    }

    private mutating func number(ofRole value: SettingValue) -> Int? {
        guard let name = diagnostics.text(value, limitBytes: 255) else { return nil }
        if let declaredRoles {
            guard diagnostics.reference(value, to: "role", among: declaredRoles) != nil else {
                return nil
            }
        }
        if let index = roleNames.firstIndex(of: name) { return index }
        guard roleNames.count < RoleSet.capacity else {
            diagnostics.error(
                value, "\(value.name) is the 257th role name, limit \(RoleSet.capacity)")
            return nil
        }
        roleNames.append(name)
        return roleNames.count - 1
    }

    /// What the client's certificate must have: one attribute, and the values that will do.
    private mutating func certificate(_ value: SettingValue) -> CertificateSet {
        var set = CertificateSet()
        certificatePlaces.append(value)
        let attributes = CertificatePattern.Attribute.allCases
        guard
            let section = Section(
                value, known: attributes.map { "\($0)" }, diagnostics: diagnostics)
        else { return set }
        let named = attributes.filter { section.optional("\($0)") != nil }
        guard let attribute = named.first, let values = section.optional("\(attribute)") else {
            let list = attributes.map { "\($0)" }.joined(separator: ", ")
            // An unknown key was reported, and is what stands there.
            if case .mapping(let entries) = value.content, entries.isEmpty {
                diagnostics.error(value, "\(value.name) demands nothing: write one of \(list)")
            }
            return set
        }
        guard named.count == 1 else {
            let list = named.map { "\($0)" }.joined(separator: " and ")
            diagnostics.error(
                value,
                "\(value.name) has \(list), which could mean both or either: alternatives are "
                    + "rules of their own")
            return set
        }
        for item in diagnostics.list(values, limit: CertificateSet.capacity) {
            guard let text = diagnostics.text(item),
                let pattern = pattern(attribute, text, item),
                let number = number(of: pattern, item)
            else { continue }
            set.insert(number)
        }
        return set
    }

    private func pattern(
        _ attribute: CertificatePattern.Attribute, _ text: String, _ value: SettingValue
    ) -> CertificatePattern? {
        do throws(PatternError) {
            return try CertificatePattern(attribute, text)
        } catch {
            diagnostics.error(value, "\(value.name) is \(value.kind): \(error)")
            return nil
        }
    }

    private mutating func number(of pattern: CertificatePattern, _ value: SettingValue) -> Int? {
        if let index = certificates.firstIndex(of: pattern) { return index }
        guard certificates.count < CertificateSet.capacity else {
            let limit = CertificateSet.capacity
            diagnostics.error(
                value,
                "\(value.name) is the \(limit + 1)th certificate of all routes, limit \(limit)"
            )
            return nil
        }
        certificates.append(pattern)
        return certificates.count - 1
    }
}
