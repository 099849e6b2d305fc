import Authentication
import Primitives
import Testing

private func challenge(_ reason: Reason?, realm: String = "api", scope: String = "") -> String {
    var buffer = ByteBuffer(capacity: 256)
    buffer.write {
        BearerChallenge.append(
            reason: reason, realm: Array(realm.utf8).span, scope: Array(scope.utf8).span, to: &$0)
    }
    return buffer.span.text()
}

@Suite struct BearerChallengeTests {
    /// RFC 6750 §3.1.
    @Test(
        arguments: [
            (.tokenMissing, 401, "Bearer realm=\"api\""),
            (.tokenSchemeUnsupported, 401, "Bearer realm=\"api\""),
            (.tokenDuplicateCredentials, 400, "Bearer realm=\"api\", error=\"invalid_request\""),
            (.tokenExpired, 401, "Bearer realm=\"api\", error=\"invalid_token\""),
            (.tokenMalformed, 401, "Bearer realm=\"api\", error=\"invalid_token\""),
            (.tokenSignatureInvalid, 401, "Bearer realm=\"api\", error=\"invalid_token\""),
            (.policyRoleMissing, 403, "Bearer realm=\"api\", error=\"insufficient_scope\""),
        ] as [(Reason, UInt16, String)])
    func `a refusal has its status and challenge`(reason: Reason, status: UInt16, text: String) {
        #expect(BearerChallenge.status(for: reason) == status)
        #expect(challenge(reason) == text)
    }

    @Test func `without a reason there is no error code`() {
        #expect(challenge(nil) == "Bearer realm=\"api\"")
    }

    @Test func `a scope that would be enough is named`() {
        #expect(
            challenge(.policyRoleMissing, scope: "admin")
                == "Bearer realm=\"api\", error=\"insufficient_scope\", scope=\"admin\"")
    }

    @Test func `a realm cannot leave its quotes`() {
        #expect(
            challenge(nil, realm: "a\"b\\c\r\nX: y\u{7F}") == "Bearer realm=\"a\\\"b\\\\cX: y\"")
    }

    @Test(arguments: Reason.allCases)
    func `every refused token is answered with 400 or 401`(reason: Reason) {
        guard "\(reason.code)".hasPrefix("token.") else { return }
        #expect([400, 401].contains(BearerChallenge.status(for: reason)))
    }
}
