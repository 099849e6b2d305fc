import Primitives

/// Bech32 (BIP 173) as age uses it: any length up to a limit, no mixed case.
public enum Bech32 {
    /// Longest text that is read.
    public static let limitBytes = 256
    private static let alphabet = Array("qpzry9x8gf2tvdw0s3jn54khce6mua7l".utf8)
    private static let checksumCount = 6

    /// The bytes in `text`, which has to begin with `prefix` in the same case; nil when it is none.
    public static func decode(_ text: [UInt8], prefix: String) -> [UInt8]? {
        guard text.count <= limitBytes else { return nil }
        let name = Array(prefix.utf8)
        let isUpper = name.contains { $0 != $0.asciiLowercased }
        guard text.count > name.count + 1 + checksumCount, text.starts(with: name),
            text[name.count] == UInt8(ascii: "1")
        else { return nil }
        var values: [UInt8] = []
        for byte in text[(name.count + 1)...] {
            let isLetter = !byte.isASCIIDigit
            // The other case is not in the alphabet that the letter is looked for in.
            guard !isLetter || (byte != byte.asciiLowercased) == isUpper,
                let value = alphabet.firstIndex(of: byte.asciiLowercased)
            else { return nil }
            values.append(UInt8(value))
        }
        guard checksum(expanded(name) + values) == 1 else { return nil }
        return bytes(of: values.dropLast(checksumCount))
    }

    /// The text of `bytes` behind `prefix`, in the prefix's case.
    public static func encode(_ bytes: [UInt8], prefix: String) -> String {
        let name = Array(prefix.utf8)
        var values: [UInt8] = []
        var (bits, width) = (0, 0)
        for byte in bytes {
            bits = (bits << 8 | Int(byte)) & 0xFFF
            width += 8
            while width >= 5 {
                width -= 5
                values.append(UInt8(bits >> width & 31))
            }
        }
        if width > 0 { values.append(UInt8(bits << (5 - width) & 31)) }
        let zeros = [UInt8](repeating: 0, count: checksumCount)
        let sum = checksum(expanded(name) + values + zeros) ^ 1
        for position in 0..<checksumCount {
            values.append(UInt8(sum >> UInt32(5 * (checksumCount - 1 - position)) & 31))
        }
        let isUpper = name.contains { $0 != $0.asciiLowercased }
        let letters = values.map { value in
            let letter = alphabet[Int(value)]
            return isUpper && !letter.isASCIIDigit ? letter - 0x20 : letter
        }
        return prefix + "1" + String(decoding: letters, as: UTF8.self)
    }

    /// Groups of eight bits; nil when what is left over is more than padding.
    private static func bytes(of values: ArraySlice<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        var (bits, width) = (0, 0)
        for value in values {
            bits = (bits << 5 | Int(value)) & 0xFFF
            width += 5
            if width >= 8 {
                width -= 8
                bytes.append(UInt8(bits >> width & 255))
            }
        }
        guard width < 5, bits & ((1 << width) - 1) == 0 else { return nil }
        return bytes
    }

    private static func expanded(_ name: [UInt8]) -> [UInt8] {
        let lower = name.map(\.asciiLowercased)
        return lower.map { $0 >> 5 } + [0] + lower.map { $0 & 31 }
    }

    private static func checksum(_ values: [UInt8]) -> UInt32 {
        let generator: [UInt32] = [
            0x3B6A_57B2, 0x2650_8E6D, 0x1EA1_19FA, 0x3D42_33DD, 0x2A14_62B3,
        ]
        var sum: UInt32 = 1
        for value in values {
            let top = sum >> 25
            sum = (sum & 0x1FF_FFFF) << 5 ^ UInt32(value)
            for (position, factor) in generator.enumerated() where top >> position & 1 == 1 {
                sum ^= factor
            }
        }
        return sum
    }
}
