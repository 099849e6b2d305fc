import AuditRecords
import HTTP
import LinuxIO
import Primitives
import Settings

/// What is probably wrong with the machine, each with advice; found at the start, and told.
struct StartChecks {
    /// What the machine has.
    struct Machine {
        /// Descriptors that the process may open.
        var descriptors: UInt64
        /// Bytes free where the log lies; nil when nobody can tell.
        var freeBytes: UInt64?
        var time: WallTime
        /// Whether the kernel says that something keeps the clock right.
        var isClockSynchronised: Bool
    }

    /// What to tell the operator.
    private(set) var warnings: [String] = []

    /// Nothing before this was built: 2026-01-01, in microseconds.
    private static let builtMicroseconds: Int64 = 1_767_225_600_000_000
    /// What the process opens besides connections.
    private static let ownDescriptors: UInt64 = 256
    /// Segments that there should be room for.
    private static let segments: UInt64 = 4

    init(_ settings: Settings, workerCount: Int, machine: Machine) {
        // A client's connection, and the upstream connection behind it.
        let needed =
            UInt64(settings.connections.connectionsPerWorker * workerCount * 2)
            + StartChecks.ownDescriptors
        if machine.descriptors < needed {
            warnings.append(
                """
                \(machine.descriptors) descriptors are allowed, and \(workerCount) workers of \
                \(settings.connections.connectionsPerWorker) connections (limits.connections) need \
                \(needed): raise LimitNOFILE= of the unit, or lower limits.connections
                """)
        }
        let room = settings.audit.rotateBytes.multipliedReportingOverflow(
            by: StartChecks.segments
        ).partialValue
        if let free = machine.freeBytes, free < room {
            warnings.append(
                """
                \(free / 1_048_576) MiB are free where the audit log lies \
                (\(settings.audit.directory)), less than \(StartChecks.segments) segments of \
                audit.rotate.size: requests are refused when it is full; make room, or set \
                audit.retain
                """)
        }
        if machine.time.microseconds < StartChecks.builtMicroseconds {
            warnings.append(
                "the clock is before 2026: tokens and certificates will be judged wrong, and records "
                    + "will have wrong times; set it")
        } else if !machine.isClockSynchronised {
            warnings.append(
                "nothing keeps the clock right (timedatectl): tokens expire by it, and records have "
                    + "its time; enable systemd-timesyncd or chrony")
        }
    }
}
