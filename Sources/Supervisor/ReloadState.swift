import Primitives

/// When the certificates' thread does what.
///
/// Pure: time is passed in, and the thread carries the actions out.
struct ReloadState: Sendable, Equatable {
    /// What the thread is to do.
    enum Action: Sendable, Equatable {
        /// Nothing, for that long or until a file changes.
        case wait(milliseconds: Int32)
        /// Read the files again.
        case load
        /// Look whether a file changed that no event told of.
        case look
        /// Make a new key for tickets.
        case rotate
        /// Say again which certificates run out.
        case remind
    }

    private let rotation: UInt64?
    private var load = Instant.distantFuture
    /// When a load can't be put off any more.
    private var latest = Instant.distantFuture
    private var look: Instant
    private var rotate: Instant
    private var remind: Instant

    /// How long files must have been left alone before they are read: several are replaced
    /// together, and a key without its certificate is of no use.
    static let quietNanoseconds: UInt64 = 100_000_000
    /// Longest wait for that.
    static let latestNanoseconds: UInt64 = 1_000_000_000
    /// How often files are looked at that no event told of.
    static let lookNanoseconds: UInt64 = 60_000_000_000
    /// How often certificates that run out are told of.
    static let remindNanoseconds: UInt64 = 86_400_000_000_000

    /// Nothing has changed.
    ///
    /// - Parameter rotationSeconds: How often tickets get a new key; nil for never.
    init(rotationSeconds: UInt32?, now: Instant) {
        rotation = rotationSeconds.map { UInt64(max($0, 1)) * 1_000_000_000 }
        look = now.advanced(nanoseconds: ReloadState.lookNanoseconds)
        rotate = rotation.map { now.advanced(nanoseconds: $0) } ?? .distantFuture
        remind = now.advanced(nanoseconds: ReloadState.remindNanoseconds)
    }

    /// A file has changed.
    mutating func changed(now: Instant) {
        if latest == .distantFuture {
            latest = now.advanced(nanoseconds: ReloadState.latestNanoseconds)
        }
        load = min(now.advanced(nanoseconds: ReloadState.quietNanoseconds), latest)
    }

    /// The next thing to do; asked until it is to wait.
    mutating func next(now: Instant) -> Action {
        if now >= load {
            load = .distantFuture
            latest = .distantFuture
            return .load
        }
        if now >= rotate, let rotation {
            rotate = now.advanced(nanoseconds: rotation)
            return .rotate
        }
        if now >= remind {
            remind = now.advanced(nanoseconds: ReloadState.remindNanoseconds)
            return .remind
        }
        if now >= look {
            look = now.advanced(nanoseconds: ReloadState.lookNanoseconds)
            return .look
        }
        let next = min(min(load, look), min(rotate, remind))
        // Rounded up: a wait that ends too early would only be followed by another.
        let milliseconds = (next.nanoseconds(since: now) + 999_999) / 1_000_000
        return .wait(milliseconds: Int32(clamping: milliseconds))
    }
}
