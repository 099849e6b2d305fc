import Synchronization

/// The memory that the two halves of a ring share.
///
/// Positions count bytes since the start and never wrap; the place of a position is its low bits.
/// A record lies in one piece: u32 length, u32 0, the bytes, padding to 8. Where the room before
/// the end of the memory is too short, a length of all ones says: go on at the start.
///
/// The two positions are on cache lines of their own (two apart: processors fetch pairs), so that
/// a worker that pushes and the writer that drains do not slow each other.
@safe
final class RingStorage: Sendable {
    typealias Line = InlineArray<16, UInt64>

    private let before = Line(repeating: 0)
    /// Where the producer has published up to. Written by the producer only.
    let published = Atomic<UInt64>(0)
    private let between = Line(repeating: 0)
    /// Where the consumer has released up to. Written by the consumer only.
    let released = Atomic<UInt64>(0)
    private let behind = Line(repeating: 0)

    // Sendable: who may touch which bytes follows from the two positions.
    // Safe: allocated in init and freed in deinit; both halves hold on to this object.
    nonisolated(unsafe) let memory: UnsafeMutableRawPointer
    let capacity: Int

    /// Bytes before each record's own.
    static let headerBytes = 8
    /// In place of a length: the next record is at the start of the memory.
    static let skip = UInt32.max

    init(capacity: Int) {
        precondition(capacity >= 4096 && capacity & (capacity - 1) == 0)
        self.capacity = capacity
        unsafe memory = .allocate(byteCount: capacity, alignment: 128)
    }

    deinit {
        unsafe memory.deallocate()
    }

    /// Bytes that a record of `count` bytes takes.
    static func stride(_ count: Int) -> Int {
        (headerBytes &+ count &+ 7) & ~7
    }
}
