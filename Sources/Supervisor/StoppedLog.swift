import AuditRecords
import AuditWriter
import Crypto
import LinuxIO
import Primitives
import Settings

/// The log of a proxy that does not run, opened to have something done in it.
public struct StoppedLog: ~Copyable {
    private let settings: Settings
    private let build: String
    private static let patienceNanoseconds: UInt64 = 60_000_000_000

    /// The log that `settings` name.
    public init(_ settings: Settings, build: String) {
        self.settings = settings
        self.build = build
        _ = SecureHeap.start(bytes: SecureHeap.leastBytes)
    }

    /// Erases the keys of `subject`, and ends the log in order.
    ///
    /// - Returns: The keys' numbers, as records have them.
    public func erase(subject: [UInt8], reason: String) throws(SupervisorError) -> [String] {
        let requester = Requester(
            user: LocalPeer.ownUser, group: LocalPeer.ownGroup, process: LocalPeer.ownProcess)
        let answer: WriterAnswer
        do throws(AuditWriterError) {
            let memory = OutsideMemory(settings: settings.audit) {
                StandardStream.error.writeLine("sallyport: \($0)")
            }
            let log = try AuditLog.open(
                settings: settings.audit,
                options: AuditLogOptions(
                    names: settings.recordNames, workerCount: 1, build: build),
                asking: { memory.recall($0) })
            let writer: RunningWriter
            do throws(SystemError) { writer = try log.start() } catch { throw .system(error) }
            answer = writer.control.perform(
                .erase(subject: subject, reason: reason, by: requester),
                until: SystemClock.monotonic().advanced(
                    nanoseconds: StoppedLog.patienceNanoseconds))
            if let failure = writer.stop() { throw failure }
        } catch {
            throw .audit(directory: settings.audit.directory, error)
        }
        switch answer {
        case .erased(let keys): return keys.map(\.hexText)
        case .refused(let refusal): throw .erasureRefused(refusal)
        case .recorded, .held, .adopted: return []
        }
    }
}
