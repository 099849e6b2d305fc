import Primitives
import TLS

/// What must hold of a table of server names, whatever the bytes are.
///
/// An input is lines: the last is looked up in a table of the others.
public enum ServerNameProperties {
    /// Checks every property on `bytes`; a violation traps.
    public static func check(_ bytes: [UInt8]) {
        var lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false).map(Array.init)
        let wanted = lines.removeLast()
        let names = lines.compactMap { String(validating: $0, as: UTF8.self) }
        let table = ServerNameTable(names.enumerated().map { ($1, $0) })
        let found = table.find(wanted.span)
        // A slow reading of the same rules, over text, agrees.
        precondition(found == search(names, wanted))
        let upper = wanted.map { (0x61...0x7A).contains($0) ? $0 ^ 0x20 : $0 }
        precondition(found == table.find(upper.span))
        for (number, name) in names.enumerated() where table.find(Array(name.utf8).span) != nil {
            // What is a name finds itself or an equal one before it.
            let place = table.find(Array(name.utf8).span) ?? 0
            precondition(place <= number)
        }
    }

    private static func search(_ names: [String], _ wanted: [UInt8]) -> Int? {
        guard let text = String(validating: wanted, as: UTF8.self),
            let labels = labels(text)
        else { return nil }
        if let exact = names.firstIndex(where: { Self.labels($0) == labels }) { return exact }
        guard labels.count > 1 else { return nil }
        return names.firstIndex { name in
            name.hasPrefix("*.") && Self.labels(String(name.dropFirst(2))) == labels.dropFirst()
        }
    }

    /// The labels of a host name, in lower case; nil when it is none.
    private static func labels(_ text: String) -> ArraySlice<String>? {
        guard text.utf8.allSatisfy({ $0 < 0x80 }) else { return nil }
        var labels = text.lowercased().split(
            separator: ".", omittingEmptySubsequences: false
        ).map(String.init)
        if labels.count > 1, labels.last == "" { labels.removeLast() }
        let allowed = Set("abcdefghijklmnopqrstuvwxyz0123456789-_")
        guard labels.joined(separator: ".").utf8.count <= 253,
            labels.allSatisfy({ label in
                (1...63).contains(label.utf8.count) && label.allSatisfy(allowed.contains)
                    && label.first != "-" && label.last != "-"
            }), labels.last?.allSatisfy(\.isNumber) == false
        else { return nil }
        return labels[...]
    }
}
