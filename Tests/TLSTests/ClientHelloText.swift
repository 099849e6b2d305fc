/// A ClientHello made of the lists that a fingerprint speaks of, for tests.
struct ClientHelloText {
    var legacyVersion: UInt16 = 0x0303
    /// Four hexadecimal digits each, with commas between; spaces don't count.
    var ciphers = "1301"
    var extensions = ""
    var signatureAlgorithms = ""
    var versions = "0304"
    /// The protocols, in hexadecimal.
    var protocols: [String] = ["6832"]
    var serverName = "example.com"

    /// The whole message, with its header.
    var message: [UInt8] {
        var body: [UInt8] = []
        body.append(number: legacyVersion)
        body += Array(repeating: 7, count: 32)
        body.append(vector: [1, 2, 3], lengthBytes: 1)
        body.append(vector: Self.numbers(ciphers), lengthBytes: 2)
        body.append(vector: [0], lengthBytes: 1)
        if !extensions.isEmpty { body.append(vector: extensionBytes, lengthBytes: 2) }
        var message: [UInt8] = [1]
        message.append(vector: body, lengthBytes: 3)
        return message
    }

    private var extensionBytes: [UInt8] {
        var all: [UInt8] = []
        let types = Self.numbers(extensions)
        for place in stride(from: 0, to: types.count, by: 2) {
            let type = UInt16(types[place]) << 8 | UInt16(types[place + 1])
            all.append(number: type)
            all.append(vector: extensionBody(type), lengthBytes: 2)
        }
        return all
    }

    private func extensionBody(_ type: UInt16) -> [UInt8] {
        var body: [UInt8] = []
        switch type {
        case 0:
            var names: [UInt8] = [0]
            names.append(vector: Array(serverName.utf8), lengthBytes: 2)
            body.append(vector: names, lengthBytes: 2)
        case 13: body.append(vector: Self.numbers(signatureAlgorithms), lengthBytes: 2)
        case 16:
            var list: [UInt8] = []
            for name in protocols { list.append(vector: Self.bytes(name), lengthBytes: 1) }
            body.append(vector: list, lengthBytes: 2)
        case 43: body.append(vector: Self.numbers(versions), lengthBytes: 1)
        default: body = [1, 2, 3]
        }
        return body
    }

    private static func numbers(_ text: String) -> [UInt8] {
        text.split { $0 == "," || $0 == " " }.flatMap { bytes(String($0)) }
    }

    static func bytes(_ hex: String) -> [UInt8] {
        let digits = Array(hex)
        return stride(from: 0, to: digits.count, by: 2).compactMap {
            UInt8(String(digits[$0...$0 + 1]), radix: 16)
        }
    }
}

extension [UInt8] {
    mutating func append(number: UInt16) {
        append(UInt8(number >> 8))
        append(UInt8(number & 0xFF))
    }

    mutating func append(vector: [UInt8], lengthBytes: Int) {
        for place in (0..<lengthBytes).reversed() {
            append(UInt8(vector.count >> (8 * place) & 0xFF))
        }
        self += vector
    }
}
