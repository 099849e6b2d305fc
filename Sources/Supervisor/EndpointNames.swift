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

    /// What workers read.
    var table: EndpointAddresses { addresses }

    /// Whether an endpoint's address can change at all.
    var hasNames: Bool {
        upstreams.contains { upstream in
            upstream.endpoints.contains { SocketAddress(literal: $0.host, port: 1) == nil }
        }
    }

    /// Looks all names up; answers those that led nowhere.
    func refresh() -> [String] {
        var missing: [String] = []
        for (index, upstream) in upstreams.enumerated() {
            for (position, endpoint) in upstream.endpoints.enumerated() {
                let found = NameResolution.addresses(of: endpoint.host, port: endpoint.port)
                addresses.set(upstream: index, endpoint: position, addresses: found)
                if found.isEmpty { missing.append(endpoint.host) }
            }
        }
        return missing
    }
}

extension EndpointNames {
    /// Looks names up again from time to time, on a thread of its own that ends with the process.
    func keepFresh(_ workers: WorkerThreads) throws(SupervisorError) {
        guard hasNames else { return }
        do throws(SystemError) {
            let idle = try Wakeup()
            let thread = try PinnedThread.start(name: "names", state: idle) {
                (idle: consuming Wakeup) in
                guard var poller = try? Poller(batch: 1) else { return }
                try? poller.addSource(idle.descriptor, tag: 0)
                var wait = EndpointNames.retryMilliseconds
                while true {
                    _ = try? poller.wait(milliseconds: wait)
                    let before = table.generation
                    let isMissing = !refresh().isEmpty
                    wait =
                        isMissing
                        ? EndpointNames.retryMilliseconds : EndpointNames.refreshMilliseconds
                    if table.generation != before { workers.wake() }
                }
            }
            thread.detach()
        } catch {
            throw .process(error)
        }
    }
}
