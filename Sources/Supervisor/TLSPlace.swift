import AuditRecords
import Primitives
import Settings
import TLS
import Upstream

/// One listener or upstream that speaks TLS.
struct TLSPlace: Sendable {
    /// Which of the two it is, and how it speaks.
    enum Side: Sendable {
        case listener(TLSServerSettings)
        case upstream(TLSClientSettings, hosts: [String])
    }

    /// Its name in the settings.
    let name: String
    /// Its place among the listeners, or the upstreams.
    let index: Int
    let side: Side

    /// Its name in records.
    var recorded: CertificatePlace {
        switch side {
        case .listener: .listener(name)
        case .upstream: .upstream(name)
        }
    }

    /// Every file that it needs.
    var paths: [String] {
        switch side {
        case .listener(let settings): settings.paths
        case .upstream(let settings, _): settings.paths
        }
    }

    /// Whether whoever answers is believed.
    var acceptsAnyCertificate: Bool {
        guard case .upstream(let settings, _) = side else { return false }
        return settings.acceptsAnyCertificate
    }
}

/// A context of either side.
enum TLSContext: Sendable {
    case server(TLSServerContext)
    case client(TLSClientContext)

    /// What was loaded, as far as the context tells.
    var certificates: [CertificateSummary] {
        switch self {
        case .server(let context): context.certificates
        case .client(let context): context.certificate.map { [$0] } ?? []
        }
    }

    /// What the operator should know.
    var warnings: [String] {
        switch self {
        case .server(let context): context.warnings
        case .client(let context): context.warnings
        }
    }
}

extension TLSPlace {
    /// A context for this place, from `content` and with one worker's library.
    func context(
        _ content: CertificateContent, library: TLSLibrary, now: WallTime
    ) throws(CertificateProblem) -> TLSContext {
        do throws(TLSError) {
            switch (side, content.files) {
            case (.listener(let settings), .server(let files)):
                return .server(
                    try TLSServerContext(
                        settings, files: files, listener: name, library: library, now: now))
            case (.upstream(let settings, let hosts), .client(let files)):
                return .client(
                    try TLSClientContext(
                        settings, files: files, hosts: hosts, library: library, now: now))
            case (.listener, .client), (.upstream, .server):
                throw .filesIncomplete
            }
        } catch {
            throw .unusable(error, path: error.path ?? paths.first ?? "")
        }
    }
}

extension Settings {
    /// All that speaks TLS, listeners first.
    var tlsPlaces: [TLSPlace] {
        var places: [TLSPlace] = []
        for (index, listener) in listeners.enumerated() {
            guard let tls = listener.tls else { continue }
            places.append(TLSPlace(name: listener.name, index: index, side: .listener(tls)))
        }
        for (index, upstream) in upstreams.enumerated() {
            guard upstreamTLS.indices.contains(index), let tls = upstreamTLS[index] else {
                continue
            }
            let hosts = upstream.endpoints.map(\.host)
            places.append(
                TLSPlace(name: upstream.name, index: index, side: .upstream(tls, hosts: hosts)))
        }
        return places
    }

    /// How tickets are sealed, for all listeners together: the keys are the process's, so the
    /// longest life and the quickest change count.
    var ticketSettings: SessionTicketSettings {
        var common = SessionTicketSettings()
        let enabled = listeners.compactMap { $0.tls?.tickets }.filter(\.isEnabled)
        common.isEnabled = !enabled.isEmpty
        common.lifetimeSeconds = enabled.map(\.lifetimeSeconds).max() ?? common.lifetimeSeconds
        common.rotationSeconds = enabled.map(\.rotationSeconds).min() ?? common.rotationSeconds
        return common
    }
}
