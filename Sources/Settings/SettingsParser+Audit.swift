import AuditRecords
import Crypto

extension SettingsParser {
    /// Largest accepted key file.
    private static let limitKeyBytes = 65536
    /// Longest path of a socket (unix(7)).
    private static let limitSocketBytes = 107
    /// Longest public name of a log.
    private static let limitOriginBytes = 200
    /// Most recipients: each batch gains 98 bytes and some 100 µs of work for each of them.
    private static let limitRecipients = 16

    /// Less than that would be used up by what a busy worker has under way.
    private static let limitReserve: ClosedRange<UInt64> = (1 << 20)...(1 << 36)

    /// A ring takes no record longer than a quarter of it, and the longest are about 20 KiB.
    private static let limitRing: ClosedRange<UInt64> = (1 << 17)...(1 << 30)

    /// The section `audit`; nil when what has no default is missing or refused.
    func audit(_ value: SettingValue) -> AuditSettings? {
        guard
            let section = Section(
                value,
                known: [
                    "commit_timeout", "level",
                    "directory", "origin", "signing_key", "mode", "bound", "checkpoint", "rotate",
                    "heartbeat", "ring", "recipients", "privacy", "journald", "epoch", "disk",
                    "witnesses", "witness_interval", "retain", "signer",
                ], later: ["export"],
                diagnostics: diagnostics)
        else { return nil }
        let directory = section.required("directory").flatMap {
            diagnostics.text($0, limitBytes: 4096)
        }
        let origin = section.required("origin").flatMap(origin)
        let (key, signerPath) = keyHolder(section)
        var settings = AuditSettings(
            directory: directory ?? "", originName: origin ?? "", signingKeyPath: key ?? "")
        settings.signerPath = signerPath
        settings.mode = section.optional("mode").flatMap(auditMode) ?? settings.mode
        settings.level = section.optional("level").flatMap(auditLevel) ?? settings.level
        if let bound = section.optional("bound").flatMap({
            Section($0, known: ["time", "records"], diagnostics: diagnostics)
        }) {
            settings.boundMilliseconds = bound.milliseconds(
                "time", in: 50...60_000, otherwise: settings.boundMilliseconds)
            settings.boundRecords = UInt32(
                bound.number(
                    "records", in: 64...16_777_216, otherwise: Int(settings.boundRecords)))
        }
        settings.commitMilliseconds = section.milliseconds(
            "commit_timeout", in: 10...60_000, otherwise: settings.commitMilliseconds)
        settings.checkpointMilliseconds = section.milliseconds(
            "checkpoint", in: 100...3_600_000, otherwise: settings.checkpointMilliseconds)
        if let rotate = section.optional("rotate").flatMap({
            Section($0, known: ["size", "age"], diagnostics: diagnostics)
        }) {
            settings.rotateBytes = rotate.bytes(
                "size", in: (1 << 20)...(1 << 36), otherwise: settings.rotateBytes)
            settings.rotateSeconds =
                rotate.milliseconds(
                    "age", in: 1000...2_678_400_000, otherwise: settings.rotateSeconds * 1000)
                / 1000
        }
        settings.heartbeatSeconds =
            section.milliseconds(
                "heartbeat", in: 1000...3_600_000, otherwise: settings.heartbeatSeconds * 1000)
            / 1000
        settings.epochSeconds =
            section.milliseconds(
                "epoch", in: 1000...86_400_000, otherwise: settings.epochSeconds * 1000)
            / 1000
        if let disk = section.optional("disk").flatMap({
            Section($0, known: ["warn", "reserve"], diagnostics: diagnostics)
        }) {
            settings.diskWarnPercent =
                disk.optional("warn").flatMap(percent) ?? settings.diskWarnPercent
            settings.diskReserveBytes =
                disk.optional("reserve").flatMap(reserve) ?? settings.diskReserveBytes
        }
        settings.ringBytes = ring(section, otherwise: settings.ringBytes)
        settings.retention = section.optional("retain").map(retention) ?? settings.retention
        settings.recipients = section.optional("recipients").map(recipients) ?? []
        settings.privacy = section.optional("privacy").map(privacy) ?? settings.privacy
        if let journal = section.optional("journald") {
            settings.journal = journald(journal)
            warnJournal(settings, journal)
        }
        settings.witnesses = section.optional("witnesses").map(witnesses) ?? []
        settings.witnessMilliseconds = section.milliseconds(
            "witness_interval", in: 100...3_600_000, otherwise: settings.witnessMilliseconds)
        let isSigned = key != nil || signerPath != nil
        return directory == nil || origin == nil || !isSigned ? nil : settings
    }

    /// What the log promises (format §6).
    func auditMode(_ value: SettingValue) -> AuditMode? {
        diagnostics.choice(value, AuditMode.allCases.map { ($0.word, $0) })
    }

    /// How much records hold.
    func auditLevel(_ value: SettingValue) -> AuditLevel? {
        diagnostics.choice(
            value,
            [
                ("none", AuditLevel.none), ("metadata", .metadata), ("headers", .headers),
                ("body_hash", .bodyHash), ("body", .body),
            ])
    }

