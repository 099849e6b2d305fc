import Primitives

/// The decoded parts of the token that is being verified, in memory made once.
struct TokenScratch: ~Copyable {
    var header: ByteBuffer
    var payload: ByteBuffer
    var signature: ByteBuffer

    /// Longest signature of an accepted key: RSA of 8192 bits.
    static let mostSignatureBytes = 1024

    init(tokenBytes: Int) {
        header = ByteBuffer(capacity: tokenBytes)
        payload = ByteBuffer(capacity: tokenBytes)
        signature = ByteBuffer(capacity: TokenScratch.mostSignatureBytes)
    }

    /// Decodes header and payload.
    mutating func decode(_ parts: CompactToken, of token: Span<UInt8>) throws(TokenRefusal) {
        header.removeAll()
        payload.removeAll()
        let isDecoded =
            header.write { Base64URL.decode(token.extracting(parts.header), into: &$0) }
            && payload.write { Base64URL.decode(token.extracting(parts.payload), into: &$0) }
        guard isDecoded else { throw TokenRefusal(.tokenMalformed) }
    }

    /// Decodes the signature.
    mutating func decodeSignature(
        _ parts: CompactToken, of token: Span<UInt8>
    ) throws(TokenRefusal) {
        signature.removeAll()
        guard !parts.signature.isEmpty else { throw TokenRefusal(.tokenSignatureInvalid) }
        let isDecoded = signature.write {
            Base64URL.decode(token.extracting(parts.signature), into: &$0)
        }
        guard isDecoded else { throw TokenRefusal(.tokenMalformed) }
    }
}
