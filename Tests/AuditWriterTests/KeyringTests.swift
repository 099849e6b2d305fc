import AuditRecords
import AuditRings
import AuditSegments
import AuditWriter
import Crypto
import Foundation
import LinuxIO
import Primitives
import Testing

/// What a log says of who asked, when settings cover it (format §8).
@Suite struct KeyringTests {
    @Test func `pseudonyms stand in the place of everything that identifies`() throws {
        let folder = try TestFolder(privacy: .pseudonym, addresses: .pseudonym)
        try folder.write([
            .person("alice", sequence: 1), .person("alice", sequence: 2),
            .person("bob.b", sequence: 3),
        ])
        #expect(try folder.verify().findings == [])
        let parts = try folder.subjects()
        #expect(parts.count == 3)
        for part in parts {
            for member in ["sub", "client_id", "jti", "peer_ip", "client_ip"] {
                let value = try #require(part[member] as? String)
                #expect(value.count == 32)
            }
            #expect(part["peer_port"] == nil)
            #expect(part["address_key"] as? String == part["subject_key"] as? String)
            #expect(part["token"] as? String == String(repeating: "09", count: 16))
        }
        #expect(parts[0]["sub"] as? String == parts[1]["sub"] as? String)
        #expect(parts[0]["sub"] as? String != parts[2]["sub"] as? String)
        #expect(parts[0]["peer_ip"] as? String == parts[2]["peer_ip"] as? String)
        try folder.expectNowhere(["alice", "bob.b", "shop.s", "203.0.113.7", "198.51.100.9"])
    }

    @Test func `a name too long for a record is covered by its digest's pseudonym`() throws {
        let folder = try TestFolder(privacy: .pseudonym)
        let name = String(repeating: "alice-", count: 60)
        try folder.write([.person(name, sequence: 1)])
        let part = try folder.subjects()[0]
        #expect((part["sub"] as? String)?.count == 32)
        #expect(part["trunc"] == nil)
        try folder.expectNowhere(["alice"])
    }

    @Test func `a sealed part opens with its subject's key`() throws {
        let folder = try TestFolder(privacy: .sealed)
        try folder.write([
            .person("alice", sequence: 1), .person("bob.b", sequence: 2),
            .person("alice", sequence: 3),
        ])
        #expect(try folder.verify().findings == [])
        let parts = try folder.subjects()
        #expect(parts.allSatisfy { Set($0.keys) == ["sealed", "subject_key"] })
        #expect(parts[0]["subject_key"] as? String == parts[2]["subject_key"] as? String)
        #expect(parts[0]["subject_key"] as? String != parts[1]["subject_key"] as? String)
        #expect(parts[0]["sealed"] as? String != parts[2]["sealed"] as? String)
        try folder.expectNowhere(["alice", "bob.b", "shop.s", "203.0.113.7"])
        let keys = try folder.keys()
        for (part, name) in zip(parts, ["alice", "bob.b", "alice"]) {
            let id = try #require(part["subject_key"] as? String)
            let text = try #require(part["sealed"] as? String)
            let characters = Array(text.utf8)
            let decoded = Base64URL.decode(characters.span)
            let sealed = try #require(decoded)
            let key = try #require(keys[id])
            let opened = try SealingBox.open(sealed.span, key: key)
            let object = CanonicalObject(try #require(opened))
            #expect(object.string("sub") == name)
            #expect(object.string("peer_ip") == "203.0.113.7")
            #expect(object.integer("peer_port") == 51000)
        }
    }

    @Test func `who has no name is covered where others are sealed`() throws {
        let folder = try TestFolder(privacy: .sealed, addresses: .pseudonym)
        var request = Request.person("", sequence: 1)
        request.texts = [
            (.certificateSubject, "CN=alice"), (.certificateName, "dns:alice.example"),
        ]
        try folder.write([request])
        let part = try folder.subjects()[0]
        #expect(part["sealed"] == nil)
        #expect(part["subject_key"] as? String == part["address_key"] as? String)
        let certificate = try #require(part["cert"] as? [String: Any])
        #expect((certificate["subject"] as? String)?.count == 32)
        try folder.expectNowhere(["alice", "203.0.113.7"])
    }

    @Test func `the same keys are used after a restart, and others in the next epoch`() throws {
        let folder = try TestFolder(privacy: .sealed)
        try folder.write([.person("alice", sequence: 1)])
        try folder.write([.person("alice", sequence: 1)])
        folder.settings.privacy.keySeconds = 0
        try folder.write([.person("alice", sequence: 1)])
        let keys = try folder.subjects().compactMap { $0["subject_key"] as? String }
        #expect(keys.count == 3)
        #expect(keys[0] == keys[1])
        #expect(keys[0] != keys[2])
        let known = try folder.keys()
        #expect(keys.allSatisfy { known[$0] != nil })
    }

    @Test func `the keyring is its owner's alone`() throws {
        let folder = try TestFolder(privacy: .sealed)
        try folder.write([.person("alice", sequence: 1)])
        let path = "\(try folder.logFolder())/keyring"
        let names = try DurableDirectory(path: path).names().map(\.name)
        #expect(names.sorted() == ["00000000000000000001.keys", "wrapping.key"])
        for name in names {
            let (_, status) = try FileReading.read("\(path)/\(name)", limitBytes: 1 << 20)
            #expect(status.permissions == 0o600)
        }
        try FileManager.default.setAttributes([.posixPermissions: 0o750], ofItemAtPath: path)
        #expect(throws: AuditWriterError.system(SystemError("openat", 13))) {
            try folder.write([])
        }
    }

