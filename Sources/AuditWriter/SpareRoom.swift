import LinuxIO
import Primitives
import Synchronization

/// What the writer's thread and the one that prepares files for it tell each other.
///
/// A file has one owner at a time: it is taken out to be filled and put back, or taken out to be
/// written on, so that no zero is ever written behind the writer's back.
final class SpareRoom: Sendable {
    /// How large a segment becomes, and so the most that is filled.
    let segmentBytes: UInt64
    /// How large the reserve is; 0 for none.
    let reserveBytes: UInt64
    let signal: HandoverSignal
    private let file = Mutex<SpareFile?>(nil)
    private let reserve = Mutex<FileIdentity?>(nil)
    private let wanted = Atomic<UInt64>(0)
    private let filled = Atomic<UInt64>(0)
    private let short = Atomic<Bool>(false)
    private let asked = Atomic<Bool>(false)

    init(segmentBytes: UInt64, reserveBytes: UInt64) throws(SystemError) {
        self.segmentBytes = min(segmentBytes, SpareFile.limitBytes)
        self.reserveBytes = reserveBytes
        signal = try HandoverSignal()
    }

    // MARK: The writer's thread

    /// Says how long the open segment is: the spare is filled a step further than that.
    ///
    /// So a log writes as many zeros as bytes, spread over the time that its segment takes, and a
    /// quiet one hardly any.
    func noteSegment(byteCount: UInt64) {
        let target = min(segmentBytes, byteCount + SpareFile.stepBytes)
        let before = wanted.load(ordering: .relaxed)
        let isStep = target >= before + SpareFile.stepBytes / 2
        guard isStep || (target == segmentBytes && before < target) else { return }
        wanted.store(target, ordering: .relaxed)
        signal.announce()
    }

    /// The file for the next segment; nil when none is ready, or it is just being filled.
    func take() -> SpareFile? {
        let taken = file.withLock { $0.take() }
        guard let taken else { return nil }
        filled.store(0, ordering: .relaxed)
        wanted.store(0, ordering: .relaxed)
        return taken
    }

    /// Which file the reserve is; nil while there is none.
    var reserveIdentity: FileIdentity? { reserve.withLock { $0 } }

    /// There is no room: nothing is prepared until `endShortage`, but for the reserve when asked.
    func beginShortage() {
        short.store(true, ordering: .relaxed)
        put(reserve: nil)
    }

    /// Has the reserve made again, if there is room now.
    func requestReserve() {
        asked.store(true, ordering: .relaxed)
        signal.announce()
    }

    /// There is room again.
    func endShortage() {
        short.store(false, ordering: .relaxed)
    }

    /// Bytes that the spare and the reserve take: they are the log's own to use.
    var byteCount: UInt64 {
        filled.load(ordering: .relaxed) + (reserveIdentity == nil ? 0 : reserveBytes)
    }

    // MARK: Either

    /// Says which file the reserve is, or that there is none.
    func put(reserve identity: FileIdentity?) {
        reserve.withLock { $0 = identity }
    }

    // MARK: The thread that prepares

    /// Up to where the spare is to be filled.
    var target: UInt64 { wanted.load(ordering: .relaxed) }

    var isShort: Bool { short.load(ordering: .relaxed) }

    /// Whether the reserve was asked for since the last time.
    func takeRequest() -> Bool { asked.exchange(false, ordering: .relaxed) }

    /// Puts the file where the writer finds it.
    func put(_ spare: consuming SpareFile) {
        filled.store(spare.byteCount, ordering: .relaxed)
        var handed: SpareFile? = consume spare
        file.withLock { $0 = handed.take() }
    }

    /// Takes the file out to fill it further.
    func takeBack() -> SpareFile? { file.withLock { $0.take() } }
}
