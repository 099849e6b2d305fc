/// Deadlines of numbered timers, found without looking at those that are not due.
///
/// One thread owns a wheel, and tells it the time. Moving a deadline later, which is what nearly
/// every request does, only writes a number: the timer stays where it is and is put back when
/// its turn comes. Deadlines are kept to one tick (10 ms), never early.
@safe
public struct TimerWheel: ~Copyable {
    private static let tickNanoseconds: UInt64 = 10_000_000
    private static let slotCount = 8192

    private struct Timer {
        var deadline: UInt64 = .max
        var next: Int32 = -1
        var previous: Int32 = -1
        /// The wheel's slot that holds this timer, or -1.
        var slot: Int32 = -1
        /// The tick at which the wheel looks at this timer.
        var tick: UInt64 = 0
    }

    // Safe: both arrays live from init to deinit and have one owner. Timers are checked against
    // `capacity` where they come in; slots are taken modulo the slot count; links hold what was
    // checked before.
    private let timers: UnsafeMutablePointer<Timer>
    private let heads: UnsafeMutablePointer<Int32>
    /// How many timers there are.
    public let capacity: Int
    private var armed = 0
    private var currentTick: UInt64
    /// No timer is to be looked at before this tick.
    private var earliestTick: UInt64 = .max

    /// A wheel of timers 0 ..< `capacity`, none of them armed.
    public init(capacity: Int, now: Instant) {
        precondition(capacity > 0 && capacity < Int(Int32.max))
        self.capacity = capacity
        unsafe timers = .allocate(capacity: capacity)
        unsafe timers.initialize(repeating: Timer(), count: capacity)
        unsafe heads = .allocate(capacity: TimerWheel.slotCount)
        unsafe heads.initialize(repeating: -1, count: TimerWheel.slotCount)
        currentTick = now.nanoseconds / TimerWheel.tickNanoseconds
    }

    deinit {
        unsafe timers.deallocate()
        unsafe heads.deallocate()
    }

    /// Arms `timer` for `deadline`, in place of any earlier deadline.
    public mutating func schedule(_ timer: Int, at deadline: Instant) {
        precondition(timer >= 0 && timer < capacity)
        unsafe timers[timer].deadline = deadline.nanoseconds
        let wanted = tick(for: deadline.nanoseconds)
        if unsafe timers[timer].slot >= 0 {
            if unsafe timers[timer].tick <= wanted { return }
            unlink(timer)
        }
        link(timer, tick: wanted)
    }

    /// Disarms `timer`.
    public mutating func cancel(_ timer: Int) {
        precondition(timer >= 0 && timer < capacity)
        unsafe timers[timer].deadline = .max
        if unsafe timers[timer].slot >= 0 { unlink(timer) }
    }

    /// When to look again, or nil when no timer is armed.
    public func nextLook() -> Instant? {
        guard armed > 0 else { return nil }
        return Instant(nanoseconds: earliestTick &* TimerWheel.tickNanoseconds)
    }

    /// Takes one timer that is due at `now`, or nil when none is left; call until nil.
    public mutating func popExpired(now: Instant) -> Int? {
        let nowTick = now.nanoseconds / TimerWheel.tickNanoseconds
        guard armed > 0, earliestTick <= nowTick else {
            if armed == 0 { currentTick = nowTick }
            return nil
        }
        currentTick = max(currentTick, earliestTick)
        // A whole turn of the wheel visits every slot, so more steps find nothing new.
        if nowTick - currentTick > UInt64(TimerWheel.slotCount) {
            currentTick = nowTick - UInt64(TimerWheel.slotCount)
        }
        while currentTick <= nowTick {
            let slot = Int(currentTick % UInt64(TimerWheel.slotCount))
            var index = unsafe heads[slot]
            while index >= 0 {
                let timer = Int(index)
                unsafe index = timers[timer].next
                guard unsafe timers[timer].tick <= currentTick else { continue }
                unlink(timer)
                let deadline = unsafe timers[timer].deadline
                if deadline <= now.nanoseconds {
                    unsafe timers[timer].deadline = .max
                    return timer
                }
                if deadline != .max { link(timer, tick: tick(for: deadline)) }
            }
            currentTick += 1
        }
        currentTick = nowTick
        earliestTick = armed > 0 ? nextOccupied(after: nowTick) : .max
        return nil
    }

    /// The first tick at or after the deadline, within one turn of the wheel.
    private func tick(for deadline: UInt64) -> UInt64 {
        let (sum, overflow) = deadline.addingReportingOverflow(TimerWheel.tickNanoseconds - 1)
        let wanted = (overflow ? UInt64.max : sum) / TimerWheel.tickNanoseconds
        let last = currentTick + UInt64(TimerWheel.slotCount) - 1
        return min(max(wanted, currentTick + 1), last)
    }

    private func nextOccupied(after tick: UInt64) -> UInt64 {
        for step in 1..<UInt64(TimerWheel.slotCount) {
            let slot = Int((tick + step) % UInt64(TimerWheel.slotCount))
            if unsafe heads[slot] >= 0 { return tick + step }
        }
        return tick + 1
    }

    private mutating func link(_ timer: Int, tick: UInt64) {
        let slot = Int(tick % UInt64(TimerWheel.slotCount))
        let head = unsafe heads[slot]
        unsafe timers[timer].tick = tick
        unsafe timers[timer].slot = Int32(slot)
        unsafe timers[timer].next = head
        unsafe timers[timer].previous = -1
        if head >= 0 { unsafe timers[Int(head)].previous = Int32(timer) }
        unsafe heads[slot] = Int32(timer)
        armed += 1
        earliestTick = min(earliestTick, tick)
    }

    private mutating func unlink(_ timer: Int) {
        let next = unsafe timers[timer].next
        let previous = unsafe timers[timer].previous
        if previous >= 0 {
            unsafe timers[Int(previous)].next = next
        } else {
            unsafe heads[Int(timers[timer].slot)] = next
        }
        if next >= 0 { unsafe timers[Int(next)].previous = previous }
        unsafe timers[timer].slot = -1
        armed -= 1
    }
}
