import Primitives

/// What the verifier counts with in a record's core, found in one walk over it.
///
/// Looking each member up by itself takes as long as all of a record's hashes.
struct CoreMembers: Sendable {
    private(set) var boot: UInt64?
    private(set) var sequence: Int64?
    private(set) var time: Int64?
    private(set) var worker: Int64?
    /// The sequence of the decision that a completion belongs to.
    private(set) var link: Int64?
    /// Whether it is one object whose members are in order, so that none is there twice: readers
    /// that take the first and readers that take the last then read the same.
    let isOrdered: Bool

    init(_ core: [UInt8]) {
        var members = Found()
        let isWhole = CanonicalObject(core).forEachMember { name, value in
            members.take(name, value)
        }
        isOrdered = isWhole && members.isOrdered
        boot = members.boot.flatMap(CanonicalObject.unquoted).flatMap { UInt64($0, radix: 16) }
        sequence = members.sequence.flatMap(CanonicalObject.integer)
        time = members.time.flatMap(CanonicalObject.integer)
        worker = members.worker.flatMap(CanonicalObject.integer)
        link = members.link.flatMap(CanonicalObject.integer)
    }

    /// The first member of each name, as everywhere.
    private struct Found {
        var boot: ArraySlice<UInt8>?
        var sequence: ArraySlice<UInt8>?
        var time: ArraySlice<UInt8>?
        var worker: ArraySlice<UInt8>?
        var link: ArraySlice<UInt8>?
        var isOrdered = true
        private var last: ArraySlice<UInt8>?

        mutating func take(_ name: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) {
            if let last, !last.lexicographicallyPrecedes(name) { isOrdered = false }
            last = name
            switch name.count {
            case 2 where time == nil && name.elementsEqual("ts".utf8): time = value
            case 3 where sequence == nil && name.elementsEqual("seq".utf8): sequence = value
            case 4 where boot == nil && name.elementsEqual("boot".utf8): boot = value
            case 4 where link == nil && name.elementsEqual("link".utf8): link = value
            case 6 where worker == nil && name.elementsEqual("worker".utf8): worker = value
            default: break
            }
        }
    }

    /// What a record of `kind` claims of its worker's sequence.
    func claim(kind: UInt8, core: [UInt8]) -> SequenceClaim {
        guard (1...4).contains(kind) else { return SequenceClaim(kind: kind, core: core) }
        guard let boot, let worker, worker >= 0, let sequence, sequence > 0 else {
            return .malformed
        }
        return .recorded(WorkerBoot(boot: boot, worker: UInt64(worker)), UInt64(sequence))
    }
}
