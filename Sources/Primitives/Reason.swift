/// Why a request was answered as it was: the one catalogue of reason codes.
///
/// A code is `area.what`, stable across versions: it stands in the log and in error bodies. The raw value travels in binary records inside one process only and may be
/// renumbered. `docs/reasons.md` lists every code; a tidy test compares the two.
public enum Reason: UInt16, CaseIterable, Sendable, BitwiseCopyable {
    /// No reason is needed: the request was allowed and answered.
    case none = 0

    // request: the message itself was refused (HTTP/1.1 rules).
    case requestLineTooLong, requestLineMalformed, requestTargetInvalid, requestPathAmbiguous
    case requestMethodRefused, requestVersionUnsupported
    case requestHeadTooLarge, requestFieldsTooMany, requestFieldMalformed, requestFieldFolded
    case requestHostMissing, requestHostDuplicate, requestHostInvalid
    case requestFramingAmbiguous, requestLengthInvalid, requestTransferCodingUnknown
    case requestConnectionFieldRefused, requestExpectationUnknown, requestChunkMalformed
    case requestTrailersTooLarge, requestBodyTooLarge, requestHeadTimeout, requestBodyTimeout
    case requestLoopDetected

    // token: who is asking could not be established.
    case tokenMissing, tokenDuplicateCredentials, tokenSchemeUnsupported, tokenTooLarge
    case tokenMalformed, tokenHeaderInvalid, tokenDuplicateMember, tokenTooDeep
    case tokenEncrypted, tokenCritUnsupported, tokenAlgorithmRefused, tokenTypeRefused
    case tokenKeyUnknown, tokenKeyUnsuitable, tokenSignatureInvalid
    case tokenIssuerUnknown, tokenIssuerNotAccepted, tokenAudienceRefused
    case tokenExpiryMissing, tokenExpired, tokenNotYetValid, tokenIssuedAtInvalid, tokenTooOld
    case tokenClaimMissing, tokenClaimInvalid, tokenSubjectTooLong, tokenBindingUnsupported
    case tokenBindingMismatch

    // policy: they may not.
    case policyNoRoute, policyRoleMissing, policyMethodRefused
    case policyCertificateMissing, policyCertificateRefused, policyHTTPSRequired

    // limit: they may not now.
    case limitExceeded, limitTableFull

    // upstream: the far side failed.
    case upstreamConnectFailed, upstreamConnectTimeout, upstreamNameUnresolved
    case upstreamResponseTimeout, upstreamStalled, upstreamClosedEarly, upstreamResponseMalformed
    case upstreamResponseTooLarge, upstreamTruncated, upstreamTLSFailed
    case upstreamCertificateRefused

    // tls: a client's handshake failed, so that no request was read.
    case tlsPlainHTTP, tlsVersionUnsupported, tlsNoSharedCipher, tlsNoSharedGroup
    case tlsNoSharedProtocol, tlsServerNameUnknown
    case tlsCertificateMissing, tlsCertificateUntrusted, tlsCertificateExpired
    case tlsCertificateRevoked, tlsCertificateUnsuitable
    case tlsHandshakeTimeout, tlsHandshakeAbandoned, tlsAlertReceived, tlsMalformed

    // client: the near side failed.
    case clientClosedEarly, clientWriteTimeout

    // proxy: Sallyport itself could not serve.
    case proxyConnectionsExhausted, proxyBuffersExhausted, proxyDraining
    case auditBacklog, auditUnavailable

