import Authorization
import TLS

/// What only the listeners and the routes together can have wrong.
extension SettingsParser {
    /// Warns of credentials that anybody on the way can read.
    func warnExposed(_ listeners: [ReadListener], _ routes: [Route]) {
        guard routes.contains(where: { $0.authentication != .none }) else { return }
        for listener in listeners where listener.isExposed {
            diagnostics.warning(
                listener.place,
                "\(listener.place.name) has no tls, and other machines reach it: whoever listens on "
                    + "the way reads the credentials that routes demand")
        }
    }

    /// Refuses routes whose certificates no client could ever show.
    func checkCertificates(_ listeners: [ReadListener], _ access: AccessReader) {
        // A listener that was refused might have asked.
        guard diagnostics.errors.isEmpty else { return }
        let asks = listeners.contains {
            ($0.settings.tls?.clientAuthentication ?? .off) != .off
        }
        guard !asks else { return }
        for place in access.certificatePlaces {
            diagnostics.error(
                place,
                "\(place.name) is about client certificates, but no listener's tls.client_auth is "
                    + "optional or require")
        }
    }
}
