import Settings
import Testing

/// What `audit.retain` and `audit.disk` refuse.
@Suite struct StorageRefusalTests {
    @Test(arguments: [
        Refusal(
            "/audit.pem", "/audit.pem\n  retain: {}", "audit.retain has neither age nor size"),
        Refusal(
            "/audit.pem", "/audit.pem\n  retain: {age: 1ms}", "audit.retain.age is 1ms, limits 1s"),
        Refusal(
            "/audit.pem", "/audit.pem\n  retain: {size: 1kB}",
            "audit.retain.size is 1kB, limits 2MiB"),
        Refusal(
            "/audit.pem", "/audit.pem\n  disk: {warn: 75}",
            "audit.disk.warn must be a percentage such as 75%, not '75'"),
        Refusal(
            "/audit.pem", "/audit.pem\n  disk: {warn: 5%}",
            "audit.disk.warn is 5%, limits 10% to 99%"),
        Refusal(
            "/audit.pem", "/audit.pem\n  disk: {warm: 5%}",
            "unknown key 'warm' in audit.disk, did you mean 'warn'"),
        Refusal(
            "/audit.pem", "/audit.pem\n  disk: {reserve: 4KiB}",
            "audit.disk.reserve is 4KiB, limits 1MiB to 64GiB"),
        Refusal(
            "/audit.pem", "/audit.pem\n  disk: {reserve: 65GiB}",
            "audit.disk.reserve is 65GiB, limits 1MiB to 64GiB"),
    ])
    func `what can't be kept is refused`(refusal: Refusal) throws {
        try refusal.check()
    }
}
