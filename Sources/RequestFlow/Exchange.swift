import AuditRecords
import HTTP
import Primitives
import Upstream

/// What an exchange waits for now; each has its own limit in time.
public enum ExchangeWait: UInt8, Sendable {
    /// A usable connection to an endpoint.
    case connect
    /// More of the request's body from the client.
    case requestBody
    /// The upstream to take more of the request.
    case requestSend
    /// The response's head.
    case responseHead
    /// More of the response's body from the upstream.
    case responseBody
    /// The client to take more of the response.
    case responseSend
}

/// What to do about an upstream that failed.
public enum FailureAction: Sendable, Equatable {
    /// Send the request again on another connection.
    case retry
    /// Tell the client.
    case refuse(status: UInt16, reason: Reason)
    /// Too late to tell: break the client's connection off, so that it can't take the answer for whole.
    case abort(reason: Reason)
}

/// The state of one request between its head and its record, held by its connection.
///
/// It decides and counts; the worker moves the bytes.
public struct Exchange: ~Copyable {
    /// The record's numbers so far.
    public var facts = RecordFacts()
    /// The record's text, lent from admission to the push.
    public var record = PooledBuffer.none
    /// What goes upstream: the rewritten head, then the body. Bytes stay here until room is needed.
    public var outgoing = PooledBuffer.none
    /// How many bytes of `outgoing`, from its start, the kernel has taken.
    public var outgoingSent = 0
    /// Bytes of this request that the kernel has taken on the current connection.
    public var sentBytes = 0
    /// Whether `outgoing` still has every byte sent on the current connection.
    public var isReplayable = true

    /// The request's method.
    public var method = Method.other
    /// The client's version.
    public var version = HTTPVersion.http11
    /// Whether the client's connection may stay open behind this exchange.
    public var keepsAlive = false
    /// Whether the client waits for a 100 before it sends the body.
    public var expectsContinue = false
    /// Whether the client takes trailers.
    public var acceptsTrailers = false

    /// Reads the request's body.
    public var requestBody: BodyDecoder
    /// The body's length, when the request says it.
    public var requestLength: Int64?
    /// Whether the body goes upstream in chunks.
    public var isRequestChunked = false
    /// Whether the request's body has been read to its end.
    public var hasRequestEnded = true
    /// Body bytes read from the client.
    public var requestBodyBytes: UInt64 = 0
    /// Whether the upstream stopped taking the request.
    public var isRequestAbandoned = false

    /// Reads the response's body.
    public var responseBody: BodyDecoder
    /// How the body goes to the client.
    public var responseFraming = OutgoingFraming.none
    /// Whether the response's head was read; from then on a failure can't be told to the client.
    public var hasResponseHead = false
    /// Whether any byte of the response came.
    public var hasResponseBegun = false
    /// Whether the response was read to its end.
    public var hasResponseEnded = false
    /// Whether the last chunk is written and trailers may follow until the end.
    public var isInTrailers = false
    /// Whether the upstream keeps its connection open behind the response.
    public var isUpstreamPersistent = false

    /// What the log promises about it.
    public var mode = AuditMode.bounded
    /// Whether the record of its end is in the ring while the answer is held back.
    public var isCompletionRecorded = false
    /// Whether the decision was recorded ahead of the completion.
    public var isDecisionRecorded = false
    /// Connections tried.
    public var attempts = 0
    /// When the endpoint's connection was asked for.
    public var connectStarted = Instant.zero
    /// What is waited for.
    public var wait = ExchangeWait.connect
    /// When that wait becomes a failure.
    public var deadline = Instant.distantFuture

    /// No exchange.
    public init(limits: HTTPLimits) {
        requestBody = BodyDecoder(.none, limits: limits)
        responseBody = BodyDecoder(.none, limits: limits)
    }

    /// Begins with the request in `head`; the record's facts are set by the caller.
    public mutating func begin(head: borrowing RequestHead, limits: HTTPLimits) {
        reset(framing: head.framing, limits: limits)
        method = head.method
        version = head.version
        expectsContinue = head.expectsContinue
        acceptsTrailers = head.acceptsTrailers
    }

