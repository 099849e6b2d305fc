import AuditRings
import AuditWriter
import LinuxIO
import Primitives
import RequestFlow
import TLS
import Worker

/// What one worker's thread takes over.
private struct WorkerStart: ~Copyable, Sendable {
    let configuration: WorkerConfiguration
    let ring: RingProducer
    let gate: StartGate

    consuming func run() {
        let configuration = self.configuration
        let gate = self.gate
        WorkerThread.run(configuration, ring: self.ring) { error in
            gate.report(configuration.index, error)
        }
    }
}

/// The workers' threads, as the control thread sees them.
struct WorkerThreads: Sendable {
    private var controls: [WorkerControl] = []
    private let gate: StartGate
    private let relay = AcceptRelay()

    init() throws(SupervisorError) {
        do throws(SystemError) { gate = try StartGate() } catch { throw .process(error) }
    }

    /// Starts one worker and answers how to reach it. Its thread ends by itself once it is drained or stopped.
    mutating func start(
        _ index: Int, processor: Int?, settings: ProxySettings, listeners: [ListeningSocket],
        endpoints: EndpointNames, status: AuditStatus,
        writer: WriterControl, receiptPrefix: [UInt8], ring: consuming RingProducer,
        tls: WorkerTLS
    ) throws(SupervisorError) -> WorkerControl {
        do throws(SystemError) {
            let control = try WorkerControl()
            let relay = relay
            let start = WorkerStart(
                configuration: WorkerConfiguration(
                    index: index, processor: processor, settings: settings,
                    listeners: listeners, endpoints: endpoints.table, status: status,
                    wakeWriter: { writer.wake() }, requestCommit: { writer.requestCommit() },
                    receiptPrefix: receiptPrefix, control: control, tls: tls,
                    passOn: { relay.pass(from: index) }),
                ring: ring, gate: gate)
            // Ended threads are told by `isFinished`, not by joining: a worker that never ends
            // must not keep the process from stopping at its deadline.
            let thread = try PinnedThread.start(
                name: "worker-\(index)", processor: processor, state: start
            ) { (start: consuming WorkerStart) in start.run() }
            thread.detach()
            controls.append(control)
            relay.add(control)
            return control
        } catch {
            throw .worker(index, .system(error))
        }
    }

    /// Waits until all serve.
    func awaitStart() throws(SupervisorError) { try gate.wait(for: count) }

    /// How many were started.
    var count: Int { controls.count }

    /// How many have ended.
    var finishedCount: Int {
        var count = 0
        for control in controls where control.isFinished { count += 1 }
        return count
    }

    func drain() { for control in controls { control.drain() } }
    func stop() { for control in controls { control.stop() } }
    /// How many turns each worker has made; one that has ended counts up by itself.
    func turns() -> [UInt64] {
        controls.map { $0.isFinished ? SystemClock.monotonic().nanoseconds : $0.turns }
    }

    func wake() { for control in controls { control.wake() } }

    /// Gives each worker its own of `contexts`.
    func publish(_ contexts: [TLSContexts]) {
        for (control, contexts) in zip(controls, contexts) { control.publish(contexts: contexts) }
    }

    /// Gives all workers the same keys.
    func publish(_ tickets: TicketKeys) {
        for control in controls { control.publish(tickets: tickets) }
    }

    /// Tells each worker what the next settings end.
    func publish(_ retirement: SettingsRetirement) {
        for control in controls { control.publish(retirement: retirement) }
    }

    /// Gives each worker its own of `updates`.
    func publish(_ updates: [SettingsUpdate]) {
        for (control, update) in zip(controls, updates) { control.publish(update: update) }
    }

    /// The workers that don't go by the settings of `generation`, or later ones.
    func laggards(behind generation: SettingsGeneration) -> [Int] {
        controls.indices.filter { controls[$0].currentGeneration < generation }
    }

    /// The oldest settings that a record may still be made under.
    var oldestGeneration: SettingsGeneration {
        controls.map(\.oldestGeneration).min() ?? SettingsGeneration(number: 0)
    }

    /// Most generations of settings that one worker has.
    var generationCount: Int { controls.map(\.generationCount).max() ?? 0 }

    /// What each worker has counted, at most a second ago.
    func eachCounters() -> [WorkerCounters] { controls.map { $0.counters() } }

    /// How all requests have ended, and how long they took.
    func meterTotals() -> MeterTotals {
        var totals = MeterTotals()
        for control in controls { control.meter.add(to: &totals) }
        return totals
    }

    /// What all workers have counted, at most a second ago.
    func counters() -> WorkerCounters {
        var sum = WorkerCounters()
        for control in controls {
            let part = control.counters()
            sum.connections += part.connections
            sum.requests += part.requests
            sum.upstreamReuses += part.upstreamReuses
            sum.upstreamConnects += part.upstreamConnects
            sum.openClients += part.openClients
        }
        return sum
    }
}
