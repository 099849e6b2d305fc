import AuditRecords
import AuditSegments
import Crypto
import LinuxIO
import Primitives

/// Where the key of a subject lies.
struct KeyPlace: Sendable, Equatable {
    var epoch: UInt64
    var row: Int
    var id: UInt64
}

/// An erasure that was ordered: which keys, by whom and why. It does not say whose they are.
struct KeyErasure: Sendable, Equatable {
    var places: [KeyPlace]
    var reason: String
    var requester: Requester

    init(places: [KeyPlace], reason: String, requester: Requester) {
        self.places = places
        self.reason = reason
        self.requester = requester
    }

    /// Reads what `json` wrote; nil when it is something else.
    init?(json bytes: [UInt8]) {
        let object = CanonicalObject(bytes)
        guard let texts = object.strings("keys"), let reason = object.string("reason"),
            let user = object.integer("uid"), let group = object.integer("gid"),
            let process = object.integer("pid")
        else { return nil }
        places = []
        for text in texts {
            let pieces = text.split(separator: ".", omittingEmptySubsequences: false)
            guard pieces.count == 3, let epoch = UInt64(pieces[0]), let row = Int(pieces[1]),
                row > 0, let id = UInt64(pieces[2], radix: 16)
            else { return nil }
            places.append(KeyPlace(epoch: epoch, row: row, id: id))
        }
        self.reason = reason
        requester = Requester(
            user: UInt32(clamping: user), group: UInt32(clamping: group),
            process: Int32(clamping: process))
        guard json == bytes else { return nil }
    }

    /// What lies in the keyring until the erasure is recorded.
    var json: [UInt8] {
        let texts = places.map { "\($0.epoch).\($0.row).\($0.id.hexText)" }
        return CanonicalValue.object([
            "gid": .integer(Int64(requester.group)), "keys": .array(texts.map { .string($0) }),
            "pid": .integer(Int64(requester.process)), "reason": .string(reason),
            "uid": .integer(Int64(requester.user)),
        ]).bytes
    }
}

extension Keyring {
    /// Where all keys of `subject` lie, in every epoch.
    mutating func places(of subject: [UInt8]) throws -> [KeyPlace] {
        try commit()
        var places: [KeyPlace] = []
        for epoch in try Keyring.epochs(in: folder) {
            let rows = try Keyring.rows(of: epoch, in: folder)
            guard let first = rows.first ?? nil else {
                throw AuditWriterError.keyringDamaged(KeyringFile.name(epoch: epoch))
            }
            var key = try PseudonymKey(
                row: first, epoch: epoch, wrapping: &wrapping, library: library)
            let place = key.digest(PseudonymKey.place, subject, of: .subject, hash: &hash)
            for (number, row) in rows.enumerated().dropFirst() {
                if let row, row.place == place {
                    places.append(KeyPlace(epoch: epoch, row: number, id: row.id))
                }
            }
        }
        return places
    }

    /// Notes durably what is to be erased.
    borrowing func note(_ order: KeyErasure) throws(SystemError) {
        try folder.replace(KeyringFile.erasure, order.json.span)
    }

    /// Forgets what was noted, when it is done and recorded.
    borrowing func forgetOrder() throws(SystemError) {
        try folder.remove(KeyringFile.erasure)
        try folder.sync()
    }

    /// Overwrites the rows at `places` with zeros, in their files and in memory.
    mutating func erase(_ places: [KeyPlace]) throws(SystemError) {
        let zeros = [UInt8](repeating: 0, count: KeyRow.byteCount)
        for place in places {
            let offset = UInt64(KeyringFile.offset(row: place.row))
            let other = try folder.openFile(KeyringFile.name(epoch: place.epoch))
            let row = try other.read(at: offset, count: KeyRow.byteCount)
            // A crash may have come between the order and this; what is there now is asked again.
            if let found = KeyRow(row.span), found.id == place.id {
                try other.write(zeros.span, at: offset)
            }
            try other.sync()
            forget(place)
        }
    }
}
