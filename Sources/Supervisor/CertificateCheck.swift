import LinuxIO
import Settings
import TLS

/// What a start would say about the certificates that settings name, without a start.
public struct CertificateCheck: Sendable {
    /// Why the settings can't be served; one text per listener and upstream at most.
    public private(set) var errors: [String] = []
    /// What can be served, but is probably not meant.
    public private(set) var warnings: [String] = []

    /// Reads all files, and makes contexts of them.
    public init(_ settings: Settings) throws(SupervisorError) {
        let places = settings.tlsPlaces
        guard !places.isEmpty else { return }
        var reader = try CertificateKeeper.makeReader()
        let library: TLSLibrary
        do throws(TLSError) { library = try TLSLibrary() } catch { throw .tls(error) }
        for place in places {
            do throws(CertificateProblem) {
                let content = try reader.read(place)
                let context = try place.context(content, library: library, now: SystemClock.wall())
                warnings += (content.warnings + context.warnings).map {
                    "\(place.recorded.text): \($0)"
                }
            } catch {
                errors.append("\(place.recorded.text): \(error)")
            }
        }
    }
}
