/// Which certificates are shown together, and for which name.
///
/// A context shows at most one certificate of each kind of key; OpenSSL chooses among them by what
/// the client can check. So there is one context for each set of certificates that some name needs.
struct CertificateChoice: Sendable, Equatable {
    /// The places of each context's certificates, in order; the first context is for clients that
    /// name nothing, or nothing that is known.
    private(set) var contexts: [[Int]] = []
    /// Every name in lower case, with the number of its context.
    private(set) var names: [Name] = []

    /// A name and what it leads to.
    struct Name: Sendable, Equatable {
        var name: String
        var context: Int
    }

    /// Places of certificates that no client is ever shown.
    var unused: [Int] {
        let used = Set(contexts.joined())
        return (0..<count).filter { !used.contains($0) }
    }

    private var count = 0

    /// The choice among these certificates. Of two of one kind for one name, the first counts.
    init(_ certificates: [CertificateSummary]) {
        count = certificates.count
        var order: [String] = []
        var places: [String: [CertificateKind: Int]] = [:]
        for (place, certificate) in certificates.enumerated() {
            for name in certificate.names.map(CertificateChoice.plain) {
                if places[name] == nil { order.append(name) }
                if places[name, default: [:]][certificate.kind] == nil {
                    places[name, default: [:]][certificate.kind] = place
                }
            }
        }
        func all(for name: String) -> [Int] {
            var found = places[name, default: [:]]
            // A kind that the exact name lacks comes from the wildcard that is also for it.
            if !name.hasPrefix("*."), let dot = name.firstIndex(of: ".") {
                found.merge(places["*" + name[dot...], default: [:]]) { exact, _ in exact }
            }
            return found.values.sorted()
        }
        guard let first = certificates.first else { return }
        let shown = first.names.first.map { all(for: CertificateChoice.plain($0)) }
        _ = context(of: shown ?? [0])
        for name in order {
            names.append(Name(name: name, context: context(of: all(for: name))))
        }
    }

    /// In lower case, and without the dot that says that a name is complete.
    private static func plain(_ name: String) -> String {
        let lower = name.lowercased()
        return lower.hasSuffix(".") ? String(lower.dropLast()) : lower
    }

    private mutating func context(of places: [Int]) -> Int {
        if let known = contexts.firstIndex(of: places) { return known }
        contexts.append(places)
        return contexts.count - 1
    }
}
