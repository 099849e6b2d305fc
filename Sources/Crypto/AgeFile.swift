import COpenSSL
import Primitives

/// Writes and reads whole age files (C2SP age, version 1) for X25519 recipients.
///
/// After the header (`AgeHeader`): a nonce of 16 bytes, then chunks of 64 KiB under
/// ChaCha20-Poly1305, the nonce of each being an 11-byte big-endian counter and a byte that is 1
/// for the last one.
/// The last chunk is empty only when the file is.
///
/// For batches: each file has a new file key and, for each recipient, a new ephemeral share.
public enum AgeFile {
    /// Bytes of a chunk before encryption.
    public static let chunkBytes = 64 << 10
    static let fileKeyBytes = 16
    static let nonceBytes = 16
    private static let tag = AuthenticatedBox.tagBytes
    private static let infoX25519 = "age-encryption.org/v1/X25519"
    private static let zeroNonce = [UInt8](repeating: 0, count: AuthenticatedBox.nonceBytes)

    /// Bytes of the age file for `count` recipients around `plainCount` bytes.
    public static func byteCount(plainCount: Int, recipients count: Int) -> Int {
        let chunks = max(1, (plainCount + chunkBytes - 1) / chunkBytes)
        // "-> X25519 " and 43 columns, 43 columns, their ends; "--- ", 43 columns, the end.
        let header = AgeHeader.version.count + count * (10 + 43 + 1 + 43 + 1) + 4 + 43 + 1
        return header + nonceBytes + plainCount + chunks * tag
    }

    /// The age file with `plain` in it, for each of `recipients`.
    public static func encrypt(
        _ plain: Span<UInt8>, to recipients: [AgeRecipient]
    ) throws(CryptoError) -> [UInt8] {
        precondition(!recipients.isEmpty)
        var fileKey = RandomBytes.bytes(fileKeyBytes)
        // Safe: the bytes are cleared in place.
        defer { unsafe OPENSSL_cleanse(&fileKey, fileKey.count) }
        var file = AgeHeader.version
        file.reserveCapacity(byteCount(plainCount: plain.count, recipients: recipients.count))
        for recipient in recipients {
            let ephemeral = try X25519Key.generate()
            let share = ephemeral.publicKey
            let wrap = try wrapKey(
                secret: ephemeral.sharedSecret(with: recipient.publicKey), share: share,
                recipient: recipient.publicKey)
            let box = try AuthenticatedBox(key: wrap)
            var body: [UInt8] = []
            try box.seal(fileKey.span, nonce: zeroNonce, into: &body)
            file += AgeHeader.arrow + AgeHeader.typeX25519 + [0x20] + AgeHeader.encode(share)
            file += [.lineFeed] + AgeHeader.encode(body) + [.lineFeed]
        }
        file += AgeHeader.end
        let mac = try headerMAC(fileKey, file)
        file += [0x20] + AgeHeader.encode(mac) + [.lineFeed]
        let nonce = RandomBytes.bytes(nonceBytes)
        file += nonce
        let box = try AuthenticatedBox(
            key: KeyDerivation.key(from: fileKey, salt: nonce, info: "payload"))
        var offset = 0
        var counter: UInt64 = 0
        repeat {
            let end = min(offset + chunkBytes, plain.count)
            try box.seal(
                plain.extracting(offset..<end),
                nonce: chunkNonce(counter, isLast: end == plain.count), into: &file)
            offset = end
            counter += 1
        } while offset < plain.count
        return file
    }

    /// What the age file holds, opened with the first of `identities` that can.
    ///
    /// - Throws: `ageFileMalformed`, `ageFileForOthers` when no identity is a recipient, or
    ///   `ageFileChanged` when header or payload are not what was written.
    public static func decrypt(
        _ file: Span<UInt8>, identities: [AgeIdentity]
    ) throws(CryptoError) -> [UInt8] {
        guard let header = AgeHeader(file) else { throw .ageFileMalformed }
        guard var fileKey = try fileKey(header, identities) else { throw .ageFileForOthers }
        // Safe: the bytes are cleared in place.
        defer { unsafe OPENSSL_cleanse(&fileKey, fileKey.count) }
        var authenticated: [UInt8] = []
        for position in 0..<header.authenticatedCount { authenticated.append(file[position]) }
        guard KeyDerivation.areEqual(try headerMAC(fileKey, authenticated), header.mac) else {
            throw .ageFileChanged
        }
        let payload = file.extracting(droppingFirst: header.byteCount)
        guard payload.count >= nonceBytes + tag else { throw .ageFileMalformed }
        var nonce: [UInt8] = []
        for position in 0..<nonceBytes { nonce.append(payload[position]) }
        let box = try AuthenticatedBox(
            key: KeyDerivation.key(from: fileKey, salt: nonce, info: "payload"))
        return try open(payload.extracting(droppingFirst: nonceBytes), box)
    }

    private static func open(
        _ chunks: Span<UInt8>, _ box: borrowing AuthenticatedBox
    ) throws(CryptoError) -> [UInt8] {
        var plain: [UInt8] = []
        plain.reserveCapacity(chunks.count)
        var offset = 0
        var counter: UInt64 = 0
        repeat {
            let end = min(offset + chunkBytes + tag, chunks.count)
            let isLast = end == chunks.count
            // A last chunk without text stands only alone.
            guard end - offset > tag || (offset == 0 && end - offset == tag),
                box.open(
                    chunks.extracting(offset..<end), nonce: chunkNonce(counter, isLast: isLast),
                    into: &plain)
            else { throw .ageFileChanged }
            offset = end
            counter += 1
        } while offset < chunks.count
        return plain
    }

    /// The file key out of the first stanza that one of `identities` opens; nil when none does.
    private static func fileKey(
        _ header: AgeHeader, _ identities: [AgeIdentity]
    ) throws(CryptoError) -> [UInt8]? {
        for stanza in header.stanzas where stanza.words[0] == AgeHeader.typeX25519 {
            guard stanza.words.count == 2, let share = AgeHeader.decode(stanza.words[1][...]),
                share.count == X25519Key.keyBytes, stanza.body.count == fileKeyBytes + tag
            else { throw .ageFileMalformed }
            for identity in identities {
                let secret: [UInt8]
                do {
                    secret = try identity.key.sharedSecret(with: share)
                } catch {
                    // A share of low order, which no writer makes.
                    throw .ageFileMalformed
                }
                let box = try AuthenticatedBox(
                    key: wrapKey(
                        secret: secret, share: share, recipient: identity.key.publicKey))
                var key: [UInt8] = []
                if box.open(stanza.body.span, nonce: zeroNonce, into: &key) { return key }
            }
        }
        return nil
    }

    private static func wrapKey(
        secret: [UInt8], share: [UInt8], recipient: [UInt8]
    ) throws(CryptoError) -> [UInt8] {
        try KeyDerivation.key(from: secret, salt: share + recipient, info: infoX25519)
    }

    private static func headerMAC(
        _ fileKey: [UInt8], _ header: [UInt8]
    ) throws(CryptoError) -> [UInt8] {
        try KeyDerivation.mac(
            key: KeyDerivation.key(from: fileKey, salt: [], info: "header"), header)
    }

    private static func chunkNonce(_ counter: UInt64, isLast: Bool) -> [UInt8] {
        var nonce: [UInt8] = [0, 0, 0]
        for shift in stride(from: 56, through: 0, by: -8) {
            nonce.append(UInt8(truncatingIfNeeded: counter >> UInt64(shift)))
        }
        return nonce + [isLast ? 1 : 0]
    }
}
