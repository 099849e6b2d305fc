import AuditRings
import LinuxIO
import Primitives

/// A time in which the disk refuses, and when to ask it again: pure, the caller reads the clock.
///
/// The first try comes after 100 ms; each refusal doubles the wait, up to a second.
struct DiskOutage: Sendable, Equatable {
    /// The last refusal.
    private(set) var error: SystemError
    /// When the first one came.
    let began: Instant
    let time: WallTime
    private(set) var nextTry: Instant
    /// Whether room was given up for it, and the disk has not refused since.
    private(set) var isSpared: Bool
    private var waitNanoseconds = DiskOutage.firstWaitNanoseconds

    private static let firstWaitNanoseconds: UInt64 = 100_000_000
    private static let longestWaitNanoseconds: UInt64 = 1_000_000_000

    /// - Parameter isSpared: Whether room was given up for it: then it is asked again at once.
    init(_ error: SystemError, now: Instant, wall: WallTime, isSpared: Bool = false) {
        self.error = error
        self.isSpared = isSpared
        began = now
        time = wall
        nextTry = isSpared ? now : now.advanced(nanoseconds: waitNanoseconds)
    }

    /// The disk refused again.
    mutating func refused(_ error: SystemError, now: Instant) {
        self.error = error
        isSpared = false
        waitNanoseconds = min(waitNanoseconds * 2, DiskOutage.longestWaitNanoseconds)
        nextTry = now.advanced(nanoseconds: waitNanoseconds)
    }

    /// Whether it is time to ask again.
    func isDue(_ now: Instant) -> Bool { now >= nextTry }

    /// How long it has lasted.
    func milliseconds(_ now: Instant) -> UInt64 { now.nanoseconds(since: began) / 1_000_000 }

    /// What it is called.
    var health: AuditHealth {
        switch error.diskProblem {
        case .noRoom: .diskFull
        case .readOnly: .readOnly
        case .missing: .fileMissing
        case .other: .writeFailed
        }
    }
}
