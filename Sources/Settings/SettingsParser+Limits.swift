import HTTP
import Authentication
import RateLimiting

/// What the section `limits` says beyond connections.
struct Bounds {
    var connections = ConnectionLimits()
    var limitTableSlots = LimitTable.defaultSlots
    var tokenBytes = TokenLimits().tokenBytes
}

extension SettingsParser {
    /// Most rate limits of a file.
    private static let limitRateLimits = 256

    /// The section `limits`; defaults where it says nothing.
    func connectionLimits(_ value: SettingValue?) -> Bounds {
        var bounds = Bounds()
        guard let value,
            let section = Section(
                value,
                known: [
                    "request_line", "head", "fields", "trailers", "chunk_line", "body", "token",
                    "head_time", "idle_time", "body_stall", "connections",
                    "requests_per_connection", "drain_time", "audit_wait", "rate_limit_slots",
                ], diagnostics: diagnostics)
        else { return bounds }
        var limits = bounds.connections
        readMessageLimits(section, &limits.http)
        limits.requestBodyBytes = bodyLimit(section)
        limits.headMilliseconds = section.milliseconds(
            "head_time", in: 100...600_000, otherwise: limits.headMilliseconds)
        limits.idleMilliseconds = section.milliseconds(
            "idle_time", in: 100...86_400_000, otherwise: limits.idleMilliseconds)
        limits.bodyStallMilliseconds = section.milliseconds(
            "body_stall", in: 100...86_400_000, otherwise: limits.bodyStallMilliseconds)
        limits.connectionsPerWorker = section.number(
            "connections", in: 1...1_000_000, otherwise: limits.connectionsPerWorker)
        limits.requestsPerConnection = UInt32(
            section.number(
                "requests_per_connection", in: 1...Int(UInt32.max),
                otherwise: Int(limits.requestsPerConnection)))
        limits.drainMilliseconds = section.milliseconds(
            "drain_time", in: 0...86_400_000, otherwise: limits.drainMilliseconds)
        limits.auditWaitMilliseconds = section.milliseconds(
            "audit_wait", in: 0...60_000, otherwise: limits.auditWaitMilliseconds)
        bounds.connections = limits
        bounds.limitTableSlots = section.number(
            "rate_limit_slots", in: LimitTable.leastSlots...LimitTable.mostSlots,
            otherwise: bounds.limitTableSlots)
        bounds.tokenBytes = Int(
            section.bytes(
                "token", in: 256...UInt64(TokenLimits.mostTokenBytes),
                otherwise: UInt64(bounds.tokenBytes)))
        return bounds
    }

    private func readMessageLimits(_ section: Section, _ limits: inout HTTPLimits) {
        limits.requestLineBytes = Int(
            section.bytes(
                "request_line", in: 64...65536, otherwise: UInt64(limits.requestLineBytes)))
        limits.headBytes = Int(
            section.bytes("head", in: 256...65536, otherwise: UInt64(limits.headBytes)))
        limits.fieldCount = section.number("fields", in: 1...1000, otherwise: limits.fieldCount)
        limits.trailerBytes = Int(
            section.bytes("trailers", in: 0...65536, otherwise: UInt64(limits.trailerBytes)))
        limits.chunkLineBytes = Int(
            section.bytes("chunk_line", in: 16...4096, otherwise: UInt64(limits.chunkLineBytes)))
        if limits.requestLineBytes > limits.headBytes {
            let line = section.optional("request_line") ?? section.optional("head") ?? section.value
            let text = Units.sizeText(UInt64(limits.requestLineBytes))
            diagnostics.error(
                line,
                "limits.request_line is \(text), more than limits.head, which holds the line, too")
        }
    }

    private func bodyLimit(_ section: Section) -> Int64? {
        guard let value = section.optional("body") else { return nil }
        if diagnostics.scalar(value) == "none" { return nil }
        return diagnostics.bytes(value, in: 0...UInt64(Int64.max)).map { Int64($0) }
    }

    /// The section `rate_limits`.
    func rateLimits(_ value: SettingValue) -> [RateLimit] {
        diagnostics.named(value, limit: SettingsParser.limitRateLimits).map { entry in
            rateLimit(entry)
                // Keeps its place, so that the numbers of routes stay right; it was reported.
                ?? RateLimit(name: entry.key, key: .route, emissionNanoseconds: 1, burst: 1)
        }
    }

    private func rateLimit(_ entry: SettingEntry) -> RateLimit? {
        guard
            let section = Section(
                entry.value, known: ["key", "rate", "burst"], diagnostics: diagnostics)
        else { return nil }
        let key = section.required("key").flatMap { value in
            diagnostics.choice(
                value,
                [
                    ("subject", LimitKey.subject), ("client_ip", .clientAddress),
                    ("route", .route),
                ])
        }
        let rate = section.required("rate").flatMap(rate)
        let burst = section.optional("burst").flatMap {
            diagnostics.number($0, in: 1...Int(UInt32.max))
        }
        guard let key, let rate else { return nil }
        // Rounded up, so that a rate is never exceeded.
        let emission = (rate.nanoseconds + rate.count - 1) / rate.count
        let size = burst.map { UInt64($0) } ?? rate.count
        let (refill, overflow) = emission.multipliedReportingOverflow(by: size)
        guard !overflow, refill <= RateLimit.longestRefillNanoseconds else {
            diagnostics.error(
                section.optional("burst") ?? entry.value,
                "\(entry.value.name): a burst of \(size) takes longer than 366d to come back")
            return nil
        }
        return RateLimit(
            name: entry.key, key: key, emissionNanoseconds: emission,
            burst: UInt32(clamping: size))
    }

    private func rate(_ value: SettingValue) -> Units.Rate? {
        guard let text = diagnostics.scalar(value) else {
            diagnostics.error(value, "\(value.name) must be a rate such as 100/s")
            return nil
        }
        switch Units.rate(text) {
        case .value(let rate):
            guard rate.count > 0, rate.nanoseconds > 0 else {
                diagnostics.error(
                    value, "\(value.name) is \(text), which would let nothing through")
                return nil
            }
            guard rate.count <= UInt64(UInt32.max), rate.count <= rate.nanoseconds else {
                diagnostics.error(
                    value, "\(value.name) is \(text), limit \(UInt32.max) and one per nanosecond")
                return nil
            }
            return rate
        case .unitMissing:
            diagnostics.error(
                value, "\(value.name) is \(value.kind) without a time, such as \(text)/s")
        case .malformed, .tooLarge:
            diagnostics.error(
                value, "\(value.name) is \(value.kind), not a rate such as 100/s or 1000/m")
        }
        return nil
    }
}
