import LinuxIO
import Primitives
import Settings
import Systemd
import Worker

/// The listening sockets of all workers: one per listener and worker, sharing its address.
///
/// All are bound before any worker serves, so that the kernel spreads connections over all of them
/// from the first one on.
public struct ListenerSet: Sendable {
    /// Where one listener really listens.
    public struct Bound: Sendable, Equatable {
        /// The listener's name in the settings.
        public let name: String
        /// Its address, with the kernel's port where 0 was asked for.
        public let address: SocketAddress
    }

    /// The listeners that were bound, in the settings' order.
    public let bound: [Bound]
    /// `sockets[worker]`, whose owner the worker's thread becomes.
    let sockets: [[ListeningSocket]]

    /// Binds `listeners` for `workerCount` workers, or takes what systemd has `passed`; with `only`,
    /// those at these places.
    ///
    /// When it throws, none that it bound is left bound.
    public init(
        _ listeners: [ListenerSettings], only: [Int]? = nil, workerCount: Int,
        passed: inout PassedSockets
    ) throws(SupervisorError) {
        var bound: [Bound] = []
        var sockets = [[ListeningSocket]](repeating: [], count: workerCount)
        for index in only ?? Array(listeners.indices) {
            let listener = listeners[index]
            if let name = listener.socketName {
                bound.append(
                    try ListenerSet.adopt(
                        listener, named: name, at: index, from: &passed, into: &sockets))
                continue
            }
            let text = ListenerSet.text(host: listener.host, port: listener.port)
            guard var address = SocketAddress(literal: listener.host, port: listener.port) else {
                throw .listener(name: listener.name, address: text, nil)
            }
            for worker in 0..<workerCount {
                do throws(SystemError) {
                    let socket = try Listener(address: address)
                    // The first may have been given a port; the others share it.
                    address = socket.address
                    sockets[worker].append(
                        ListeningSocket(number: socket.release(), listener: index))
                } catch {
                    ListenerSet.close(sockets)
                    throw .listener(name: listener.name, address: text, error)
                }
            }
            bound.append(Bound(name: listener.name, address: address))
        }
        self.bound = bound
        self.sockets = sockets
    }

    /// Closes all sockets, which no worker has taken.
    func close() { ListenerSet.close(sockets) }

    private static func close(_ sockets: [[ListeningSocket]]) {
        for socket in sockets.joined() { _ = Descriptor(owning: socket.number) }
    }

    /// An address literal and a port as text.
    static func text(host: String, port: UInt16) -> String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
