import Glibc
import Primitives

/// The kernel's two clocks, read through the vDSO (no system call).
public enum SystemClock {
    /// `CLOCK_MONOTONIC`.
    public static func monotonic() -> Instant {
        let (seconds, nanoseconds) = read(CLOCK_MONOTONIC)
        return Instant(nanoseconds: UInt64(seconds) &* 1_000_000_000 &+ UInt64(nanoseconds))
    }

    /// `CLOCK_REALTIME`.
    public static func wall() -> WallTime {
        let (seconds, nanoseconds) = read(CLOCK_REALTIME)
        return WallTime(microseconds: Int64(seconds) &* 1_000_000 &+ Int64(nanoseconds / 1000))
    }

    /// Keeps the calling thread for so long. For what waits at a start; never for a worker.
    public static func sleep(milliseconds: Int32) {
        _ = poll(nil, 0, milliseconds)
    }

    private static func read(_ clock: clockid_t) -> (seconds: Int, nanoseconds: Int) {
        var time = timespec()
        // Safe: the kernel fills the one structure. It cannot fail for these two clocks.
        let result = unsafe clock_gettime(clock, &time)
        precondition(result == 0)
        return (time.tv_sec, time.tv_nsec)
    }
}