    @Test func `a keyring without its key, or with a damaged file, is refused`() throws {
        let folder = try TestFolder(privacy: .pseudonym)
        try folder.write([.person("alice", sequence: 1)])
        let path = "\(try folder.logFolder())/keyring"
        let key = try DurableDirectory(path: path).read("wrapping.key") ?? []
        try FileManager.default.removeItem(atPath: "\(path)/wrapping.key")
        #expect(throws: AuditWriterError.keyringDamaged("wrapping.key")) { try folder.write([]) }
        try DurableDirectory(path: path).replace("wrapping.key", key.span)
        let name = "00000000000000000001.keys"
        let file = try DurableDirectory(path: path).openFile(name)
        let zeros = [UInt8](repeating: 0, count: 96)
        try file.write(zeros.span, at: 32)
        #expect(throws: AuditWriterError.keyringDamaged(name)) { try folder.write([]) }
    }

    @Test func `the wrapping key may lie elsewhere`() throws {
        let folder = try TestFolder(privacy: .sealed)
        let path = "\(folder.path)/keyring.key"
        folder.settings.privacy.keyringKeyPath = path
        try FileReading.create(
            path, bytes: Array(String(repeating: "ab", count: 32).utf8), mode: 0o600)
        try folder.write([.person("alice", sequence: 1)])
        let keyring = "\(try folder.logFolder())/keyring"
        #expect(try DurableDirectory(path: keyring).names().count == 1)
        #expect(try folder.verify().findings == [])
        try FileManager.default.removeItem(atPath: path)
        try FileReading.create(path, bytes: Array("abc".utf8), mode: 0o600)
        #expect(throws: AuditWriterError.keyringKeyMalformed) { try folder.write([]) }
    }
}

/// A request to be recorded: facts and text.
struct Request {
    var facts = RecordFacts()
    var texts: [(RecordField, String)] = []

    static func person(_ name: String, sequence: UInt64) -> Request {
        var request = Request()
        request.facts.sequence = sequence
        request.facts.status = 200
        request.facts.time = WallTime(microseconds: 1_795_000_000_000_000)
        request.facts.peer = PeerAddress(ipv4: 0xCB00_7107, port: 51000)
        request.facts.client = PeerAddress(ipv4: 0xC633_6409, port: 0)
        request.texts = [
            (.subject, name), (.clientID, "shop.s"), (.tokenID, "t-\(name)"), (.path, "/v1/x"),
        ]
        return request
    }

    func fields(_ hash: inout SHA256) -> [UInt8] {
        let limits = RecordLimits()
        var buffer = ByteBuffer(capacity: 65536)
        for (field, text) in texts where !text.isEmpty {
            let bytes = Array(text.utf8)
            if buffer.write({ $0.appendRecordField(field, bytes.span, limits: limits) }) {
                continue
            }
            let digest = hash.digest(bytes.span)
            buffer.write {
                $0.appendCutRecordField(
                    field, bytes.span, fullCount: bytes.count, digest: digest, limits: limits)
            }
        }
        let thumbprint = [UInt8](repeating: 9, count: 16)
        _ = buffer.write {
            $0.appendRecordField(.tokenThumbprint, thumbprint.span, limits: limits)
        }
        let span = buffer.span
        return (0..<span.count).map { span[$0] }
    }
}

extension TestFolder {
    convenience init(
        privacy: PrivacySettings.Subject, addresses: PrivacySettings.Address = .full
    ) throws {
        try self.init()
        settings.privacy.subject = privacy
        settings.privacy.clientAddress = addresses
    }

    /// Opens the log, writes these and ends it.
    func write(_ requests: [Request]) throws {
        var hash = try SHA256(try CryptoLibrary())
        var log = try open()
        var ring = log.makeRing()
        let writer = try log.start()
        for request in requests {
            let fields = request.fields(&hash)
            let isPushed = ring.push(request.facts, fields.span)
            #expect(isPushed)
        }
        ring.publish()
        let failure = writer.stop()
        #expect(failure == nil)
    }

    /// The subject parts of all records of requests.
    func subjects() throws -> [[String: Any]] {
        try parts(.combined, 1).map { bytes in
            try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any] ?? [:]
        }
    }

    /// All keys of the keyring, by their number's text.
    func keys() throws -> [String: Digest256] {
        let directory = try DurableDirectory(path: "\(try logFolder())/keyring")
        let text = try directory.read("wrapping.key") ?? []
        let library = try CryptoLibrary()
        let read = KeyringFile.wrappingKey(text.span)
        let secret = try #require(read)
        var wrapping = try MessageAuthentication(key: secret.bytes, library: library)
        var keys: [String: Digest256] = [:]
        for name in try directory.names().map(\.name) {
            guard let epoch = KeyringFile.epoch(of: name) else { continue }
            let bytes = try directory.read(name) ?? []
            for row in try #require(KeyringFile.rows(bytes, epoch: epoch)) {
                guard let row else { continue }
                keys[row.id.hexText] = row.key(epoch: epoch, wrapping: &wrapping)
            }
        }
        return keys
    }

    /// Expects none of `texts` in any record; short ones need a sign that is not in base64url, or
    /// sealed bytes spell them sometimes.
    func expectNowhere(_ texts: [String]) throws {
        for kind in RecordKind.allCases {
            for number in 0..<3 {
                for part in try parts(kind, number) {
                    let text = String(decoding: part, as: UTF8.self)
                    for wanted in texts {
                        #expect(!text.contains(wanted), "\(wanted) in part \(number)")
                    }
                }
            }
        }
    }
}
