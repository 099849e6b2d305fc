import Crypto
import LinuxIO
import AuditSegments
import Synchronization

/// Pieces of work that all cores do, each with a hasher of its own; the results keep their order.
final class ParallelWork<Output: Sendable>: Sendable {
    private let count: Int
    private let body: @Sendable (Int, inout TreeHasher) -> Output
    private let next = Atomic<Int>(0)
    private let outputs: Mutex<[Output?]>

    private init(_ count: Int, _ body: @escaping @Sendable (Int, inout TreeHasher) -> Output) {
        self.count = count
        self.body = body
        outputs = Mutex([Output?](repeating: nil, count: count))
    }

    /// The results of `body` for 0 up to `count`; nil for what could not be done.
    static func map(
        _ count: Int, threads: Int = Processors.count,
        body: @escaping @Sendable (Int, inout TreeHasher) -> Output
    ) -> [Output?] {
        guard count > 0 else { return [] }
        let work = ParallelWork(count, body)
        work.run(threads: min(threads, count))
        return work.outputs.withLock { $0 }
    }

    /// Does the work on this thread and `threads` - 1 others, and ends when all of it is done.
    private func run(threads: Int) {
        guard threads > 1,
            let other = try? PinnedThread.start(
                name: "audit", state: self, body: { $0.takePart() })
        else {
            takePart()
            return
        }
        run(threads: threads - 1)
        other.join()
    }

    private func takePart() {
        // Without SHA-256 nothing is done, which the missing results say.
        guard let library = try? CryptoLibrary(), var hasher = try? TreeHasher(library) else {
            return
        }
        while true {
            let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
            guard index < count else { return }
            let output = body(index, &hasher)
            outputs.withLock { $0[index] = output }
        }
    }
}

/// The processors that the tool may use.
enum Processors {
    static let count = max(1, PinnedThread.allowedProcessors().count)
}
