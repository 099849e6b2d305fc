import AuditSegments
import LinuxIO
import Primitives

/// Serves a signer's socket: one thread, one message at a time, no state per connection.
public struct SignerServer: ~Copyable {
    private var service: SignerService
    private let listener: MessageListener
    private let users: Set<UInt32>
    private var poller: Poller
    private var peers: [UInt64: Peer] = [:]
    private var nextTag: UInt64 = 1

    /// Most connections; a further one takes the place of the oldest.
    private static let limitPeers = 16
    private static let listenerTag: UInt64 = 0
    /// How long a wait for messages may be, so that a signal is noticed.
    private static let tickMilliseconds: Int32 = 200

    /// What the operator may be told.
    public enum Event: Equatable, Sendable {
        /// A process of this user connected, and was turned away.
        case userRefused(UInt32)
        /// A request was refused.
        case refused(SignerRefusal)
    }

    /// Holds a connection where a value that can't be copied may not stand.
    private final class Peer {
        let connection: MessageConnection

        init(_ connection: consuming MessageConnection) {
            self.connection = connection
        }
    }

    /// A server at `path` for processes of these users.
    public init(
        _ service: consuming SignerService, path: String, users: Set<UInt32>
    ) throws(SignerError) {
        let newListener = try SignerServer.listen(path, users)
        let newPoller = try SignerServer.watch(newListener)
        listener = newListener
        poller = newPoller
        self.service = service
        self.users = users
    }

    private static func listen(
        _ path: String, _ users: Set<UInt32>
    ) throws(SignerError) -> MessageListener {
        do {
            return try MessageListener(path: path, isOpenToAll: users != [LocalPeer.ownUser])
        } catch {
            throw .system(error)
        }
    }

    private static func watch(_ listener: borrowing MessageListener) throws(SignerError) -> Poller {
        do {
            let poller = try Poller(batch: 32)
            try poller.addSource(listener.descriptor, tag: listenerTag)
            return poller
        } catch {
            throw .system(error)
        }
    }

    /// Serves until `isEnding` says so, which is asked a few times a second.
    public mutating func run(
        isEnding: () -> Bool, tell: (Event) -> Void
    ) throws(SignerError) {
        while !isEnding() {
            let count: Int
            do {
                count = try poller.wait(milliseconds: SignerServer.tickMilliseconds)
            } catch {
                throw .system(error)
            }
            for index in 0..<count {
                let tag = poller.event(at: index).tag
                if tag == SignerServer.listenerTag {
                    accept(tell)
                } else {
                    serve(tag, tell)
                }
            }
        }
    }

    private mutating func accept(_ tell: (Event) -> Void) {
        guard let connection = listener.accept() else { return }
        guard let user = try? connection.peerUser(), users.contains(user) else {
            tell(.userRefused((try? connection.peerUser()) ?? .max))
            return
        }
        if peers.count == SignerServer.limitPeers, let oldest = peers.keys.min() {
            peers[oldest] = nil
        }
        let tag = nextTag
        nextTag += 1
        guard (try? poller.addSource(connection.descriptor, tag: tag)) != nil else { return }
        peers[tag] = Peer(connection)
    }

    private mutating func serve(_ tag: UInt64, _ tell: (Event) -> Void) {
        // One that was put out in this turn may still have an event.
        guard let peer = peers[tag] else { return }
        switch peer.connection.receive(limitBytes: SignerRequest.limitBytes) {
        case .wouldBlock: return
        case .closed, .failed: peers[tag] = nil
        case .message(let message):
            let reply = service.answer(message)
            if case .refused(let why) = reply { tell(.refused(why)) }
            // A peer that doesn't take its answer waits for none.
            if (try? peer.connection.send(reply.bytes.span)) == nil { peers[tag] = nil }
        }
    }
}
