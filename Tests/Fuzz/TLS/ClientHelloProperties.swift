import Crypto
import Primitives
import TLS

/// What must hold of a ClientHello and its fingerprint, whatever the bytes are.
public enum ClientHelloProperties {
    /// Checks every property on `bytes`, with and without a header of their own; a violation traps.
    public static func check(_ bytes: [UInt8]) {
        checkMessage(bytes)
        // Lengths that a fuzzer can't get right by chance: a header that fits what follows.
        let count = bytes.count
        let header = [1, UInt8(count >> 16 & 255), UInt8(count >> 8 & 255), UInt8(count & 255)]
        checkMessage(header + bytes)
        let name = ClientHello.serverName(inExtension: bytes.span)
        precondition(name.count + 5 <= max(bytes.count, 5))
    }

    private static func checkMessage(_ message: [UInt8]) {
        guard let library = try? CryptoLibrary(), var digests = try? SHA256(library) else {
            preconditionFailure("no library")
        }
        let first = fingerprint(message, &digests)
        precondition(first == fingerprint(message, &digests))
        guard let hello = ClientHello(message.span) else {
            precondition(first == nil)
            return
        }
        precondition(hello.ciphers.count + hello.extensions.count <= message.count)
        precondition(hello.serverName.count <= hello.extensions.count)
        guard let first else { preconditionFailure("a message without a fingerprint") }
        precondition(isWellFormed(first))
        // What GREASE a client draws does not show.
        precondition(first == fingerprint(regreased(message, hello.ciphers.count), &digests))
    }

    private static func fingerprint(_ message: [UInt8], _ digests: inout SHA256) -> [UInt8]? {
        var buffer = ByteBuffer(capacity: ClientHelloFingerprint.byteCount)
        let isWritten = buffer.write { writer in
            ClientHelloFingerprint.write(message.span, digests: &digests, into: &writer)
        }
        guard isWritten else {
            precondition(buffer.count == 0)
            return nil
        }
        return (0..<buffer.count).map { buffer.span[$0] }
    }

    private static func isWellFormed(_ text: [UInt8]) -> Bool {
        let isHex = { (byte: UInt8) in
            byte.isASCIIDigit || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
        }
        return text.count == 36 && text[0] == UInt8(ascii: "t")
            && (text[3] == UInt8(ascii: "d") || text[3] == UInt8(ascii: "i"))
            && text[4..<8].allSatisfy(\.isASCIIDigit)
            && text[8..<10].allSatisfy { $0.isASCIIDigit || ($0.asciiLowercased &- 0x61) < 26 }
            && text[10] == UInt8(ascii: "_") && text[11..<23].allSatisfy(isHex)
            && text[23] == UInt8(ascii: "_") && text[24..<36].allSatisfy(isHex)
    }

    /// The message with other GREASE values among its cipher suites.
    private static func regreased(_ message: [UInt8], _ ciphersCount: Int) -> [UInt8] {
        var message = message
        let start = 4 + 34 + 1 + Int(message[38]) + 2
        for place in stride(from: start, to: start + ciphersCount, by: 2)
        where message[place] == message[place + 1] && message[place] & 15 == 10 {
            message[place] ^= 0x50
            message[place + 1] ^= 0x50
        }
        return message
    }
}
