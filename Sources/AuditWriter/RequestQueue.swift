import AuditRecords
import AuditSegments
import LinuxIO
import Primitives
import Synchronization

/// What another thread has the writer's thread do, and waits for.
public enum WriterRequest: Sendable, Equatable {
    /// Record this.
    case record(AccountableEvent)
    /// Erase the keys of this subject, and record it.
    case erase(subject: [UInt8], reason: String, by: Requester)
    /// Set this legal hold, and record which there are.
    case hold(LegalHold)
    /// Take the legal hold of this name away, and record which there are.
    case release(name: String)
    /// Know the names of a new settings generation, before a worker uses it.
    case adopt(RecordNames, SettingsGeneration)
}

/// What came of it; what it says is durable.
public enum WriterAnswer: Sendable, Equatable {
    case recorded
    /// These keys of the subject were erased; none when it had none.
    case erased(keys: [UInt64])
    /// The holds on the log of this id are as was asked for.
    case held(log: String)
    /// Records may be made under those names.
    case adopted
    case refused(WriterRefusal)
}

/// Why the writer would not do what it was asked.
public enum WriterRefusal: Error, Sendable, Equatable {
    /// A legal hold is on the log.
    case held
    /// There is a hold of that name, or there are too many.
    case holdPresent
    /// There is no hold of that name.
    case holdMissing
    /// The file of the holds can't be read: everything is held until it is mended.
    case holdsUnreadable
    /// The file of the holds could not be written.
    case holdsUnwritable(SystemError)
    /// The log has no keyring, so that nothing of a subject can be erased.
    case keyringMissing
    /// The keyring could not be read or written.
    case keyring(AuditWriterError)
    /// The writer has ended, or ends now.
    case ended
    /// No answer came in time; it may still be done.
    case late
}

/// Requests that wait for the writer.
final class RequestQueue: Sendable {
    /// One that waits, and who waits for it.
    final class Pending: Sendable {
        let request: WriterRequest
        private let wakeup: Wakeup
        private let answer = Mutex<WriterAnswer?>(nil)

        fileprivate init(_ request: WriterRequest) throws(SystemError) {
            self.request = request
            wakeup = try Wakeup()
        }

        /// Tells who waits. The writer's thread, once.
        func finish(_ result: WriterAnswer) {
            answer.withLock { $0 = result }
            wakeup.signal()
        }

        fileprivate func wait(until deadline: Instant) -> WriterAnswer {
            guard var poller = try? Poller(batch: 1),
                (try? poller.addSource(wakeup.descriptor, tag: 0)) != nil
            else { return .refused(.late) }
            while true {
                if let result = answer.withLock({ $0 }) { return result }
                let now = SystemClock.monotonic()
                guard now < deadline else { return .refused(.late) }
                let left = deadline.nanoseconds(since: now) / 1_000_000 + 1
                _ = try? poller.wait(milliseconds: Int32(clamping: left))
            }
        }
    }

    private struct State {
        var pending: [Pending] = []
        var isClosed = false
    }

    private let state = Mutex<State>(State())
    private let hasPending = Atomic<Bool>(false)

    /// Most requests that wait.
    private static let capacity = 16

    /// Has `request` done and waits for it; `wake` wakes the writer.
    func perform(
        _ request: WriterRequest, until deadline: Instant, wake: () -> Void
    ) -> WriterAnswer {
        guard let pending = try? Pending(request) else { return .refused(.late) }
        let refusal = state.withLock { state -> WriterRefusal? in
            guard !state.isClosed else { return .ended }
            guard state.pending.count < RequestQueue.capacity else { return .late }
            state.pending.append(pending)
            return nil
        }
        if let refusal { return .refused(refusal) }
        // Releases the request; pairs with the acquiring load in `takeAll`.
        hasPending.store(true, ordering: .releasing)
        wake()
        return pending.wait(until: deadline)
    }

    /// Those that wait. The writer's thread, each turn.
    func takeAll() -> [Pending] {
        guard hasPending.load(ordering: .acquiring) else { return [] }
        hasPending.store(false, ordering: .relaxed)
        return state.withLock { state in
            defer { state.pending = [] }
            return state.pending
        }
    }

    /// Answers those that wait, and all that come, that the writer has ended.
    func close() {
        let left = state.withLock { state in
            state.isClosed = true
            defer { state.pending = [] }
            return state.pending
        }
        for pending in left { pending.finish(.refused(.ended)) }
    }
}
