import Crypto

/// What must hold of age headers and of bech32, whatever the bytes are.
public enum AgeProperties {
    /// Checks every property of an age file's header on `bytes`; a violation traps.
    public static func checkHeader(_ bytes: [UInt8]) {
        guard let header = AgeHeader(bytes.span) else { return }
        precondition(header.byteCount <= min(bytes.count, AgeHeader.limitBytes))
        precondition(header.authenticatedCount < header.byteCount)
        precondition((1...AgeHeader.limitStanzas).contains(header.stanzas.count))
        precondition(header.mac.count == 32)
        precondition(bytes[header.byteCount - 1] == 0x0A)
        for stanza in header.stanzas {
            precondition(!stanza.words.isEmpty && stanza.words.allSatisfy { !$0.isEmpty })
        }
        // What comes after a header does not change it, and less of it is none.
        let whole = Array(bytes[..<header.byteCount])
        precondition(AgeHeader(whole.span) == header)
        precondition(AgeHeader(Array(whole.dropLast()).span) == nil)
        // Nobody made it for an identity that was drawn just now.
        guard let identity = try? AgeIdentity.generate().identity else {
            preconditionFailure("no identity")
        }
        precondition((try? AgeFile.decrypt(bytes.span, identities: [identity])) == nil)
    }

    /// Checks that bech32 has one form, and that what it holds comes back.
    public static func checkBech32(_ bytes: [UInt8]) {
        for prefix in ["age", "AGE-SECRET-KEY-"] {
            if let found = Bech32.decode(bytes, prefix: prefix) {
                precondition(Array(Bech32.encode(found, prefix: prefix).utf8) == bytes)
            }
            guard bytes.count <= 100, !bytes.isEmpty else { continue }
            let text = Array(Bech32.encode(bytes, prefix: prefix).utf8)
            precondition(Bech32.decode(text, prefix: prefix) == bytes)
            let place = text.count - 1 - Int(bytes[0]) % bytes.count
            var changed = text
            changed[place] = changed[place] == 0x71 ? 0x70 : 0x71
            precondition(changed == text || Bech32.decode(changed, prefix: prefix) == nil)
        }
        if let recipient = try? AgeRecipient(String(decoding: bytes, as: UTF8.self)) {
            precondition(Array(recipient.text.utf8) == bytes)
        }
        _ = AgeIdentity.list(in: bytes)
    }
}
