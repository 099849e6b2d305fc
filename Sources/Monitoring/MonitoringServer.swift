import HTTP
import LinuxIO
import Primitives

/// The monitoring listener and its thread: health and metrics, for probes and Prometheus.
///
/// One request per connection, GET or HEAD. A slow or silent peer keeps nobody else waiting: its
/// connection is one of few, with a deadline.
public struct MonitoringServer: ~Copyable, Sendable {
    private let listener: Listener
    private let pages: any MonitoringPages

    /// Where it listens, with the kernel's port where 0 was asked for.
    public let address: SocketAddress

    /// Binds and listens; `start` answers.
    public init(
        address: SocketAddress, pages: any MonitoringPages
    ) throws(SystemError) {
        self.init(try Listener(address: address, backlog: 64), pages: pages)
    }

    /// Takes connections from `listener`.
    public init(_ listener: consuming Listener, pages: any MonitoringPages) {
        address = listener.address
        self.listener = listener
        self.pages = pages
    }

    /// Starts the thread; it ends with the process.
    public consuming func start() throws(SystemError) {
        let poller = try Poller(batch: 16)
        try poller.addSource(listener.descriptor, tag: MonitoringLoop.listenerTag)
        let loop = MonitoringLoop(listener: listener, poller: poller, pages: pages)
        let thread = try PinnedThread.start(name: "monitoring", state: loop) {
            (loop: consuming MonitoringLoop) in
            var loop = loop
            loop.run()
        }
        thread.detach()
    }
}

/// One peer: what it has sent, then what it has still to be sent.
private struct MonitoringConnection: ~Copyable {
    let descriptor: Descriptor
    let deadline: Instant
    var input = PooledBuffer.none
    var scanned = 0
    var output: [UInt8]?
    var sent = 0
}

/// The thread's loop.
private struct MonitoringLoop: ~Copyable, @unchecked Sendable {
    // Sendable: moves to the thread once.
    private let listener: Listener
    private var poller: Poller
    private let pages: any MonitoringPages
    private var connections = Slab<MonitoringConnection>(capacity: capacity)
    private var buffers = BufferPool(capacity: capacity, bufferBytes: headBytes)
    private var head: RequestHead

    static let listenerTag = UInt64.max
    /// Most peers at a time.
    private static let capacity = 64
    /// Longest head of a request.
    private static let headBytes = 8192
    /// How long a peer may take from its connection to its last byte.
    private static let deadlineNanoseconds: UInt64 = 5_000_000_000
    private static let tickMilliseconds: Int32 = 500

    init(listener: consuming Listener, poller: consuming Poller, pages: any MonitoringPages) {
        self.listener = listener
        self.poller = poller
        self.pages = pages
        var limits = HTTPLimits()
        limits.requestLineBytes = 2048
        limits.headBytes = MonitoringLoop.headBytes
        head = RequestHead(limits: limits)
    }

    mutating func run() {
        while true {
            // A wait that fails is one on a descriptor of our own: nothing else can be wrong.
            guard
                let count = try? poller.wait(
                    milliseconds: connections.inUse > 0 ? MonitoringLoop.tickMilliseconds : -1)
            else { return }
            for index in 0..<count {
                let tag = poller.event(at: index).tag
                if tag == MonitoringLoop.listenerTag {
                    accept()
                } else {
                    let slot = Int(truncatingIfNeeded: tag & 0xFFFF_FFFF)
                    let generation = UInt32(truncatingIfNeeded: tag >> 32)
                    if connections.holds(slot, generation: generation) { advance(slot) }
                }
            }
            expire()
        }
    }

    private mutating func accept() {
        while case .accepted(let stream) = listener.accept() {
            let deadline = SystemClock.monotonic().advanced(
                nanoseconds: MonitoringLoop.deadlineNanoseconds)
            let connection = MonitoringConnection(
                descriptor: stream.takeDescriptor(), deadline: deadline)
            // When every slot is taken, the connection is closed at once: a probe asks again.
            guard let slot = connections.insert(connection) else { continue }
            guard buffers.lend(&connections[slot].input) else {
                close(slot)
                continue
            }
            let tag = UInt64(connections.generation(of: slot)) << 32 | UInt64(slot)
            do throws(SystemError) {
                try poller.addStream(connections[slot].descriptor, tag: tag)
                advance(slot)
            } catch {
                close(slot)
            }
        }
    }

    /// Reads and answers as far as the socket allows now.
    private mutating func advance(_ slot: Int) {
        while connections[slot].output == nil {
            guard connections[slot].input.room > 0 else {
                close(slot)
                return
            }
            switch connections[slot].input.read(from: connections[slot].descriptor.number) {
            case .transferred: break
            case .wouldBlock: return
            case .endOfStream, .failed:
                close(slot)
                return
            }
            var scanned = connections[slot].scanned
            let answer = MonitoringAnswer.answer(
                connections[slot].input.bytes, head: &head, scanned: &scanned, pages: pages)
            connections[slot].scanned = scanned
            connections[slot].output = answer?.bytes
        }
        send(slot)
    }

    private mutating func send(_ slot: Int) {
        guard let output = connections[slot].output else { return }
        while connections[slot].sent < output.count {
            let rest = output.span.extracting(droppingFirst: connections[slot].sent)
            switch connections[slot].descriptor.send(rest) {
            case .transferred(let count): connections[slot].sent += count
            case .wouldBlock: return
            case .endOfStream, .failed:
                close(slot)
                return
            }
        }
        close(slot)
    }

    private mutating func close(_ slot: Int) {
        buffers.give(&connections[slot].input)
        connections.remove(slot)
    }

    private mutating func expire() {
        let now = SystemClock.monotonic()
        for slot in 0..<connections.highWater
        where connections.isUsed(slot) && connections[slot].deadline < now {
            close(slot)
        }
    }
}
