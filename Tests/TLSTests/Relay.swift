import Glibc
import LinuxIO

/// Moves bytes between two sockets, and keeps what the first of them sent.
final class Relay {
    private let near: Descriptor
    private let far: Descriptor
    private var kept: [UInt8] = []

    init(_ near: consuming Descriptor, _ far: consuming Descriptor) {
        self.near = near
        self.far = far
    }

    /// Moves at most so many bytes in each direction; false when there were none.
    func move(_ count: Int) -> Bool {
        let first = Self.move(count, near.number, far.number)
        kept += first
        return !Self.move(count, far.number, near.number).isEmpty || !first.isEmpty
    }

    private static func move(_ count: Int, _ source: CInt, _ target: CInt) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let taken = max(0, recv(source, &bytes, count, 0))
        guard taken > 0 else { return [] }
        let moved = Array(bytes.prefix(taken))
        _ = Descriptor.send(moved.span, to: target)
        return moved
    }

    func forget() { kept = [] }

    /// Lengths of the records kept.
    var records: [Int] {
        var sizes: [Int] = []
        var offset = 0
        while offset + 5 <= kept.count {
            let size = Int(kept[offset + 3]) << 8 | Int(kept[offset + 4])
            sizes.append(size)
            offset += 5 + size
        }
        return sizes
    }
}

/// SplitMix64: a generator whose seed a test prints.
struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}
