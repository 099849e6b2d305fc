import Crypto
import Primitives
import Settings
import Testing

@testable import Supervisor

@Suite struct StartChecksTests {
    private static let file = """
        version: 1
        listeners: {public: {address: "127.0.0.1:8080"}}
        routes: [{name: a, match: {path: /}, auth: none, respond: {status: 200}}]
        limits: {connections: 1000}
        audit: {directory: /log, origin: a.test/b, signing_key: /key.pem, rotate: {size: 64MiB}}

        """

    private static func warnings(
        _ change: (inout StartChecks.Machine) -> Void
    ) throws -> [String] {
        let key = try SigningKey.generate().pem()
        let settings = try Settings.parse(
            Array(file.utf8), name: "test",
            files: SettingsFiles(credentialsDirectory: nil) { _, _ in
                .success(.init(bytes: key, permissions: 0o600))
            })
        var machine = StartChecks.Machine(
            descriptors: 100_000, freeBytes: 1 << 40,
            time: WallTime(microseconds: 1_800_000_000_000_000), isClockSynchronised: true)
        change(&machine)
        return StartChecks(settings, workerCount: 2, machine: machine).warnings
    }

    @Test func `a machine with room and time is told nothing`() throws {
        #expect(try Self.warnings { _ in }.isEmpty)
    }

    @Test func `each lack is told with advice`() throws {
        #expect(try Self.warnings { $0.descriptors = 1024 }.first?.contains("LimitNOFILE=") == true)
        #expect(
            try Self.warnings { $0.freeBytes = 200 << 20 }.first?.hasPrefix(
                "200 MiB are free where the audit log lies (/log), less than 4 segments") == true)
        #expect(try Self.warnings { $0.freeBytes = nil }.isEmpty)
        #expect(
            try Self.warnings { $0.time = WallTime(microseconds: 0) }.first?.hasPrefix(
                "the clock is before 2026") == true)
        #expect(
            try Self.warnings { $0.isClockSynchronised = false }.first?.contains("chrony") == true)
    }
}
