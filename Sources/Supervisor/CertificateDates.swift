import Synchronization

/// When the certificates in use run out, by listener or upstream; for the metrics.
final class CertificateDates: Sendable {
    private let seconds = Mutex<[String: Int64]>([:])

    /// Says when the first certificate of `place` runs out, in seconds since 1970.
    func publish(_ notAfter: Int64?, of place: String) {
        seconds.withLock { $0[place] = notAfter }
    }

    /// Forgets all places but these.
    func keep(_ places: [String]) {
        seconds.withLock { all in all = all.filter { places.contains($0.key) } }
    }

    /// Each place with its date, sorted.
    var all: [(place: String, notAfter: Int64)] {
        seconds.withLock { $0.map { (place: $0.key, notAfter: $0.value) } }
            .sorted { $0.place < $1.place }
    }
}