    /// A whole percentage, 10% to 99%.
    private func percent(_ value: SettingValue) -> Int? {
        let limits = 10...99
        guard let text = diagnostics.scalar(value), text.hasSuffix("%"),
            Units.isNumber(String(text.dropLast()))
        else {
            diagnostics.error(
                value, "\(value.name) must be a percentage such as 75%, not \(value.kind)")
            return nil
        }
        guard let number = Int(text.dropLast()), limits.contains(number) else {
            diagnostics.error(
                value,
                "\(value.name) is \(text.shortened), limits \(limits.lowerBound)% to "
                    + "\(limits.upperBound)%")
            return nil
        }
        return number
    }

    /// A size, or 0 for nothing.
    private func reserve(_ value: SettingValue) -> UInt64? {
        if diagnostics.scalar(value) == "0" { return 0 }
        return diagnostics.bytes(value, in: SettingsParser.limitReserve)
    }

    /// Whom the records are encrypted to: age's X25519 recipients.
    private func recipients(_ value: SettingValue) -> [String] {
        var found: [String] = []
        for item in diagnostics.list(value, limit: SettingsParser.limitRecipients) {
            guard let text = diagnostics.text(item, limitBytes: Bech32.limitBytes) else { continue }
            // The secret must not come into a terminal or a journal.
            guard !text.uppercased().hasPrefix("AGE-SECRET-KEY-") else {
                diagnostics.error(
                    item,
                    "\(item.name) is a secret key; name its recipient (age-keygen -y), and make "
                        + "a new key, for this one has been in a settings file")
                continue
            }
            guard let recipient = try? AgeRecipient(text) else {
                diagnostics.error(
                    item,
                    "\(item.name) is \(item.kind), not an age recipient of an X25519 key "
                        + "(age1…, as age-keygen prints it)")
                continue
            }
            guard !found.contains(recipient.text) else {
                diagnostics.error(item, "\(item.name) names \(recipient.text) a second time")
                continue
            }
            found.append(recipient.text)
        }
        return found
    }

    private func ring(_ section: Section, otherwise: Int) -> Int {
        let bytes = section.bytes(
            "ring", in: SettingsParser.limitRing, otherwise: UInt64(otherwise))
        guard bytes.nonzeroBitCount == 1 else {
            if let value = section.optional("ring") {
                diagnostics.error(value, "\(value.name) is \(value.kind), not a power of two")
            }
            return otherwise
        }
        return Int(bytes)
    }

    /// The log's public name, which becomes part of a note's key name (C2SP signed-note).
    private func origin(_ value: SettingValue) -> String? {
        guard
            let text = diagnostics.text(value, limitBytes: SettingsParser.limitOriginBytes)
        else { return nil }
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "+") }) else {
            diagnostics.error(
                value, "\(value.name) is \(value.kind): no spaces, no '+', ASCII only")
            return nil
        }
        return text
    }

    /// Where the log's own key is: in a file, or with the process behind a socket.
    private func keyHolder(_ section: Section) -> (key: String?, signer: String?) {
        guard let other = section.optional("signer") else {
            return (section.required("signing_key").flatMap(signingKey), nil)
        }
        if let value = section.optional("signing_key") {
            diagnostics.error(
                value, "\(value.name) and audit.signer exclude each other: one holds the key")
        }
        return (nil, signer(other))
    }

    /// The socket of the process that holds the key.
    private func signer(_ value: SettingValue) -> String? {
        guard let section = Section(value, known: ["socket"], diagnostics: diagnostics),
            let socket = section.required("socket"),
            let path = diagnostics.text(socket, limitBytes: SettingsParser.limitSocketBytes)
        else { return nil }
        guard path.hasPrefix("/") else {
            diagnostics.error(socket, "\(socket.name) is \(socket.kind), not an absolute path")
            return nil
        }
        return path
    }

    /// The path of the Ed25519 key, which is looked at: a key that others can read is refused.
    private func signingKey(_ value: SettingValue) -> String? {
        guard let (path, bytes) = keyFile(value) else { return nil }
        do throws(CryptoError) {
            _ = try SigningKey(pem: bytes)
            return path
        } catch {
            let why =
                error == .privateKeyOfOtherAlgorithm
                ? "holds a key of another algorithm than Ed25519"
                : "is not an unencrypted private key in PEM form (PKCS #8)"
            diagnostics.error(value, "\(value.name): \(path.shortened) \(why)")
            return nil
        }
    }

    /// The path and the bytes of a file with a key, which nobody but its owner may have.
    func keyFile(_ value: SettingValue) -> (path: String, bytes: [UInt8])? {
        guard let path = path(value),
            let content = content(of: path, for: value, limitBytes: SettingsParser.limitKeyBytes)
        else { return nil }
        let mode = String(content.permissions & 0o777, radix: 8)
        guard content.permissions & 0o007 == 0 else {
            diagnostics.error(
                value,
                "\(value.name): \(path.shortened) has mode 0\(mode), so that every user of this "
                    + "machine can use the key; chmod 600 it")
            return nil
        }
        if content.permissions & 0o020 != 0 {
            diagnostics.warning(
                value, "\(value.name): \(path.shortened) has mode 0\(mode): its group can change it"
            )
        }
        return (path, content.bytes)
    }
}
