import CLinux
import Glibc
import Primitives

/// Which readiness an event reports.
public struct Readiness: OptionSet, Sendable {
    /// epoll's own bits.
    public let rawValue: UInt32

    /// The readiness that epoll's bits name.
    @inlinable
    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// Bytes, a connection or an error can be read.
    public static let readable = Readiness(rawValue: 0x001)
    /// Bytes can be written, or a connect has ended.
    public static let writable = Readiness(rawValue: 0x004)
    /// The connection failed.
    public static let error = Readiness(rawValue: 0x008)
    /// Both directions are closed.
    public static let hangup = Readiness(rawValue: 0x010)
    /// The peer has closed its sending side.
    public static let peerClosed = Readiness(rawValue: 0x2000)
    static let exclusive = Readiness(rawValue: 1 << 28)
    static let edgeTriggered = Readiness(rawValue: 1 << 31)
}

/// One thread's epoll instance, edge-triggered.
///
/// A registration carries a 64-bit tag of the caller's making (slot and generation), so that an
/// event for a slot that has since been reused is noticed. Registrations end when the last
/// descriptor of the socket is closed; nothing is changed per request.
@safe
public struct Poller: ~Copyable {
    private let descriptor: Descriptor
    private let events: UnsafeMutableBufferPointer<epoll_event>
    private var ready = 0
    /// `EPOLL_CLOEXEC`, which is `O_CLOEXEC`.
    private static let closeOnExec = CInt(O_CLOEXEC)

    /// Makes an instance that answers with at most `batch` events a turn.
    public init(batch: Int) throws(SystemError) {
        precondition(batch > 0)
        let number = epoll_create1(Poller.closeOnExec)
        guard number >= 0 else { throw SystemError.current("epoll_create1") }
        descriptor = Descriptor(owning: number)
        unsafe events = .allocate(capacity: batch)
        unsafe events.initialize(repeating: epoll_event())
    }

    deinit {
        unsafe events.deallocate()
    }

    /// Watches a stream for everything, once and for all (edge-triggered).
    public borrowing func addStream(
        _ stream: borrowing Descriptor, tag: UInt64
    ) throws(SystemError) {
        try add(
            stream.number, [.readable, .writable, .peerClosed, .edgeTriggered], tag: tag)
    }

    /// Watches a source of wake-ups or connections, level-triggered: it is reported until drained.
    public borrowing func addSource(
        _ source: borrowing Descriptor, tag: UInt64
    ) throws(SystemError) {
        try add(source.number, [.readable], tag: tag)
    }

    /// Watches connections that wait for several threads, level-triggered: the kernel wakes one of
    /// those that wait (`EPOLLEXCLUSIVE`), the first in the order in which they began to watch.
    public borrowing func addShared(
        _ source: borrowing Descriptor, tag: UInt64
    ) throws(SystemError) {
        try add(source.number, [.readable, .exclusive], tag: tag)
    }

    /// Stops watching a source that stays open.
    public borrowing func remove(_ source: borrowing Descriptor) {
        _ = sallyport_epoll_ctl(descriptor.number, EPOLL_CTL_DEL, source.number, 0, 0)
    }

    private borrowing func add(
        _ number: CInt, _ interest: Readiness, tag: UInt64
    ) throws(SystemError) {
        let result = sallyport_epoll_ctl(
            descriptor.number, EPOLL_CTL_ADD, number, interest.rawValue, tag)
        guard result == 0 else { throw SystemError.current("epoll_ctl") }
    }

    /// Waits for events, at most `milliseconds` (-1: without end), and answers how many came.
    public mutating func wait(milliseconds: Int32) throws(SystemError) -> Int {
        // Safe: the kernel fills at most `count` events of memory that self owns.
        let count = unsafe epoll_wait(
            descriptor.number, events.baseAddress, CInt(events.count), milliseconds)
        guard count >= 0 else {
            ready = 0
            if errno == EINTR { return 0 }
            throw SystemError.current("epoll_wait")
        }
        ready = Int(count)
        return ready
    }

    /// The `index`th event of the last `wait`.
    public borrowing func event(at index: Int) -> (readiness: Readiness, tag: UInt64) {
        precondition(index >= 0 && index < ready)
        // Safe: the index was just checked against what the kernel filled.
        let event = unsafe events[index]
        return unsafe (Readiness(rawValue: event.events), event.data.u64)
    }
}
