import AuditRecords

extension SettingsParser {
    /// How long a key of pseudonyms and subjects may be used, in milliseconds.
    private static let keyRotation: ClosedRange<UInt64> = 3_600_000...(3660 * 86_400_000)
    /// Hexadecimal digits of a keyring's key.
    private static let keyringKeyDigits = 64

    /// The section `audit.privacy`; defaults where it says nothing.
    func privacy(_ value: SettingValue) -> PrivacySettings {
        var settings = PrivacySettings()
        guard
            let section = Section(
                value,
                known: ["subject", "client_ip", "key_rotation", "keyring_key"]
                    + PrivacyReader.keys, diagnostics: diagnostics)
        else { return settings }
        if let subject = section.optional("subject") {
            settings.subject =
                diagnostics.choice(
                    subject,
                    [
                        ("plain", PrivacySettings.Subject.plain), ("pseudonym", .pseudonym),
                        ("sealed", .sealed),
                    ]) ?? settings.subject
        }
        if let address = section.optional("client_ip") {
            settings.clientAddress =
                diagnostics.choice(
                    address,
                    [
                        ("full", PrivacySettings.Address.full), ("truncate", .truncated),
                        ("pseudonym", .pseudonym),
                    ]) ?? settings.clientAddress
        }
        if let rotation = section.optional("key_rotation"),
            let time = diagnostics.milliseconds(rotation, in: SettingsParser.keyRotation)
        {
            settings.keySeconds = UInt32(time / 1000)
        }
        settings.keyringKeyPath = section.optional("keyring_key").flatMap(keyringKey)
        if !settings.needsKeyring {
            for key in ["key_rotation", "keyring_key"] {
                guard let unused = section.optional(key) else { continue }
                diagnostics.error(
                    unused,
                    "\(unused.name) is of no use: nothing is a pseudonym or sealed "
                        + "(audit.privacy.subject, audit.privacy.client_ip)")
            }
        }
        return settings
    }

    /// The path of the keyring's key, which is looked at.
    private func keyringKey(_ value: SettingValue) -> String? {
        guard let (path, bytes) = keyFile(value) else { return nil }
        let digits = bytes.last == 0x0A ? bytes.dropLast() : bytes[...]
        let isKey =
            digits.count == SettingsParser.keyringKeyDigits
            && digits.allSatisfy { byte in
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
            }
        guard isKey else {
            diagnostics.error(
                value,
                "\(value.name): \(path.shortened) is not a key of 64 hexadecimal digits in lower "
                    + "case (openssl rand -hex 32)")
            return nil
        }
        return path
    }
}
