import Primitives
import Synchronization

/// The addresses that endpoints' names stand for now.
///
/// The control thread resolves names and calls `set`; each worker looks at `generation` once per
/// loop turn and takes a new `snapshot` only when it moved, so that no worker ever waits for a
/// name server, and the lock below is touched only when an answer changed.
public final class EndpointAddresses: Sendable {
    private let table: Mutex<[[[PeerAddress]]]>
    private let version = Atomic<UInt64>(0)

    /// No address for any endpoint yet; `endpointCounts[upstream]` endpoints each.
    public init(endpointCounts: [Int]) {
        table = Mutex(endpointCounts.map { Array(repeating: [], count: $0) })
    }

    /// Moves whenever an address changed. Any thread.
    public var generation: UInt64 { version.load(ordering: .acquiring) }

    /// The addresses by upstream and endpoint. Any thread.
    public func snapshot() -> [[[PeerAddress]]] { table.withLock { $0 } }

    /// Says what the name of an endpoint stands for; an empty answer keeps the old addresses.
    public func set(upstream: Int, endpoint: Int, addresses: [PeerAddress]) {
        guard !addresses.isEmpty else { return }
        let changed = table.withLock { table in
            guard table[upstream][endpoint] != addresses else { return false }
            table[upstream][endpoint] = addresses
            return true
        }
        // Releases the table above; pairs with the acquiring load in `generation`.
        if changed { version.wrappingAdd(1, ordering: .releasing) }
    }
}
