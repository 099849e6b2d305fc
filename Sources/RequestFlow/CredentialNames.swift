import AuditRecords
import Primitives

/// Names under which credentials travel in queries, forms and JSON.
///
/// They are compared in lower case without `-`, `_` and `.`: `api-key`, `API_KEY` and `apiKey` are
/// one. A name that ends like one of `endings` counts too: `x-amz-security-token`.
enum CredentialNames {
    /// Longest name that is looked at; a longer one ends like its end.
    static let nameBytes = 64

    private static let names: [StaticString] = [
        "auth", "authorization", "code", "codeverifier", "cvc", "cvv", "jwt", "key", "otp", "pass",
        "passcode", "pin", "pwd", "samlresponse", "session", "sid", "sig", "ticket",
    ]
    private static let endings: [StaticString] = [
        "accesskey", "accesskeyid", "apikey", "assertion", "cookie", "credential", "credentials",
        "passphrase", "passwd", "password", "privatekey", "secret", "secretkey", "sessionid",
        "signature", "token",
    ]

    /// Whether `name`, in lower case, is a credential's.
    static func contain(_ name: Span<UInt8>) -> Bool {
        var bytes = InlineArray<64, UInt8>(repeating: 0)
        var count = 0
        for offset in 0..<name.count {
            let byte = name[offset]
            if byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_") { continue }
            guard count < nameBytes else { return false }
            bytes[count] = byte
            count += 1
        }
        let text = bytes.span.extracting(0..<count)
        for known in names where text.equals(known) { return true }
        for ending in endings {
            let length = ending.utf8CodeUnitCount
            guard count >= length else { continue }
            if text.extracting((count - length)..<count).equals(ending) { return true }
        }
        return false
    }
}

/// A parameter's or member's name as it is compared: decoded, in lower case.
struct ComparedName {
    private var bytes = InlineArray<64, UInt8>(repeating: 0)
    private var count = 0
    /// Whether it is longer than any name that is compared; its end is kept.
    private var isCut = false

    /// No name yet.
    init() {}

    /// The name in `text` of a query: `%XX`, however often encoded, and `+` decoded.
    init(query text: Span<UInt8>) {
        var offset = 0
        while offset < text.count {
            var byte = text[offset]
            offset += 1
            if byte == UInt8(ascii: "+") { byte = 0x20 }
            if byte == UInt8(ascii: "%") {
                while offset + 3 < text.count, text[offset] == 0x32, text[offset + 1] == 0x35 {
                    offset += 2
                }
                if offset + 1 < text.count, let high = text[offset].hexValue,
                    let low = text[offset + 1].hexValue
                {
                    byte = high << 4 | low
                    offset += 2
                }
            }
            append(byte)
        }
    }

    /// Appends a decoded byte.
    mutating func append(_ byte: UInt8) {
        if count == 64 {
            // The end decides more often than the beginning.
            for offset in 0..<32 { bytes[offset] = bytes[offset + 32] }
            count = 32
            isCut = true
        }
        bytes[count] = byte &- 0x41 < 26 ? byte | 0x20 : byte
        count += 1
    }

    /// The rule that takes a value of this name out: the settings' by the whole name or the last
    /// part of `a[b]` and `a.b`, or the one for credentials.
    func rule(_ privacy: RecordPrivacy) -> UInt8? {
        let whole = bytes.span.extracting(0..<count)
        let last = whole.lastPart
        let text = privacy.text
        for parameter in privacy.parameters {
            let name = text.span.extracting(parameter.name)
            if (!isCut && whole.equals(name)) || last.equals(name) { return parameter.rule }
        }
        return CredentialNames.contain(last) ? RecordNames.credentialRule : nil
    }
}

extension RecordPrivacy {
    /// The rule that takes the values of the query parameter `name`, as it was sent, out.
    func rule(parameter name: Span<UInt8>) -> UInt8? { ComparedName(query: name).rule(self) }
}

extension Span where Element == UInt8 {
    /// `c` of `a[b][c]`, `a[b][c][]` and `a.b.c`; else the whole.
    fileprivate var lastPart: Span<UInt8> {
        @_lifetime(copy self)
        get {
            var end = count
            while end > 0, self[end - 1] == UInt8(ascii: "]") || self[end - 1] == UInt8(ascii: "[")
            { end -= 1 }
            var start = end
            while start > 0, self[start - 1] != UInt8(ascii: "["), self[start - 1] != 0x2E {
                start -= 1
            }
            return extracting(start..<end)
        }
    }
}
