import CSystemd

/// Messages to systemd's journal, field by field (sd_journal_sendv(3)).
public enum Journal {
    /// Most fields of a message.
    public static let limitFields = 32

    /// Sends one message; false when journald did not take it.
    @discardableResult
    public static func send(_ fields: [JournalField]) -> Bool {
        precondition(fields.count <= limitFields)
        var bytes: [UInt8] = []
        var lengths: [Int] = []
        for field in fields {
            let text = "\(field.name)=\(field.value)".utf8
            bytes += text
            lengths.append(text.count)
        }
        // Safe: both are only read, for the length of the call; the lengths add up to the bytes.
        return unsafe sallyport_journal_send(bytes, lengths, CInt(lengths.count)) == 0
    }
}

/// One field of a message.
public struct JournalField: Sendable, Equatable {
    /// Capital letters, digits and underscores; a letter first.
    public let name: String
    /// What it says.
    public let value: String

    /// The field `name`, in capitals; what a name can't have becomes an underscore.
    public init(_ name: String, _ value: String) {
        let letters = name.utf8.map { byte -> UInt8 in
            switch byte {
            case 0x61...0x7A: byte - 0x20
            case 0x41...0x5A, 0x30...0x39: byte
            default: 0x5F
            }
        }
        self.name = String(decoding: letters.prefix(64), as: UTF8.self)
        self.value = value
    }
}
