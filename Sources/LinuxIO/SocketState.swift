/// What is known about a connected, non-blocking socket under edge-triggered readiness.
///
/// An edge is told once; whoever uses it up says so here, so that no system call is made only to
/// hear `EAGAIN`, and no byte is left that no event will tell of.
public struct SocketState: BitwiseCopyable, Sendable {
    /// The kernel's number; its owner outlives this value.
    public let number: CInt
    /// Whether a read may give bytes: an edge was reported and not used up.
    public var mayRead = false
    /// Whether the kernel is known to hold nothing, although `mayRead`: TLS holds bytes that it
    /// has read and not given.
    public var isDrained = false
    /// Whether a write may be taken.
    public var mayWrite: Bool
    /// The peer has said that it sends no more.
    public var isPeerClosing = false
    /// All that the peer sent has been read.
    public var hasEnded = false

    /// The state of the socket `number`.
    ///
    /// - Parameter mayWrite: False while it is still connecting.
    @inlinable
    public init(number: CInt, mayWrite: Bool) {
        self.number = number
        self.mayWrite = mayWrite
    }

    /// Takes in what an event reported.
    @inlinable
    public mutating func take(_ readiness: Readiness) {
        if readiness.contains(.readable) {
            mayRead = true
            isDrained = false
        }
        if readiness.contains(.peerClosed) {
            mayRead = true
            isDrained = false
            isPeerClosing = true
        }
        if readiness.contains(.writable) { mayWrite = true }
    }
}