    /// Begins with a request whose head never came whole: it can only be refused.
    public mutating func beginUnread(facts: RecordFacts, limits: HTTPLimits) {
        reset(framing: .none, limits: limits)
        self.facts = facts
        method = .other
        version = .http11
        expectsContinue = false
        acceptsTrailers = false
        keepsAlive = false
    }

    private mutating func reset(framing: BodyFraming, limits: HTTPLimits) {
        requestBody = BodyDecoder(framing, limits: limits)
        isRequestChunked = framing == .chunked
        if case .length(let count) = framing { requestLength = count } else { requestLength = nil }
        hasRequestEnded = framing == .none || framing == .length(0)
        requestBodyBytes = 0
        isRequestAbandoned = false
        outgoingSent = 0
        sentBytes = 0
        isReplayable = true
        responseFraming = .none
        hasResponseHead = false
        hasResponseBegun = false
        hasResponseEnded = false
        isInTrailers = false
        isUpstreamPersistent = false
        isDecisionRecorded = false
        isCompletionRecorded = false
        attempts = 0
        wait = .connect
        deadline = .distantFuture
    }

    /// Makes the bytes that were sent pending again, for another connection.
    public mutating func rewind() {
        precondition(isReplayable)
        outgoingSent = 0
        sentBytes = 0
        isRequestAbandoned = false
    }

    /// Makes room in `outgoing` for more of the body; what was sent is then gone for a retry.
    public mutating func makeRoom() {
        guard outgoingSent > 0 else { return }
        outgoing.consume(outgoingSent)
        outgoing.compact()
        outgoingSent = 0
        isReplayable = false
    }

    /// What is waited for, from what is done.
    public func currentWait(outputPending: Bool, inputPending: Bool) -> ExchangeWait {
        if outputPending { return .responseSend }
        if hasResponseHead { return .responseBody }
        if outgoingSent < outgoing.count { return .requestSend }
        return hasRequestEnded || inputPending || isRequestAbandoned ? .responseHead : .requestBody
    }

    /// What to do when the connection to the endpoint failed.
    ///
    /// - Parameter attemptLimit: Connections that one request may be given.
    public func upstreamFailed(
        _ reason: Reason, status: UInt16, wasReused: Bool, attemptLimit: Int
    ) -> FailureAction {
        if hasResponseHead { return .abort(reason: reason) }
        if RetryRule.permits(
            method: method, sentBytes: sentBytes, wasReused: wasReused,
            isReplayable: isReplayable, hasAnswerBegun: hasResponseBegun, attempts: attempts,
            attemptLimit: attemptLimit)
        {
            return .retry
        }
        return .refuse(status: status, reason: reason)
    }

    /// What to do when `deadline` has passed.
    public func timedOut(attemptLimit: Int) -> (action: FailureAction, source: ErrorSource) {
        switch wait {
        case .connect:
            let action = upstreamFailed(
                .upstreamConnectTimeout, status: 504, wasReused: false, attemptLimit: attemptLimit)
            return (action, .upstream)
        case .requestBody: return (.refuse(status: 408, reason: .requestBodyTimeout), .client)
        case .requestSend: return (.refuse(status: 504, reason: .upstreamStalled), .upstream)
        case .responseHead:
            return (.refuse(status: 504, reason: .upstreamResponseTimeout), .upstream)
        case .responseBody: return (.abort(reason: .upstreamStalled), .upstream)
        case .responseSend: return (.abort(reason: .clientWriteTimeout), .client)
        }
    }

    /// The phase in which a failure now would have happened, for the record.
    public var phase: RequestPhase {
        switch wait {
        case .connect: .connect
        case .requestBody, .requestSend: .requestBody
        case .responseHead: hasResponseHead ? .responseBody : .responseHead
        case .responseBody, .responseSend: .responseBody
        }
    }
}
