import CLinux
import Glibc

/// A thread with a name, bound to one processor or to none; joined once.
@safe
public struct PinnedThread: ~Copyable, @unchecked Sendable {
    // Sendable: a thread's handle may be joined by any other thread.
    private let handle: pthread_t

    /// Most bytes of a name that the kernel keeps.
    public static let nameBytes = 15

    /// Starts a thread that takes `state` over and runs `body` to its end.
    ///
    /// - Parameters:
    ///   - name: What `ps` and `top` show, cut to 15 bytes.
    ///   - processor: Number of the processor to run on alone; nil for any. A processor that the
    ///     process may not use leaves the thread unbound.
    public static func start<State: ~Copyable & Sendable>(
        name: String, processor: Int? = nil, state: consuming State,
        body: @escaping @Sendable (consuming State) -> Void
    ) throws(SystemError) -> PinnedThread {
        let box = StartBox<State>(state, body)
        let job = StartJob(name: String(name.prefix(nameBytes)), processor: processor) {
            box.run()
        }
        var handle = pthread_t()
        // Safe: the thread takes over the one reference that passRetained makes.
        let argument = unsafe Unmanaged.passRetained(job)
        let result = unsafe pthread_create(
            &handle, nil,
            { argument in
                guard let argument = unsafe argument else { return nil }
                unsafe Unmanaged<StartJob>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, argument.toOpaque())
        guard result == 0 else {
            unsafe argument.release()
            throw SystemError("pthread_create", result)
        }
        return PinnedThread(handle: handle)
    }

    /// Lets the threads that serve somebody run before the calling one, as far as the system permits.
    public static func yieldToOthers() {
        _ = sallyport_lower_priority()
    }

    /// Processors that this process may run on.
    public static func allowedProcessors() -> [Int] {
        var numbers = [CInt](repeating: 0, count: 1024)
        // Safe: at most as many numbers are written as there is room for.
        let count = unsafe sallyport_allowed_processors(&numbers, CInt(numbers.count))
        return numbers.prefix(Int(max(count, 0))).map { Int($0) }
    }

    /// Lets the thread run on alone; nobody waits for its end.
    public consuming func detach() {
        // The handle is given up once, because detaching consumes it.
        let result = pthread_detach(handle)
        precondition(result == 0)
    }

    /// Waits until the thread has ended.
    public consuming func join() {
        // The handle is joined once, because joining consumes it.
        let result = pthread_join(handle, nil)
        precondition(result == 0)
    }
}

/// Carries a value that can't be copied to the thread that takes it over.
private final class StartBox<State: ~Copyable & Sendable>: @unchecked Sendable {
    // Sendable: written before the thread starts, taken by it once.
    private var state: State?
    private let body: @Sendable (consuming State) -> Void

    init(_ state: consuming State, _ body: @escaping @Sendable (consuming State) -> Void) {
        self.state = consume state
        self.body = body
    }

    func run() {
        guard let taken = state.take() else { preconditionFailure("a thread started twice") }
        body(taken)
    }
}

private final class StartJob: Sendable {
    private let name: String
    private let processor: Int?
    private let body: @Sendable () -> Void

    init(name: String, processor: Int?, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.processor = processor
        self.body = body
    }

    func run() {
        // Safe: the name is only read, for the length of the call. Both are conveniences:
        // a thread without its name or processor still does its work.
        _ = unsafe sallyport_name_thread(name)
        if let processor { _ = sallyport_pin_to_processor(CInt(processor)) }
        body()
    }
}
