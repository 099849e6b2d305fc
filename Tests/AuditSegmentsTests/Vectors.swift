import AuditSegments
import Crypto
import Foundation
import Primitives

/// The vectors that an independent implementation made (Tests/Vectors/audit/README.md).
enum Vectors {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Vectors/audit")

    static func bytes(_ path: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: folder.appending(path: path)))
    }

    static func key() throws -> NoteKey {
        try NoteKey(String(decoding: try bytes("vkey"), as: UTF8.self))
    }

    static func signingKey() throws -> SigningKey {
        try SigningKey(seed: Array<UInt8>(0..<32).span)
    }

    /// All entries of the largest log.
    static func entries() throws -> [[UInt8]] {
        try ["000", "001", "002.p/188"].flatMap { name in
            let bytes = try bytes("log700/tile/entries/\(name)")
            return stride(from: 0, to: bytes.count, by: 38).map {
                Array(bytes[($0 + 2)..<($0 + 38)])
            }
        }
    }

    /// Roots of the log at its three sizes, in base64.
    static let roots: [(UInt64, String)] = [
        (5, "lAuzt9bHsnyzITqkAwOL4pi3pz+qGj5DSk91IgWuHfQ="),
        (300, "7zU7Uh+VRnyiVfhPoM/9IQkI9C78A6p70XgMOpBbviw="),
        (700, "Usw1I1i411MXtlsxD6U20VQSO/Sn+M7BTDzmfNwDNMA="),
    ]

    static func digest(base64: String) -> Digest256? {
        Data(base64Encoded: base64).flatMap { Digest256([UInt8]($0).span) }
    }

    static func digest(hexadecimal: String) -> Digest256? {
        var bytes: [UInt8] = []
        var rest = Substring(hexadecimal)
        while rest.count >= 2 {
            guard let byte = UInt8(rest.prefix(2), radix: 16) else { return nil }
            bytes.append(byte)
            rest = rest.dropFirst(2)
        }
        return Digest256(bytes.span)
    }
}
