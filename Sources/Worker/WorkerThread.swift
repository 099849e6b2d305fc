import AuditRings
import Authentication
import Crypto
import LinuxIO
import Primitives
import RequestFlow
import TLS

/// Runs one worker on the calling thread until it is stopped or drained.
public enum WorkerThread {
    /// Serves; the worker's last record is published when this returns.
    ///
    /// - Parameters:
    ///   - configuration: Everything the worker is started with.
    ///   - ring: The worker's half of its audit ring.
    ///   - started: Told once that the worker serves, or why it can't.
    public static func run(
        _ configuration: WorkerConfiguration, ring: consuming RingProducer,
        started: (WorkerError?) -> Void
    ) {
        defer { configuration.control.finish() }
        do throws(WorkerError) {
            let library = try makeLibrary()
            var loop = WorkerLoop(
                configuration, ring: ring,
                authenticator: try makeAuthenticator(configuration, library),
                hash: try makeHash(library), poller: try makePoller(),
                engine: makeEngine(configuration), library: library)
            try loop.listen()
            started(nil)
            loop.run()
        } catch {
            started(error)
        }
    }

    private static func makeLibrary() throws(WorkerError) -> CryptoLibrary {
        do { return try CryptoLibrary() } catch { throw .cryptography }
    }

    private static func makeAuthenticator(
        _ configuration: WorkerConfiguration, _ library: borrowing CryptoLibrary
    ) throws(WorkerError) -> Authenticator {
        do {
            return try Authenticator(configuration.settings.authentication, library: library)
        } catch {
            throw .cryptography
        }
    }

    private static func makeHash(
        _ library: borrowing CryptoLibrary
    ) throws(WorkerError) -> SHA256 {
        do { return try SHA256(library) } catch { throw .cryptography }
    }

    private static func makeEngine(_ configuration: WorkerConfiguration) -> TLSEngine {
        configuration.tls.library.adopt(configuration.tls.tickets)
        return TLSEngine(configuration.tls.library)
    }

    private static func makePoller() throws(WorkerError) -> Poller {
        do { return try Poller(batch: 256) } catch { throw .system(error) }
    }
}
