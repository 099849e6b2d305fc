import COpenSSL
import COpenSSLMemory
import Synchronization

/// OpenSSL's secure heap: where private keys and ticket keys lie.
///
/// Its memory is locked, so that it is never written to swap, stands between guard pages, is left
/// out of core dumps, and is cleared when it is freed. OpenSSL does not fall back to ordinary
/// memory when the heap is full: what needs it then fails, so it is sized for the most that can be
/// needed. Memory that is never touched is never taken from the machine (`MLOCK_ONFAULT`).
public enum SecureHeap {
    /// How the heap stands.
    public enum State: Sendable, Equatable {
        /// All of it is locked.
        case locked(bytes: Int)
        /// It works, but the kernel would not lock it: keys might be written to swap.
        case unlocked(bytes: Int)
        /// There is none; keys lie in ordinary memory.
        case unavailable
    }

    /// Largest heap; OpenSSL counts its pieces in an `int`.
    public static let limitBytes = 1 << 30
    /// Smallest heap that is worth its guard pages.
    public static let leastBytes = 1 << 16
    /// Smallest piece that is handed out.
    private static let pieceBytes = 32
    private static let state = Mutex<State?>(nil)

    /// Sets the heap up, once in the process and before any key is made; later calls answer how it
    /// stands.
    ///
    /// - Parameter bytes: What is needed; rounded up to a power of two.
    public static func start(bytes: Int) -> State {
        state.withLock { state in
            if let state { return state }
            var size = leastBytes
            while size < min(bytes, limitBytes) { size *= 2 }
            let new: State =
                switch CRYPTO_secure_malloc_init(size, pieceBytes) {
                case 1: .locked(bytes: size)
                case 2: .unlocked(bytes: size)
                default: .unavailable
                }
            state = new
            return new
        }
    }

    /// Runs `body`, and clears each piece of ordinary memory that OpenSSL frees meanwhile on this
    /// thread: its decoders copy a private key there, and free the copy as it is.
    ///
    /// It does so only where OpenSSL's memory is ours (`RecordMemory.keepBuffers`).
    public static func handlingSecret<Result, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        sallyport_begin_secret()
        defer { sallyport_end_secret() }
        return try body()
    }

    /// Bytes handed out now; 0 before `start`.
    public static var usedBytes: Int {
        // OpenSSL's own answer reads a lock that a heap which was never made does not have.
        CRYPTO_secure_malloc_initialized() == 1 ? CRYPTO_secure_used() : 0
    }
}
