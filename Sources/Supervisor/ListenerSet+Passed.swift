import LinuxIO
import Settings
import Systemd
import Worker

/// Sockets that systemd has opened.
extension ListenerSet {
    /// Gives the sockets that `listener` names to the workers.
    static func adopt(
        _ listener: ListenerSettings, named name: String, at index: Int,
        from passed: inout PassedSockets, into sockets: inout [[ListeningSocket]]
    ) throws(SupervisorError) -> Bound {
        var places: [(address: SocketAddress, numbers: [CInt])] = []
        do throws(PassedSocketError) {
            for number in try passed.claim(name) {
                let address = try address(of: number)
                if let known = places.firstIndex(where: { $0.address == address }) {
                    places[known].numbers.append(number)
                } else {
                    places.append((address, [number]))
                }
            }
        } catch {
            throw .passedSockets(listener: listener.name, error)
        }
        for place in places {
            try share(place.numbers, listener, at: index, into: &sockets)
        }
        // A reload has those before and behind it.
        let limit = WorkerControl.limitSockets / 2
        guard sockets.allSatisfy({ $0.count <= limit }) else {
            throw .passedSockets(listener: listener.name, .tooManyForOne(limit: limit))
        }
        return Bound(name: listener.name, address: places[0].address)
    }

    /// Which worker takes connections from which of the sockets of one address, each at least once:
    /// a worker its own where there are enough, several the same where there are not.
    static func turns(sockets: Int, workers: Int) -> [(socket: Int, worker: Int)] {
        (0..<max(sockets, workers)).map { ($0 % sockets, $0 % workers) }
    }

    private static func share(
        _ numbers: [CInt], _ listener: ListenerSettings, at index: Int,
        into sockets: inout [[ListeningSocket]]
    ) throws(SupervisorError) {
        let turns = turns(sockets: numbers.count, workers: sockets.count)
        var isTaken = [Bool](repeating: false, count: numbers.count)
        for (socket, worker) in turns {
            let isShared = turns.count { $0.socket == socket } > 1
            let number = numbers[socket]
            // Each worker closes what it has: the others' are descriptors of their own.
            let own = isTaken[socket] ? try duplicate(number, listener) : number
            isTaken[socket] = true
            sockets[worker].append(
                ListeningSocket(
                    number: own, listener: index, isShared: isShared, isKept: true))
        }
    }

    private static func duplicate(
        _ number: CInt, _ listener: ListenerSettings
    ) throws(SupervisorError) -> CInt {
        do throws(SystemError) {
            let socket = try Listener(owning: number)
            let copy = try socket.duplicate()
            _ = socket.release()
            return copy
        } catch {
            throw .passedSockets(listener: listener.name, .environment(error))
        }
    }

    private static func address(of number: CInt) throws(PassedSocketError) -> SocketAddress {
        do throws(SystemError) {
            let listener = try Listener.passed(number)
            let address = listener.address
            _ = listener.release()
            return address
        } catch {
            throw .environment(error)
        }
    }
}
