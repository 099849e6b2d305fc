import Crypto
import Primitives

/// One epoch's file in a keyring (audit log format §8).
///
/// ```
/// 0 "SKR1"   4 u32 bytes of a row   8 u64 epoch   16 [16] 0
/// then rows (`KeyRow`), the epoch's own first
/// ```
public enum KeyringFile {
    /// Bytes before the first row.
    public static let headBytes = 32
    /// Folder of the keyring in a log's folder.
    public static let folder = "keyring"
    /// File of the wrapping key in the keyring.
    public static let wrappingKey = "wrapping.key"
    /// What an erasure under way has to finish, in the keyring.
    public static let erasure = "erasure.json"
    /// Bytes of the wrapping key, which its file has as hexadecimal digits.
    public static let wrappingKeyBytes = 32

    /// The beginning of the file of `epoch`.
    public static func head(epoch: UInt64) -> [UInt8] {
        var bytes = Array("SKR1".utf8) + [0, 0, 0, UInt8(KeyRow.byteCount)]
        for shift in stride(from: UInt64(56), through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: epoch >> shift))
        }
        return bytes + [UInt8](repeating: 0, count: headBytes - bytes.count)
    }

    /// The name of the file of `epoch`: 20 digits, so that names sort as epochs do.
    public static func name(epoch: UInt64) -> String {
        let digits = "\(epoch)"
        return String(repeating: "0", count: 20 - digits.utf8.count) + digits + ".keys"
    }

    /// The epoch of the file `name`; nil when it is no such file.
    public static func epoch(of name: String) -> UInt64? {
        guard name.hasSuffix(".keys"), let epoch = UInt64(name.dropLast(5)),
            KeyringFile.name(epoch: epoch) == name
        else { return nil }
        return epoch
    }

    /// Where row number `row` begins.
    public static func offset(row: Int) -> Int { headBytes + row * KeyRow.byteCount }

    /// The rows in a file of `epoch`; nil in the places of those that were erased or are damaged.
    ///
    /// - Returns: Nil when the bytes are no such file. A last row that is not whole is left out.
    public static func rows(_ bytes: [UInt8], epoch: UInt64) -> [KeyRow?]? {
        guard bytes.count >= headBytes, Array(bytes[..<headBytes]) == head(epoch: epoch) else {
            return nil
        }
        let count = (bytes.count - headBytes) / KeyRow.byteCount
        let span = bytes.span
        return (0..<count).map { row in
            let start = offset(row: row)
            return KeyRow(span.extracting(start..<start + KeyRow.byteCount))
        }
    }

    /// The key in the bytes of a wrapping key's file: 64 hexadecimal digits, and perhaps a line feed.
    public static func wrappingKey(_ text: Span<UInt8>) -> SecretBytes? {
        let hasEnd = text.count == 2 * wrappingKeyBytes + 1 && text[text.count - 1] == 0x0A
        guard hasEnd || text.count == 2 * wrappingKeyBytes else { return nil }
        var isMalformed = false
        let key = SecretBytes(capacity: wrappingKeyBytes) { output in
            for index in 0..<wrappingKeyBytes {
                let (high, low) = (digit(text[2 * index]), digit(text[2 * index + 1]))
                if high > 15 || low > 15 { isMalformed = true }
                output.append(high << 4 | low & 15)
            }
        }
        return isMalformed ? nil : key
    }

    private static func digit(_ byte: UInt8) -> UInt8 {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        default: 0xFF
        }
    }
}
