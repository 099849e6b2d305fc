import AuditRecords
import Crypto
import LinuxIO
import Logging
import Monitoring
import Primitives
import Settings
import Systemd

/// What is done once, at the start.
extension Supervisor {
    /// Opens the listener for health and metrics, where the settings name one.
    mutating func startMonitoring(_ pages: ProxyPages) throws(SupervisorError) {
        guard let place = settings.monitoring else { return }
        let listener = try monitoringListener(place)
        let server = MonitoringServer(listener, pages: pages)
        let address = server.address
        do throws(SystemError) {
            try server.start()
        } catch {
            throw .listener(name: "metrics", address: "\(address)", error)
        }
        logger.notice("health and metrics on \(address)")
    }

    private mutating func monitoringListener(
        _ place: MonitoringSettings
    ) throws(SupervisorError) -> Listener {
        if let name = place.socketName { return try passedListener(name) }
        let text = ListenerSet.text(host: place.host, port: place.port)
        guard let address = SocketAddress(literal: place.host, port: place.port) else {
            throw .listener(name: "metrics", address: text, nil)
        }
        do throws(SystemError) {
            return try Listener(address: address, backlog: 64)
        } catch {
            throw .listener(name: "metrics", address: text, error)
        }
    }

    /// The one socket named `name` that systemd has passed.
    private mutating func passedListener(_ name: String) throws(SupervisorError) -> Listener {
        let numbers: [CInt]
        do throws(PassedSocketError) {
            numbers = try passed.claim(name)
            guard numbers.count == 1 else {
                throw .tooMany(numbers.map { PassedDescriptor(number: $0, name: name) })
            }
        } catch {
            throw .passedSockets(listener: "metrics", error)
        }
        do throws(SystemError) {
            return try Listener.passed(numbers[0])
        } catch {
            throw .listener(name: "metrics", address: name, error)
        }
    }

    static func takeSockets() throws(SupervisorError) -> PassedSockets {
        do throws(PassedSocketError) {
            return try PassedSockets.take()
        } catch {
            throw .passedSockets(listener: nil, error)
        }
    }

    /// Refuses sockets that neither a listener has claimed, nor `metrics` will.
    func checkNothingIsLeft() throws(SupervisorError) {
        do throws(PassedSocketError) {
            try passed.checkNothingIsLeft(but: settings.monitoring?.socketName)
        } catch {
            throw .passedSockets(listener: nil, error)
        }
    }

    static func takeSignals() throws(SupervisorError) -> SignalWaiter {
        do throws(SystemError) {
            try ProcessLimits.refuseCoreDumps()
            return try SignalWaiter()
        } catch {
            throw .process(error)
        }
    }

    /// Sets up the memory that keys lie in, before any is read.
    func startSecureHeap() {
        switch SecureHeap.start(bytes: secureHeapBytes) {
        case .locked(let bytes):
            logger.info("\(bytes / 1024) KiB of memory for keys are locked")
        case .unlocked(let bytes):
            let limit = ProcessLimits.lockableBytes().map { "\($0 / 1024) KiB" } ?? "no limit"
            logger.warning(
                """
                \(bytes / 1024) KiB of memory for keys can't be locked, so that keys may be written \
                to swap; RLIMIT_MEMLOCK is \(limit)
                """
            )
        case .unavailable:
            logger.warning(
                "there is no memory for keys that is locked; keys may be written to swap")
        }
    }

    /// Allows the process all the descriptors that it may have, and tells what is probably wrong
    /// with the machine.
    func checkMachine() {
        do throws(SystemError) {
            _ = try ProcessLimits.raiseDescriptors()
        } catch {
            logger.warning("the limit of open descriptors stays as it is: \(error)")
        }
        let checks = StartChecks(
            settings,
            workerCount: settings.workers ?? max(1, PinnedThread.allowedProcessors().count),
            machine: StartChecks.Machine(
                descriptors: UInt64(ProcessLimits.descriptors()),
                freeBytes: MachineState.freeBytes(at: settings.audit.directory),
                time: SystemClock.wall(),
                isClockSynchronised: MachineState.isClockSynchronised()))
        for warning in checks.warnings { logger.warning("\(warning)") }
    }
}
