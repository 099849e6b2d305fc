import Crypto
import Settings
import TLS
import Testing
import Worker

@testable import Supervisor

@Suite struct ReloadPlanTests {
    private static let text = """
        version: 1
        listeners:
          one: {address: 127.0.0.1:8080}
          two: {address: 127.0.0.1:8081}
        upstreams:
          a: {endpoints: [http://10.0.0.1:80, http://10.0.0.2:80]}
          b: {endpoints: [http://10.0.0.1:80]}
        routes:
          - {name: a, match: {path: /a}, auth: none, upstream: a}
          - {name: b, match: {path: /b}, auth: none, upstream: b}
        audit: {directory: /audit, origin: log.test/one, signing_key: /audit.pem}

        """

    private func settings(_ changes: (String, String)...) throws -> Settings {
        var text = ReloadPlanTests.text
        for (old, new) in changes {
            try #require(text.contains(old))
            text = text.replacing(old, with: new)
        }
        let key = try SigningKey.generate().pem()
        let files = SettingsFiles(credentialsDirectory: nil) { _, _ in
            .success(SettingsFiles.FileContent(bytes: key, permissions: 0o600))
        }
        return try Settings.parse(Array(text.utf8), name: "test.yaml", files: files)
    }

    @Test func `nothing changes when nothing is changed`() throws {
        let plan = ReloadPlan(from: try settings(), to: try settings())
        #expect(plan.socketPlaces == [0, 1] && plan.listenerPlaces == [0, 1])
        #expect(plan.endpointPlaces == [0, 1, 2])
        #expect(plan.unbound.isEmpty && plan.retirement.isEmpty && !plan.changesAuthentication)
        #expect(ReloadPlan.restartKeys(from: try settings(), to: try settings()).isEmpty)
    }

    @Test func `a listener that is new stands before the others`() throws {
        let next = try settings(("  one:", "  zero: {address: 127.0.0.1:8079}\n  one:"))
        let plan = ReloadPlan(from: try settings(), to: next)
        #expect(plan.socketPlaces == [1, 2] && plan.listenerPlaces == [1, 2])
        #expect(plan.unbound == [0] && plan.retirement.isEmpty)
    }

    @Test func `a listener that is gone is closed, and its connections end`() throws {
        let next = try settings(("  one: {address: 127.0.0.1:8080}\n", ""))
        let plan = ReloadPlan(from: try settings(), to: next)
        #expect(plan.socketPlaces == [-1, 0] && plan.listenerPlaces == [-1, 0])
        #expect(
            plan.retirement
                == SettingsRetirement(
                    connections: [true, false], sockets: [true, false], certificates: false))
    }

    @Test func `another name at an address keeps the socket and no connection`() throws {
        let next = try settings(("  one:", "  other:"))
        let plan = ReloadPlan(from: try settings(), to: next)
        #expect(plan.socketPlaces == [0, 1] && plan.listenerPlaces == [-1, 1])
        #expect(plan.retirement.sockets == [false, false] && plan.unbound.isEmpty)
    }

    @Test func `a port that the kernel chose goes with the name`() throws {
        let old = try settings((":8080", ":0"), (":8081", ":0"))
        let next = try settings((":8080", ":0"), (":8081", ":0"), ("  one:", "  other:"))
        let plan = ReloadPlan(from: old, to: next)
        #expect(plan.socketPlaces == [-1, 1] && plan.unbound == [0])
    }

    @Test func `endpoints are known by upstream, host and port`() throws {
        let next = try settings(
            ("http://10.0.0.1:80, http://10.0.0.2:80", "http://10.0.0.3:80, http://10.0.0.1:80"))
        let plan = ReloadPlan(from: try settings(), to: next)
        #expect(plan.endpointPlaces == [1, -1, 2])
    }

    @Test(arguments: [
        ("version: 1", "version: 1\nworkers: 7", "workers"),
        ("version: 1", "version: 1\nmetrics: {address: 127.0.0.1:9}", "metrics"),
        ("/audit,", "/other,", "audit.directory"),
        ("log.test/one", "log.test/two", "audit.origin"),
        ("/audit.pem", "/other.pem", "audit.signing_key"),
        ("/audit.pem", "/audit.pem, epoch: 5m", "audit.epoch"),
        ("/audit.pem", "/audit.pem, heartbeat: 5m", "audit.heartbeat"),
        ("/audit.pem", "/audit.pem, privacy: {client_ip: pseudonym}", "audit.privacy.client_ip"),
        ("/audit.pem", "/audit.pem, disk: {warn: 50%}", "audit"),
        ("/audit.pem", "/audit.pem, level: body", "whether records hold the text of bodies"),
        (
            "auth: none, upstream: b", "auth: none, upstream: b, audit: {level: body}",
            "whether records hold the text of bodies"
        ),
    ])
    func `what the process takes at its start only is named`(
        old: String, new: String, key: String
    ) throws {
        let keys = ReloadPlan.restartKeys(from: try settings(), to: try settings((old, new)))
        #expect(keys == [key])
    }

    @Test(arguments: [
        ("/audit.pem", "/audit.pem, mode: strict"), ("/audit.pem", "/audit.pem, level: headers"),
        ("/audit.pem", "/audit.pem, privacy: {query: none}"),
        ("version: 1", "version: 1\nrealm: x"),
    ])
    func `what workers go by is no reason to start again`(old: String, new: String) throws {
        let next = try settings((old, new))
        #expect(ReloadPlan.restartKeys(from: try settings(), to: next).isEmpty)
    }
}
