import AuditRecords
import HTTP
import Primitives

/// How a response's body is framed towards the client.
public enum OutgoingFraming: Sendable, Equatable {
    /// No body follows the head.
    case none
    /// Exactly the bytes that `Content-Length` says.
    case length
    /// Chunks.
    case chunked
    /// Everything until the connection closes (HTTP/1.0 clients).
    case untilClose
}

/// Writes a response's head for the client, in one canonical form.
public enum ResponseRewrite {
    /// How the body is to be framed for this client.
    public static func framing(
        _ incoming: BodyFraming, clientVersion: HTTPVersion
    ) -> OutgoingFraming {
        switch incoming {
        case .none: .none
        case .length: .length
        case .chunked, .untilClose: clientVersion == .http11 ? .chunked : .untilClose
        }
    }

    /// Appends a final response's head.
    ///
    /// - Parameters:
    ///   - keepsAlive: Whether the client's connection stays open behind the response.
    ///   - facts: The record of the request. Its listener, when it speaks TLS, alone says what
    ///     `Strict-Transport-Security` is.
    ///   - now: When the response came, for a `Date` that the upstream left out.
    public static func write(
        head: borrowing ResponseHead, bytes: Span<UInt8>, framing: OutgoingFraming,
        facts: RecordFacts, clientVersion: HTTPVersion, acceptsTrailers: Bool,
        keepsAlive: Bool, now: WallTime, settings: ProxySettings,
        receiptPrefix: Span<UInt8>, into writer: inout ByteWriter
    ) {
        appendStatusLine(head: head, bytes: bytes, into: &writer)
        appendFields(
            head: head, bytes: bytes,
            // HEAD and 304 say how long the body would be (RFC 9110 §8.6); 204 must not.
            keepsLength: framing == .none && head.status != 204,
            keepsTrailer: framing == .chunked && acceptsTrailers,
            keepsStrictTransport: !settings.isSecure(facts.listener), into: &writer)
        // RFC 9110 §6.6.1: a response that is forwarded has a date.
        if !head.fields.contains(.date) {
            writer.append("Date: ")
            writer.appendHTTPDate(now)
            writer.append("\r\n")
        }
        switch framing {
        case .length:
            if case .length(let count) = head.framing {
                writer.append("Content-Length: ")
                writer.appendDecimal(count)
                writer.append("\r\n")
            }
        case .chunked: writer.append("Transfer-Encoding: chunked\r\n")
        case .none, .untilClose: break
        }
        if !keepsAlive {
            writer.append("Connection: close\r\n")
        } else if clientVersion == .http10 {
            writer.append("Connection: keep-alive\r\n")
        }
        writer.appendStrictTransport(of: facts.listener, settings)
        writer.appendReceipt(facts, prefix: receiptPrefix)
        writer.append("\r\n")
    }

    /// Appends an interim response's head (RFC 9110 §15.2): its fields, no framing.
    public static func writeInterim(
        head: borrowing ResponseHead, bytes: Span<UInt8>, facts: RecordFacts,
        settings: ProxySettings, into writer: inout ByteWriter
    ) {
        appendStatusLine(head: head, bytes: bytes, into: &writer)
        appendFields(
            head: head, bytes: bytes, keepsLength: false, keepsTrailer: false,
            keepsStrictTransport: !settings.isSecure(facts.listener), into: &writer)
        writer.append("\r\n")
    }

    private static func appendStatusLine(
        head: borrowing ResponseHead, bytes: Span<UInt8>, into writer: inout ByteWriter
    ) {
        writer.append("HTTP/1.1 ")
        writer.appendDecimal(magnitude: UInt64(head.status))
        writer.append(.space)
        writer.append(bytes.extracting(head.reasonPhrase))
        writer.append("\r\n")
    }

    private static func appendFields(
        head: borrowing ResponseHead, bytes: Span<UInt8>, keepsLength: Bool,
        keepsTrailer: Bool, keepsStrictTransport: Bool, into writer: inout ByteWriter
    ) {
        var run = FieldRun()
        for index in 0..<head.fields.count {
            let field = head.fields[index]
            if field.isHopByHop { continue }
            switch field.known {
            case .transferEncoding, .auditReceipt, .xRequestID: continue
            case .contentLength where !keepsLength: continue
            case .trailer where !keepsTrailer: continue
            case .strictTransportSecurity where !keepsStrictTransport: continue
            default: break
            }
            run.append(field, of: bytes, to: &writer)
        }
        run.flush(bytes, to: &writer)
    }
}

extension ByteWriter {
    /// Appends what every answer on the `listener`th listener says about itself (RFC 6797 §7.1).
    mutating func appendStrictTransport(of listener: UInt16, _ settings: ProxySettings) {
        let line = settings.strictTransport[Int(listener)]
        append(line.span)
    }

    /// Appends the fields by which a client can name its request and demand its record.
    mutating func appendReceipt(_ facts: RecordFacts, prefix: Span<UInt8>) {
        append("X-Request-Id: ")
        appendUUID(facts.requestID)
        append("\r\nAudit-Receipt: ")
        append(prefix)
        appendDecimal(magnitude: facts.sequence)
        append("\r\n")
    }
}
