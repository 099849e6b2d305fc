/// A moment on the monotonic clock, in nanoseconds since boot. Never compared with wall time.
public struct Instant: Comparable, Hashable, Sendable, BitwiseCopyable {
    /// Nanoseconds since boot.
    public var nanoseconds: UInt64

    /// The moment `nanoseconds` after boot.
    @inlinable
    public init(nanoseconds: UInt64) {
        self.nanoseconds = nanoseconds
    }

    /// The moment of boot.
    public static let zero = Instant(nanoseconds: 0)
    /// Later than any moment that a deadline can name.
    public static let distantFuture = Instant(nanoseconds: .max)

    /// Whether `left` is earlier.
    @inlinable
    public static func < (left: Instant, right: Instant) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    /// The moment `nanoseconds` later; stops at `distantFuture` instead of overflowing.
    @inlinable
    public func advanced(nanoseconds span: UInt64) -> Instant {
        let (sum, overflow) = nanoseconds.addingReportingOverflow(span)
        return overflow ? .distantFuture : Instant(nanoseconds: sum)
    }

    /// Nanoseconds from `earlier` to this moment; zero when `earlier` is later.
    @inlinable
    public func nanoseconds(since earlier: Instant) -> UInt64 {
        nanoseconds > earlier.nanoseconds ? nanoseconds - earlier.nanoseconds : 0
    }

    /// Microseconds from `earlier` to this moment, cut to 32 bits (71 minutes).
    @inlinable
    public func microseconds(since earlier: Instant) -> UInt32 {
        UInt32(clamping: nanoseconds(since: earlier) / 1000)
    }
}

/// A moment on the wall clock, in microseconds since 1970-01-01T00:00:00Z.
public struct WallTime: Comparable, Hashable, Sendable, BitwiseCopyable {
    /// Microseconds since the epoch.
    public var microseconds: Int64

    /// The moment `microseconds` after the epoch.
    @inlinable
    public init(microseconds: Int64) {
        self.microseconds = microseconds
    }

    /// Whole seconds since the epoch, rounded down.
    @inlinable
    public var seconds: Int64 {
        microseconds >= 0 ? microseconds / 1_000_000 : (microseconds - 999_999) / 1_000_000
    }

    /// Whether `left` is earlier.
    @inlinable
    public static func < (left: WallTime, right: WallTime) -> Bool {
        left.microseconds < right.microseconds
    }
}
