import Primitives
import RequestFlow
import Testing

@Suite struct TraceContextTests {
    private func parsed(_ text: String) -> TraceContext? {
        TraceContext(Array(text.utf8).span)
    }

    @Test func `the example of the recommendation is read`() {
        let context = parsed("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
        #expect(
            context
                == TraceContext(
                    traceID: Identifier128(high: 0x4bf9_2f35_77b3_4da6, low: 0xa3ce_929d_0e0e_4736),
                    spanID: 0x00f0_67aa_0ba9_02b7, flags: 1))
        #expect(parsed("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more") != nil)
    }

    @Test(arguments: [
        "", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4BF92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
    ])
    func `anything else starts a new trace`(text: String) {
        #expect(parsed(text) == nil)
    }

    @Test func `request ids are UUIDs of version 7 that sort by time`() {
        var source = IdentifierSource(seed: (1, 2))
        let first = source.requestID(now: WallTime(microseconds: 1_700_000_000_000_000))
        let second = source.requestID(now: WallTime(microseconds: 1_700_000_000_001_000))
        #expect(first.high >> 16 == 1_700_000_000_000)
        #expect(first.high >> 12 & 15 == 7)
        #expect(first.low >> 62 == 2)
        #expect(first.high < second.high)
        var seen = Set<Identifier128>()
        for _ in 0..<10_000 {
            seen.insert(source.requestID(now: WallTime(microseconds: 0)))
            seen.insert(source.traceID())
        }
        #expect(seen.count == 20_000)
    }
}

@Suite struct IdentityFieldsTests {
    @Test(arguments: [
        "X-User", "x-forwarded-user", "X-Forwarded-Client-Cert", "X_Remote_User", "Remote-User",
        "SSL-Client-Cert", "X-Auth-Request-Email", "Audit-Receipt", "x-authenticated-userid",
        "X-Original-URL", "X-Rewrite-Url", "X-HTTP-Method-Override", "X_Method_Override",
    ])
    func `a field that claims an identity is one`(name: String) {
        let isIdentity = IdentityFields.contains(Array(name.utf8).span)
        #expect(isIdentity)
    }

    @Test(arguments: ["Accept", "X-Request-Id", "X-Custom", "Referer", "X-Users-Page", "Cookie"])
    func `any other field is not`(name: String) {
        let isIdentity = IdentityFields.contains(Array(name.utf8).span)
        #expect(!isIdentity)
    }
}
