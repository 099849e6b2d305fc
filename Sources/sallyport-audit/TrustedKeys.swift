import AuditSegments
import LinuxIO
import Primitives

/// The verifier keys that an auditor brought along.
struct TrustedKeys {
    let keys: [NoteKey]

    /// Whose word for a key is taken.
    enum Origin {
        /// The auditor brought it.
        case given
        /// The log says so itself: its parts agree, whoever signed them.
        case own
    }

    /// Keys in `text`, or in the file of that name, one a line; none when nil.
    init(_ text: String?) throws(ToolError) {
        guard let text else {
            keys = []
            return
        }
        if let key = try? NoteKey(text) {
            keys = [key]
            return
        }
        let bytes: [UInt8]
        do {
            let file = try ReadableFile(path: text)
            bytes = try file.read(at: 0, count: SignedNote.limitBytes)
        } catch {
            throw .unreadable(file: text, why: "neither a verifier key nor a file with one")
        }
        var found: [NoteKey] = []
        let lines = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
        for line in lines where !line.isEmpty && !line.hasPrefix("#") {
            guard let key = try? NoteKey(String(line)) else {
                throw .keyMalformed(String(line.prefix(100)))
            }
            found.append(key)
        }
        guard !found.isEmpty else { throw .keyMalformed(text) }
        keys = found
    }

    /// The key that `folder`'s checkpoints are checked with.
    ///
    /// One signing key makes a new log id, so a new key name, when continuity with the log before
    /// can't be proven (format §7): a key counts for all ids under its name.
    func key(for folder: LogFolder) throws(ToolError) -> (key: NoteKey, origin: Origin) {
        guard let head = folder.head() else {
            // With a key from outside, what is missing can be told.
            if keys.count == 1 {
                let name = "\(TrustedKeys.base(keys[0].name))/\(folder.id)"
                if let key = try? NoteKey(name: name, publicKey: keys[0].publicKey) {
                    return (key, .given)
                }
            }
            throw .unreadable(
                file: folder.path,
                why: folder.segments.isEmpty
                    ? "it has checkpoints and no segments: the records are gone"
                    : "its first segment does not begin with a head")
        }
        if keys.isEmpty {
            guard let key = try? NoteKey(head.verifierKey) else {
                throw .keyMalformed(head.verifierKey)
            }
            return (key, .own)
        }
        if let key = keys.first(where: { $0.name == head.origin }) { return (key, .given) }
        let base = TrustedKeys.base(head.origin)
        guard let similar = keys.first(where: { TrustedKeys.base($0.name) == base }),
            let key = try? NoteKey(name: head.origin, publicKey: similar.publicKey)
        else { throw .keyOfOtherLog(origin: head.origin) }
        return (key, .given)
    }

    /// An origin without its log id.
    private static func base(_ origin: String) -> Substring {
        guard let slash = origin.lastIndex(of: "/"),
            let id = UInt64(origin[origin.index(after: slash)...], radix: 16),
            origin.hasSuffix("/" + id.hexText)
        else { return origin[...] }
        return origin[..<slash]
    }
}
