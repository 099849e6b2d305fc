import AuditRecords
import Crypto
import Foundation
import Primitives
import TLS
import Testing

@testable import Supervisor

@Suite struct CertificateKeeperTests {
    private static let now = WallTime(microseconds: 1_800_000_000_000_000)
    private static let day: Int64 = 86_400

    private let folder = FileManager.default.temporaryDirectory
        .appending(path: "sallyport-\(UInt64.random(in: 0...UInt64.max))").path

    private func write(_ bytes: [UInt8], _ name: String) throws {
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        try Data(bytes).write(to: URL(filePath: folder + "/" + name))
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o600], ofItemAtPath: folder + "/" + name)
    }

    /// A new certificate for `name`, in the files of `file`.
    private func issue(_ name: String, days: Int64 = 90, _ file: String) throws {
        let start = CertificateKeeperTests.now.seconds - CertificateKeeperTests.day
        let end = CertificateKeeperTests.now.seconds + days * CertificateKeeperTests.day
        let authority = try CertificateAuthority(name: "test", notBefore: start, notAfter: end)
        let issued = try authority.issue(
            CertificateRequest(
                commonName: name, alternativeNames: ["DNS:\(name)"],
                usage: "serverAuth,clientAuth", notBefore: start, notAfter: end))
        try write(issued.certificate, file + ".pem")
        try write(issued.key, file + ".key")
        try write(try authority.own().certificate, "ca.pem")
    }

    private func files(_ file: String) -> CertificateFiles {
        CertificateFiles(certificate: "\(folder)/\(file).pem", key: "\(folder)/\(file).key")
    }

    /// The second of two listeners, and the first upstream.
    private var places: [TLSPlace] {
        var client = TLSClientSettings()
        client.certificate = files("client")
        client.acceptsAnyCertificate = true
        return [
            TLSPlace(
                name: "public", index: 1,
                side: .listener(TLSServerSettings(certificates: [files("server")]))),
            TLSPlace(name: "main", index: 0, side: .upstream(client, hosts: ["one.example"])),
        ]
    }

    private func load() throws -> CertificateKeeper {
        try CertificateKeeper.load(
            places, listenerCount: 2, upstreamCount: 1,
            tools: CertificateKeeper.Tools(SessionTicketSettings(), workerCount: 2),
            now: CertificateKeeperTests.now)
    }

    private func loaded(_ notices: [CertificateKeeper.Notice]) -> [String] {
        notices.compactMap { notice in
            guard case .loaded(let place, let certificates) = notice else { return nil }
            return "\(place.text): \(certificates.flatMap(\.names).joined(separator: ","))"
        }
    }

    private func refused(_ notices: [CertificateKeeper.Notice]) -> [CertificateProblem] {
        notices.compactMap { notice in
            guard case .refused(_, let problem) = notice else { return nil }
            return problem
        }
    }

    @Test func `every worker gets contexts of its own, and the same keys for tickets`() throws {
        try issue("one.example", "client")
        try issue("a.example", "server")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var keeper = try load()
        let first = keeper.start(worker: 0)
        let second = keeper.start(worker: 1)
        #expect(first.contexts.servers.map { $0 != nil } == [false, true])
        #expect(first.contexts.clients.map { $0 != nil } == [true])
        #expect(first.contexts.servers[1] !== second.contexts.servers[1])
        #expect(first.library !== second.library && first.tickets === second.tickets)
        let notices = keeper.takeNotices()
        let again = keeper.takeNotices()
        #expect(loaded(notices) == ["listener public: a.example", "upstream main: one.example"])
        #expect(notices.contains(.unverified(.upstream("main"))))
        #expect(again.isEmpty)
    }

    @Test func `only what is new is replaced`() throws {
        try issue("one.example", "client")
        try issue("a.example", "server")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var keeper = try load()
        let old = keeper.contexts
        _ = keeper.takeNotices()
        let isSame = keeper.reload(now: CertificateKeeperTests.now)
        #expect(!isSame)
        try issue("b.example", "server")
        let isNew = keeper.reload(now: CertificateKeeperTests.now)
        let new = keeper.contexts
        let notices = keeper.takeNotices()
        #expect(isNew)
        #expect(loaded(notices) == ["listener public: b.example"])
        for worker in 0..<2 {
            #expect(old[worker].servers[1] !== new[worker].servers[1])
            #expect(old[worker].clients[0] === new[worker].clients[0])
        }
    }

    @Test func `a broken file keeps what is in use, and is told of once`() throws {
        try issue("one.example", "client")
        try issue("a.example", "server")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var keeper = try load()
        let old = keeper.contexts
        _ = keeper.takeNotices()
        try write(Array("no key".utf8), "server.key")
        var isNew = keeper.reload(now: CertificateKeeperTests.now)
        #expect(!isNew)
        isNew = keeper.reload(now: CertificateKeeperTests.now)
        var notices = keeper.takeNotices()
        var hasFailures = keeper.hasFailures
        #expect(!isNew && hasFailures)
        let path = folder + "/server.key"
        #expect(refused(notices) == [.unusable(.keyMissing(path: path), path: path)])
        // Other bytes are told of again.
        try write(Array("still none".utf8), "server.key")
        _ = keeper.reload(now: CertificateKeeperTests.now)
        notices = keeper.takeNotices()
        #expect(refused(notices).count == 1)
        let kept = keeper.contexts
        #expect(old[0].servers[1] === kept[0].servers[1])
        try issue("c.example", "server")
        isNew = keeper.reload(now: CertificateKeeperTests.now)
        notices = keeper.takeNotices()
        hasFailures = keeper.hasFailures
        #expect(isNew && !hasFailures)
        #expect(loaded(notices) == ["listener public: c.example"])
    }

    @Test func `a broken file ends the start`() throws {
        try issue("one.example", "client")
        try issue("a.example", "server")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try write(Array("no key".utf8), "server.key")
        do {
            _ = try load()
            Issue.record("it starts with a broken key")
        } catch let error as SupervisorError {
            #expect(
                "\(error)" == "listener public: \(folder)/server.key has no private key in PEM")
        }
    }

    @Test func `what runs out is told of at the start and later`() throws {
        try issue("one.example", "client")
        try issue("a.example", days: 15, "server")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var keeper = try load()
        let place = CertificatePlace.listener("public")
        func isWarned(_ notices: [CertificateKeeper.Notice]) -> Bool {
            notices.contains { notice in
                if case .warning(place, _) = notice { return true }
                return false
            }
        }
        let atStart = keeper.takeNotices()
        keeper.remind(
            now: WallTime(
                microseconds: CertificateKeeperTests.now.microseconds
                    + 2 * CertificateKeeperTests.day * 1_000_000))
        let later = keeper.takeNotices()
        #expect(!isWarned(atStart) && isWarned(later))
    }

    @Test func `tickets get a new key in front`() throws {
        try issue("one.example", "client")
        try issue("a.example", "server")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let keeper = try load()
        let old = keeper.tickets
        let new = try keeper.rotateTickets()
        let latest = keeper.tickets
        #expect(new !== old && new === latest && new.count == 2)
    }

    @Test func `notices become events`() {
        let summary = CertificatePlace.listener("public")
        #expect(
            CertificateKeeper.Notice.refused(summary, .changing(path: "/k")).event
                == .certificatesRefused(summary, file: "/k", why: "/k grew while it was read"))
        #expect(
            CertificateKeeper.Notice.unverified(.upstream("main")).event
                == .upstreamVerificationDisabled(upstream: "main"))
        #expect(CertificateKeeper.Notice.warning(summary, "soon").event == nil)
    }
}