    /// The stable code, `area.what`.
    public var code: StaticString {
        switch self {
        case .none: "none"
        case .requestLineTooLong: "request.line_too_long"
        case .requestLineMalformed: "request.line_malformed"
        case .requestTargetInvalid: "request.target_invalid"
        case .requestPathAmbiguous: "request.path_ambiguous"
        case .requestMethodRefused: "request.method_refused"
        case .requestVersionUnsupported: "request.version_unsupported"
        case .requestHeadTooLarge: "request.head_too_large"
        case .requestFieldsTooMany: "request.fields_too_many"
        case .requestFieldMalformed: "request.field_malformed"
        case .requestFieldFolded: "request.field_folded"
        case .requestHostMissing: "request.host_missing"
        case .requestHostDuplicate: "request.host_duplicate"
        case .requestHostInvalid: "request.host_invalid"
        case .requestFramingAmbiguous: "request.framing_ambiguous"
        case .requestLengthInvalid: "request.length_invalid"
        case .requestTransferCodingUnknown: "request.transfer_coding_unknown"
        case .requestConnectionFieldRefused: "request.connection_field_refused"
        case .requestExpectationUnknown: "request.expectation_unknown"
        case .requestChunkMalformed: "request.chunk_malformed"
        case .requestTrailersTooLarge: "request.trailers_too_large"
        case .requestBodyTooLarge: "request.body_too_large"
        case .requestHeadTimeout: "request.head_timeout"
        case .requestBodyTimeout: "request.body_timeout"
        case .requestLoopDetected: "request.loop_detected"
        case .tokenMissing: "token.missing"
        case .tokenDuplicateCredentials: "token.duplicate_credentials"
        case .tokenSchemeUnsupported: "token.scheme_unsupported"
        case .tokenTooLarge: "token.too_large"
        case .tokenMalformed: "token.malformed"
        case .tokenHeaderInvalid: "token.header_invalid"
        case .tokenDuplicateMember: "token.duplicate_member"
        case .tokenTooDeep: "token.too_deep"
        case .tokenEncrypted: "token.encrypted"
        case .tokenCritUnsupported: "token.crit_unsupported"
        case .tokenAlgorithmRefused: "token.algorithm_refused"
        case .tokenTypeRefused: "token.type_refused"
        case .tokenKeyUnknown: "token.key_unknown"
        case .tokenKeyUnsuitable: "token.key_unsuitable"
        case .tokenSignatureInvalid: "token.signature_invalid"
        case .tokenIssuerUnknown: "token.issuer_unknown"
        case .tokenIssuerNotAccepted: "token.issuer_not_accepted"
        case .tokenAudienceRefused: "token.audience_refused"
        case .tokenExpiryMissing: "token.expiry_missing"
        case .tokenExpired: "token.expired"
        case .tokenNotYetValid: "token.not_yet_valid"
        case .tokenIssuedAtInvalid: "token.issued_at_invalid"
        case .tokenTooOld: "token.too_old"
        case .tokenClaimMissing: "token.claim_missing"
        case .tokenClaimInvalid: "token.claim_invalid"
        case .tokenSubjectTooLong: "token.subject_too_long"
        case .tokenBindingUnsupported: "token.binding_unsupported"
        case .tokenBindingMismatch: "token.binding_mismatch"
        case .policyNoRoute: "policy.no_route"
        case .policyRoleMissing: "policy.role_missing"
        case .policyMethodRefused: "policy.method_refused"
        case .policyCertificateMissing: "policy.certificate_missing"
        case .policyCertificateRefused: "policy.certificate_refused"
        case .policyHTTPSRequired: "policy.https_required"
        case .limitExceeded: "limit.exceeded"
        case .limitTableFull: "limit.table_full"
        case .upstreamConnectFailed: "upstream.connect_failed"
        case .upstreamConnectTimeout: "upstream.connect_timeout"
        case .upstreamNameUnresolved: "upstream.name_unresolved"
        case .upstreamResponseTimeout: "upstream.response_timeout"
        case .upstreamStalled: "upstream.stalled"
        case .upstreamClosedEarly: "upstream.closed_early"
        case .upstreamResponseMalformed: "upstream.response_malformed"
        case .upstreamResponseTooLarge: "upstream.response_too_large"
        case .upstreamTruncated: "upstream.truncated"
        case .upstreamTLSFailed: "upstream.tls_failed"
        case .upstreamCertificateRefused: "upstream.certificate_refused"
        case .tlsPlainHTTP: "tls.plain_http"
        case .tlsVersionUnsupported: "tls.version_unsupported"
        case .tlsNoSharedCipher: "tls.no_shared_cipher"
        case .tlsNoSharedGroup: "tls.no_shared_group"
        case .tlsNoSharedProtocol: "tls.no_shared_protocol"
        case .tlsServerNameUnknown: "tls.server_name_unknown"
        case .tlsCertificateMissing: "tls.certificate_missing"
        case .tlsCertificateUntrusted: "tls.certificate_untrusted"
        case .tlsCertificateExpired: "tls.certificate_expired"
        case .tlsCertificateRevoked: "tls.certificate_revoked"
        case .tlsCertificateUnsuitable: "tls.certificate_unsuitable"
        case .tlsHandshakeTimeout: "tls.handshake_timeout"
        case .tlsHandshakeAbandoned: "tls.handshake_abandoned"
        case .tlsAlertReceived: "tls.alert_received"
        case .tlsMalformed: "tls.malformed"
        case .clientClosedEarly: "client.closed_early"
        case .clientWriteTimeout: "client.write_timeout"
        case .proxyConnectionsExhausted: "proxy.connections_exhausted"
        case .proxyBuffersExhausted: "proxy.buffers_exhausted"
        case .proxyDraining: "proxy.draining"
        case .auditBacklog: "audit.backlog"
        case .auditUnavailable: "audit.unavailable"
        }
    }
}
