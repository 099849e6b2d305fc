import LinuxIO
import Primitives
import Upstream

/// Resolves the names of endpoints, on a thread that may wait for a name server.
struct EndpointNames: Sendable {
    private let upstreams: [UpstreamSettings]
    private let addresses: EndpointAddresses
    /// How often names are looked up again.
    static let refreshMilliseconds: Int32 = 30_000
    /// How often a name that has never led anywhere is looked up again.
    static let retryMilliseconds: Int32 = 2_000

    init(_ upstreams: [UpstreamSettings]) {
        self.upstreams = upstreams
        addresses = EndpointAddresses(endpointCounts: upstreams.map(\.endpoints.count))
    }

    /// The same for `upstreams`, with what is known already of the names that `earlier` has.
    init(_ upstreams: [UpstreamSettings], after earlier: EndpointNames) {
        self.init(upstreams)
        let known = earlier.addresses.snapshot()
        for (index, upstream) in upstreams.enumerated() {
            for (position, endpoint) in upstream.endpoints.enumerated() {
                for (old, other) in earlier.upstreams.enumerated() {
                    guard let place = other.endpoints.firstIndex(of: endpoint) else { continue }
                    addresses.set(
                        upstream: index, endpoint: position, addresses: known[old][place])
                }
            }
        }
    }

    /// What workers read.
    var table: EndpointAddresses { addresses }

    /// Whether an endpoint's address can change at all.
    var hasNames: Bool {
        upstreams.contains { upstream in
            upstream.endpoints.contains { SocketAddress(literal: $0.host, port: 1) == nil }
        }
    }

    /// Looks all names up, or only those that have led nowhere yet; answers those that still do.
    @discardableResult
    func refresh(all: Bool = true) -> [String] {
        var missing: [String] = []
        let known = addresses.snapshot()
        for (index, upstream) in upstreams.enumerated() {
            for (position, endpoint) in upstream.endpoints.enumerated() {
                guard all || known[index][position].isEmpty else { continue }
                let found = NameResolution.addresses(of: endpoint.host, port: endpoint.port)
                addresses.set(upstream: index, endpoint: position, addresses: found)
                if found.isEmpty { missing.append(endpoint.host) }
            }
        }
        return missing
    }
}

extension EndpointNames {
    /// Looks names up again from time to time, on a thread of its own that ends with the process,
    /// or soon after it is asked to; nil when no name can change.
    func keepFresh(_ workers: WorkerThreads) throws(SupervisorError) -> StopSignal? {
        guard hasNames else { return nil }
        do throws(SystemError) {
            let stop = try StopSignal()
            let thread = try PinnedThread.start(name: "names", state: stop) { stop in
                guard var poller = try? Poller(batch: 1) else { return }
                try? stop.watch(with: poller, tag: 0)
                var wait = EndpointNames.retryMilliseconds
                while true {
                    _ = try? poller.wait(milliseconds: wait)
                    if stop.isAsked { return }
                    let before = table.generation
                    let isMissing = !refresh().isEmpty
                    wait =
                        isMissing
                        ? EndpointNames.retryMilliseconds : EndpointNames.refreshMilliseconds
                    if table.generation != before { workers.wake() }
                }
            }
            thread.detach()
            return stop
        } catch {
            throw .process(error)
        }
    }
}
