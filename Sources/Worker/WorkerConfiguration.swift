import AuditRings
import LinuxIO
import Primitives
import RequestFlow
import Upstream

/// A bound, listening socket of one worker; the worker's thread closes it.
public struct ListeningSocket: Sendable {
    /// The kernel's number.
    public let number: CInt
    /// Index of the listener in the settings.
    public let listener: Int
    /// Whether other workers take connections from the same socket.
    public let isShared: Bool
    /// Whether it stays open when this process ends, so that what waits there is for the next one.
    public let isKept: Bool

    /// The socket `number` of the listener at `listener`.
    public init(number: CInt, listener: Int, isShared: Bool = false, isKept: Bool = false) {
        self.number = number
        self.listener = listener
        self.isShared = isShared
        self.isKept = isKept
    }
}

/// Everything that one worker is started with.
public struct WorkerConfiguration: Sendable {
    /// The worker's number, from 0.
    public let index: Int
    /// The processor it runs on, or nil for any.
    public let processor: Int?
    /// What it judges and forwards by, until it is given other settings.
    public let settings: ProxySettings
    /// Its own sockets, one per listener.
    public let listeners: [ListeningSocket]
    /// Where endpoints' names lead.
    public let endpoints: EndpointAddresses
    /// How far the audit log is durable.
    public let status: AuditStatus
    /// Makes the audit writer come by now; a system call, for a ring that fills up.
    public let wakeWriter: @Sendable () -> Void
    /// Makes the audit writer write down at once what is published, and wake the worker when that
    /// is durable; seldom a system call.
    public let requestCommit: @Sendable () -> Void
    /// Has the other workers take connections that this one was woken for and has no room for; when
    /// it has none, seldom.
    public let passOn: @Sendable () -> Void
    /// `<log id>.<boot>.<worker>.`, before the sequence number in each receipt.
    public let receiptPrefix: [UInt8]
    /// How other threads speak with it.
    public let control: WorkerControl
    /// What it speaks TLS with.
    public let tls: WorkerTLS

    /// A configuration of these parts.
    public init(
        index: Int, processor: Int?, settings: ProxySettings, listeners: [ListeningSocket],
        endpoints: EndpointAddresses, status: AuditStatus,
        wakeWriter: @escaping @Sendable () -> Void,
        requestCommit: @escaping @Sendable () -> Void, receiptPrefix: [UInt8],
        control: WorkerControl, tls: WorkerTLS, passOn: @escaping @Sendable () -> Void = {}
    ) {
        self.index = index
        self.processor = processor
        self.settings = settings
        self.listeners = listeners
        self.endpoints = endpoints
        self.status = status
        self.wakeWriter = wakeWriter
        self.requestCommit = requestCommit
        self.passOn = passOn
        self.receiptPrefix = receiptPrefix
        self.control = control
        self.tls = tls
    }
}
