/// Where a listener that only redirects sends its clients.
public enum HTTPSRedirect: Sendable, Equatable {
    /// To the port of this listener, by its place in `Settings.listeners`: the kernel may choose
    /// the port, so it is known once the listener is open.
    case listener(Int)
    /// To this port, which a load balancer may have in front of the listener's own.
    case port(UInt16)
}
