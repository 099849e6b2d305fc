import AuditRecords
import HTTP
import Primitives

extension RecordDraft {
    /// Appends of the head what the route's level and rules permit.
    ///
    /// - Parameters:
    ///   - bytes: What `head`'s ranges refer to.
    ///   - route: The route that the request matched, or -1.
    public mutating func append(
        head: borrowing RequestHead, bytes: Span<UInt8>, settings: ProxySettings, route: Int
    ) {
        let privacy = settings.privacy
        let plan = privacy.plan(of: route)
        guard !plan.isPlain else {
            append(head: head, bytes: bytes)
            return
        }
        guard plan.level != .none else { return }
        if head.method == .other { append(.method, bytes.extracting(head.methodText)) }
        append(.authority, bytes.extracting(head.authority))
        appendPath(head.path(in: bytes), privacy, plan)
        if head.hasQuery { appendQuery(bytes.extracting(head.query), privacy) }
        if let index = head.fields.first(.userAgent) {
            let value = bytes.extracting(head.fields[index].value)
            appendTakenOut(.userAgent, .userAgent, value, privacy.userAgentRule, privacy)
        }
        if plan.level >= .headers {
            appendFields(
                head.fields, bytes, privacy.requestFields, .header, .headers, privacy)
        }
    }

    /// Appends the chosen fields of the upstream's response.
    ///
    /// - Parameter bytes: What `head`'s ranges refer to.
    public mutating func append(
        response head: borrowing ResponseHead, bytes: Span<UInt8>, settings: ProxySettings
    ) {
        let privacy = settings.privacy
        appendFields(
            head.fields, bytes, privacy.responseFields, .responseHeader, .responseHeaders, privacy)
    }

    private mutating func appendPath(
        _ path: Span<UInt8>, _ privacy: RecordPrivacy, _ plan: RecordPrivacy.Plan
    ) {
        guard plan.hidesPath || plan.segmentCount > 0 else {
            append(.path, path)
            return
        }
        compose(.path) { writer, marks in
            writer.appendRedacted(path: path, privacy, plan, &marks)
        }
    }

    private mutating func appendQuery(_ query: Span<UInt8>, _ privacy: RecordPrivacy) {
        switch privacy.query {
        case .none: return
        case .keys: appendQueryKeys(query)
        case .values:
            let fits = compose(.query) { writer, marks in
                writer.appendRedacted(query: query, of: .query, privacy, &marks)
            }
            // Placeholders can be longer than what they stand for: then the names alone.
            if !fits { appendQueryKeys(query) }
        }
    }

    private mutating func appendFields(
        _ fields: borrowing FieldTable, _ bytes: Span<UInt8>, _ choices: [RecordPrivacy.Choice],
        _ field: RecordField, _ member: RedactedField, _ privacy: RecordPrivacy
    ) {
        guard !choices.isEmpty else { return }
        var seen: UInt32 = 0
        // The first line of each name always has its place, so that none can crowd out another.
        var roomForMore = RecordLimits.headerCount - choices.count
        var omitted: UInt16 = 0
        for index in 0..<fields.count {
            let line = fields[index]
            guard
                let place = privacy.place(
                    of: line.known, bytes.extracting(line.name), among: choices)
            else { continue }
            if seen & 1 << UInt32(place) != 0 {
                guard roomForMore > 0 else {
                    omitted &+= 1
                    continue
                }
                roomForMore -= 1
            }
            seen |= 1 << UInt32(place)
            let choice = choices[place]
            let value = bytes.extracting(line.value)
            let text = privacy.text
            compose(field) { writer, marks in
                writer.append(text.span.extracting(choice.name))
                writer.append(": ")
                if choice.rule == RecordPrivacy.noRule || value.isEmpty {
                    writer.append(value)
                } else {
                    marks.insert(member, rule: choice.rule)
                    writer.appendPlaceholder(choice.rule, for: value, privacy)
                }
            }
        }
        omit(omitted, of: field)
    }
}

extension RecordPrivacy {
    /// Which of `choices` a field of that name is; nil when it was not chosen.
    func place(
        of known: FieldName, _ name: Span<UInt8>, among choices: [Choice]
    ) -> Int? {
        let text = self.text
        for index in choices.indices {
            let choice = choices[index]
            guard choice.known == known else { continue }
            if known != .other || name.equalsIgnoringCase(text.span.extracting(choice.name)) {
                return index
            }
        }
        return nil
    }
}

extension Span where Element == UInt8 {
    /// Whether this is `lower` in any letter case; `lower` has no upper-case letters.
    func equalsIgnoringCase(_ lower: Span<UInt8>) -> Bool {
        guard count == lower.count else { return false }
        for offset in 0..<count {
            let byte = self[offset]
            let isUpper = byte &- 0x41 < 26
            guard (isUpper ? byte | 0x20 : byte) == lower[offset] else { return false }
        }
        return true
    }
}
