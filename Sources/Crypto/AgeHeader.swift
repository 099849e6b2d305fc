import Primitives

/// The header of an age file (C2SP age, version 1): who can open it.
///
/// ```
/// age-encryption.org/v1
/// -> X25519 base64(ephemeral share[32])
/// base64(file key[16] under ChaCha20-Poly1305, tag[16])
/// --- base64(HMAC-SHA-256[32] of everything up to "---")
/// ```
///
/// Base64 has no padding. A stanza's body ends with its first line under 64 columns, an empty one
/// when need be. Stanzas of other types are passed over.
public struct AgeHeader: Equatable, Sendable {
    /// One stanza: how one recipient gets at the file key.
    public struct Stanza: Equatable, Sendable {
        /// The words behind the arrow; the first one is the type.
        public var words: [[UInt8]]
        /// What they say how to open.
        public var body: [UInt8]
    }

    /// The stanzas in their order, at least one.
    public let stanzas: [Stanza]
    /// The header's MAC.
    public let mac: [UInt8]
    /// How many bytes the MAC is over.
    public let authenticatedCount: Int
    /// Where the payload begins.
    public let byteCount: Int

    /// Longest header that is read, and most stanzas.
    public static let limitBytes = 64 << 10
    /// Most stanzas that are read.
    public static let limitStanzas = 256

    static let version = Array("age-encryption.org/v1\n".utf8)
    static let end = Array("---".utf8)
    static let arrow = Array("-> ".utf8)
    static let columns = 64
    static let typeX25519 = Array("X25519".utf8)

    /// Reads the header at the start of `bytes`; nil when there is none that is whole and strict.
    public init?(_ bytes: Span<UInt8>) {
        var lines = Lines(bytes.extracting(first: AgeHeader.limitBytes))
        guard let first = lines.next(), first + [.lineFeed] == AgeHeader.version else {
            return nil
        }
        var stanzas: [Stanza] = []
        while true {
            let start = lines.offset
            guard let line = lines.next() else { return nil }
            if line.starts(with: AgeHeader.end) {
                guard line.count > 4, line[3] == 0x20, !stanzas.isEmpty,
                    let mac = AgeHeader.decode(line[4...]), mac.count == KeyDerivation.byteCount
                else { return nil }
                self.stanzas = stanzas
                self.mac = mac
                authenticatedCount = start + AgeHeader.end.count
                byteCount = lines.offset
                return
            }
            guard stanzas.count < AgeHeader.limitStanzas,
                let stanza = AgeHeader.stanza(line, &lines)
            else { return nil }
            stanzas.append(stanza)
        }
    }

    private static func stanza(_ line: [UInt8], _ lines: inout Lines) -> Stanza? {
        guard line.starts(with: arrow) else { return nil }
        let words = line[arrow.count...].split(separator: 0x20, omittingEmptySubsequences: false)
        guard words.allSatisfy({ !$0.isEmpty && $0.allSatisfy { $0 > 0x20 && $0 < 0x7F } }) else {
            return nil
        }
        var body: [UInt8] = []
        while true {
            guard let text = lines.next(), text.count <= columns,
                let bytes = text.isEmpty ? [] : decode(text[...])
            else { return nil }
            body += bytes
            if text.count < columns { return Stanza(words: words.map { Array($0) }, body: body) }
        }
    }

    /// The bytes in base64 without padding; nil when it is not in its one form.
    static func decode(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        guard text.count % 4 != 1, !text.contains(UInt8(ascii: "=")) else { return nil }
        let padding = [UInt8](repeating: UInt8(ascii: "="), count: (4 - text.count % 4) % 4)
        return Base64.decode((Array(text) + padding).span)
    }

    /// Base64 without padding.
    static func encode(_ bytes: [UInt8]) -> [UInt8] {
        Array(Base64.encode(bytes.span).utf8.prefix { $0 != UInt8(ascii: "=") })
    }
}

/// Takes text apart at its line feeds, each of which has to be there.
private struct Lines: ~Escapable {
    private let bytes: Span<UInt8>
    private(set) var offset = 0

    @_lifetime(copy bytes)
    init(_ bytes: Span<UInt8>) {
        self.bytes = bytes
    }

    mutating func next() -> [UInt8]? {
        var line: [UInt8] = []
        var position = offset
        while position < bytes.count {
            if bytes[position] == .lineFeed {
                offset = position + 1
                return line
            }
            line.append(bytes[position])
            position += 1
        }
        return nil
    }
}
