import HTTP
import Primitives
import Testing

@Suite struct HTTPErrorTests {
    @Test(
        arguments: [
            (.startLineTooLong, 414, .requestLineTooLong),
            (.requestLineMalformed, 400, .requestLineMalformed),
            (.targetInvalid, 400, .requestTargetInvalid),
            (.pathAmbiguous, 400, .requestPathAmbiguous),
            (.methodRefused, 501, .requestMethodRefused),
            (.versionUnsupported, 505, .requestVersionUnsupported),
            (.headTooLarge, 431, .requestHeadTooLarge),
            (.fieldsTooMany, 431, .requestFieldsTooMany),
            (.fieldMalformed, 400, .requestFieldMalformed),
            (.fieldFolded, 400, .requestFieldFolded),
            (.hostMissing, 400, .requestHostMissing), (.hostDuplicate, 400, .requestHostDuplicate),
            (.hostInvalid, 400, .requestHostInvalid),
            (.lengthWithTransferCoding, 400, .requestFramingAmbiguous),
            (.transferCodingInOldVersion, 400, .requestFramingAmbiguous),
            (.transferCodingNotChunked, 400, .requestFramingAmbiguous),
            (.transferCodingUnknown, 501, .requestTransferCodingUnknown),
            (.lengthInvalid, 400, .requestLengthInvalid),
            (.lengthDuplicate, 400, .requestLengthInvalid),
            (.connectionOptionRefused, 400, .requestConnectionFieldRefused),
            (.connectionOptionsTooMany, 400, .requestConnectionFieldRefused),
            (.expectationUnknown, 417, .requestExpectationUnknown),
            (.maxForwardsInvalid, 400, .requestFieldMalformed),
            (.chunkLineMalformed, 400, .requestChunkMalformed),
            (.chunkLineTooLong, 400, .requestChunkMalformed),
            (.chunkSizeOverflow, 400, .requestChunkMalformed),
            (.chunkEndMalformed, 400, .requestChunkMalformed),
            (.trailersTooLarge, 431, .requestTrailersTooLarge),
            (.bodyTruncated, 400, .clientClosedEarly),
        ] as [(HTTPError, UInt16, Reason)])
    func `RFC 9110 §15.5: a broken rule has its status and its reason`(
        error: HTTPError, status: UInt16, reason: Reason
    ) {
        #expect(error.status == status)
        #expect(error.reason == reason)
    }

    @Test func `a response that breaks a rule is the upstream's fault`() {
        #expect(HTTPError.headTooLarge.responseReason == .upstreamResponseTooLarge)
        #expect(HTTPError.bodyTruncated.responseReason == .upstreamTruncated)
        #expect(HTTPError.fieldFolded.responseReason == .upstreamResponseMalformed)
    }
}
