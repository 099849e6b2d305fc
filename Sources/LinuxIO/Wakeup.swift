import CLinux
import Glibc

/// Wakes another thread out of its wait (`eventfd(2)`).
///
/// The descriptor is watched by the sleeping thread; any thread may call `signal`.
public struct Wakeup: ~Copyable, Sendable {
    /// What the sleeping thread's poller watches.
    public let descriptor: Descriptor

    /// Makes a wake-up that nobody has signalled.
    public init() throws(SystemError) {
        let number = sallyport_eventfd()
        guard number >= 0 else { throw SystemError.current("eventfd") }
        descriptor = Descriptor(owning: number)
    }

    /// Wakes the sleeper; cheap to call twice. Any thread.
    public borrowing func signal() {
        var one: UInt64 = 1
        // Safe: eight bytes are read from the one variable. A full counter wakes just as well.
        _ = unsafe Glibc.write(descriptor.number, &one, 8)
    }

    /// Forgets the signals so far. The sleeping thread.
    public borrowing func drain() {
        var count: UInt64 = 0
        // Safe: eight bytes are written to the one variable.
        _ = unsafe Glibc.read(descriptor.number, &count, 8)
    }
}
