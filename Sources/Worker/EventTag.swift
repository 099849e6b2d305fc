/// What an epoll registration is for: a kind, a slot, and which use of the slot.
struct EventTag: Equatable {
    enum Kind: UInt64 {
        case listener = 0
        case client
        case upstream
        case control
    }

    let kind: Kind
    let slot: Int
    let generation: UInt32

    init(_ kind: Kind, slot: Int, generation: UInt32) {
        self.kind = kind
        self.slot = slot
        self.generation = generation
    }

    /// Two bits of kind, thirty of slot, thirty-two of generation.
    var rawValue: UInt64 {
        kind.rawValue << 62 | UInt64(slot) << 32 | UInt64(generation)
    }

    init(rawValue: UInt64) {
        switch rawValue >> 62 {
        case 0: kind = .listener
        case 1: kind = .client
        case 2: kind = .upstream
        default: kind = .control
        }
        slot = Int(rawValue >> 32 & 0x3FFF_FFFF)
        generation = UInt32(truncatingIfNeeded: rawValue)
    }
}
