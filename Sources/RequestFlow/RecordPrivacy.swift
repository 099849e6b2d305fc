import AuditRecords
import Authorization
import HTTP
import Primitives

/// What records may hold, per route: the privacy settings, compiled once for all workers.
///
/// A route to which no rule applies costs one look at its plan.
final class RecordPrivacy: Sendable {
    /// What goes for the requests of one route.
    struct Plan: BitwiseCopyable, Sendable {
        var level = AuditLevel.metadata
        /// Whether the head is recorded as it came: query keys, no chosen fields, no rules.
        var isPlain = true
        /// Whether the path is left out whole, because nobody knows which of it a rule means.
        var hidesPath = false
        /// Which rule takes a segment out: `segmentCount` numbers from `firstSegment` on.
        var firstSegment: Int32 = 0
        var segmentCount: Int32 = 0
    }

    /// A chosen header field.
    struct Choice: BitwiseCopyable, Sendable {
        /// The name's number, when it has one.
        var known: FieldName
        /// Where its name lies in `text`.
        var name: ByteRange
        /// The rule that takes its value out, or `noRule`.
        var rule: UInt8
    }

    /// What stands in the place of a value that was taken out.
    struct Placeholder: BitwiseCopyable, Sendable {
        /// Where `[redacted:NAME]` lies in `text`.
        var text: ByteRange
        var keepsLast: Bool
    }

    /// No rule has this number.
    static let noRule: UInt8 = 255

    /// Of requests without a route, then of each route.
    private let plans: [Plan]
    private let segmentRules: [UInt8]
    let query: QueryPrivacy
    let truncatesAddresses: Bool
    let requestFields: [Choice]
    let responseFields: [Choice]
    let placeholders: [Placeholder]
    /// Names of query parameters that a rule takes out, in lower case, and their rules.
    let parameters: [(name: ByteRange, rule: UInt8)]
    /// The rule of each `RecordField` that is a claim, by raw value.
    private let claimRules: [UInt8]
    /// The `RecordField`s that are claims and that a rule takes out, a bit for each.
    let redactedClaims: UInt32
    let userAgentRule: UInt8
    /// What `name` and `text` ranges lie in.
    let text: [UInt8]
    private let pointers: [Pointer]
    private let steps: [Step]
    /// A bit for each JSON pointer.
    let allPointers: UInt32
    /// Most bytes of a body's text; 0 where no route's records have one.
    let bodyBytes: Int
    /// Whether any route's records say something of bodies.
    let watchesBodies: Bool

    /// A JSON pointer into bodies: `count` steps from `first` on.
    struct Pointer: BitwiseCopyable, Sendable {
        var first: Int32
        var count: Int32
        var rule: UInt8
    }

    /// One step of a pointer.
    struct Step: BitwiseCopyable, Sendable {
        var name: ByteRange
        var isAny: Bool
    }

    init(_ settings: PrivacySettings, level: AuditLevel, routes: [Route]) {
        precondition(settings.rules.count <= RedactionRule.limit)
        precondition(settings.requestHeaders.count <= PrivacySettings.headerLimit)
        precondition(settings.responseHeaders.count <= PrivacySettings.headerLimit)
        let first = RecordNames.builtInRules.count
        var memory: [UInt8] = []
        func keep(_ bytes: String) -> ByteRange {
            defer { memory += bytes.utf8 }
            return ByteRange(start: memory.count, count: bytes.utf8.count)
        }
        func rule(where holds: (RedactionRule) -> Bool) -> UInt8 {
            settings.rules.firstIndex(where: holds).map { UInt8($0 + first) }
                ?? RecordPrivacy.noRule
        }
        func choices(_ names: [String]) -> [Choice] {
            names.map { name in
                let bytes = Array(name.utf8)
                return Choice(
                    known: FieldName(bytes.span), name: keep(name),
                    rule: rule { $0.headers.contains(name) })
            }
        }
        placeholders =
            RecordNames.builtInRules.map {
                Placeholder(text: keep("[redacted:\($0)]"), keepsLast: false)
            }
            + settings.rules.map {
                Placeholder(text: keep("[redacted:\($0.name)]"), keepsLast: $0.action == .mask)
            }
        requestFields = choices(settings.requestHeaders.filter { $0 != "user-agent" })
        responseFields = choices(settings.responseHeaders)
        userAgentRule = rule { $0.headers.contains("user-agent") }
        parameters = settings.rules.enumerated().flatMap { index, one in
            one.query.map { (keep($0.lowercased()), UInt8(index + first)) }
        }
        var claims = [UInt8](repeating: RecordPrivacy.noRule, count: 32)
        let fields: [(RecordField, RedactedField)] = [
            (.subject, .subject), (.clientID, .clientID), (.tokenID, .tokenID),
            (.certificateSubject, .subject), (.certificateName, .subject),
        ]
        for (field, claim) in fields {
            claims[Int(field.rawValue)] = rule { $0.claims.contains(claim) }
        }
        claimRules = claims
        redactedClaims = claims.indices.reduce(0) { set, field in
            claims[field] == RecordPrivacy.noRule ? set : set | 1 << UInt32(field)
        }
        query = settings.query
        truncatesAddresses = settings.clientAddress == .truncated
        let hasPathRules = settings.rules.contains {
            !$0.parameters.isEmpty || !$0.segments.isEmpty
        }
        let isUsual = query == .keys && userAgentRule == RecordPrivacy.noRule
        let hasChoices = !requestFields.isEmpty
        func plan(_ level: AuditLevel, hasRules: Bool) -> Plan {
            var plan = Plan()
            plan.level = level
            plan.isPlain =
                isUsual && !hasRules && level != .none && (level == .metadata || !hasChoices)
            return plan
        }
        var compiled = [plan(level, hasRules: hasPathRules)]
        compiled[0].hidesPath = hasPathRules
        var rules: [UInt8] = []
        for route in routes {
            let own = RecordPrivacy.segments(of: route.path, settings.rules, first: first)
            var next = plan(
                AuditLevel(rawValue: route.auditLevel) ?? level, hasRules: !own.isEmpty)
            next.firstSegment = Int32(rules.count)
            next.segmentCount = Int32(own.count)
            rules += own
            compiled.append(next)
        }
        var pointers: [Pointer] = []
        var steps: [Step] = []
        for (index, one) in settings.rules.enumerated() {
            for pointer in one.body {
                pointers.append(
                    Pointer(
                        first: Int32(steps.count), count: Int32(pointer.count),
                        rule: UInt8(index + first)))
                steps += pointer.map { Step(name: keep($0), isAny: $0 == "*") }
            }
        }
        precondition(pointers.count <= RedactionRule.pointerLimit)
        self.pointers = pointers
        self.steps = steps
        allPointers = pointers.isEmpty ? 0 : .max >> UInt32(32 - pointers.count)
        bodyBytes = compiled.contains { $0.level == .body } ? settings.bodyBytes : 0
        watchesBodies = compiled.contains { $0.level >= .bodyHash }
        plans = compiled
        segmentRules = rules
        text = memory
    }

    /// What goes for `route`; -1 is none.
    @inline(__always)
    func plan(of route: Int) -> Plan { plans[route + 1] }

    /// The rule that takes the `index`th segment out, or `noRule`.
    func rule(_ plan: Plan, segment index: Int) -> UInt8 {
        index < Int(plan.segmentCount)
            ? segmentRules[Int(plan.firstSegment) + index] : RecordPrivacy.noRule
    }

    /// The rule that takes `field`, a claim, out, or `noRule`.
    func claimRule(_ field: RecordField) -> UInt8 { claimRules[Int(field.rawValue)] }

    /// Those of `pointers`, a bit each, whose step number `step` is `name`.
    func pointers(_ set: UInt32, at step: Int, matching name: JSONName) -> UInt32 {
        guard set != 0 else { return 0 }
        var found: UInt32 = 0
        let text = self.text
        for index in pointers.indices where set & 1 << UInt32(index) != 0 {
            guard step < Int(pointers[index].count) else { continue }
            let own = steps[Int(pointers[index].first) + step]
            if own.isAny || name.equals(text.span.extracting(own.name)) {
                found |= 1 << UInt32(index)
            }
        }
        return found
    }

    /// The rule of the first of `set` that has `count` steps; nil when none has.
    func pointerEnding(_ set: UInt32, at count: Int) -> UInt8? {
        guard set != 0 else { return nil }
        return pointers.indices.first {
            set & 1 << UInt32($0) != 0 && Int(pointers[$0].count) == count
        }.map { pointers[$0].rule }
    }

    /// The rule of each segment, as far as one has any: its parameter's, else its place's.
    private static func segments(
        of path: PathPattern, _ rules: [RedactionRule], first: Int
    ) -> [UInt8] {
        let last = max(path.segments.count, rules.flatMap(\.segments).max() ?? 0)
        var found = (0..<last).map { index -> UInt8 in
            var name = ""
            if index < path.segments.count, case .one(let own) = path.segments[index] { name = own }
            let rule =
                rules.firstIndex { !name.isEmpty && $0.parameters.contains(name) }
                ?? rules.firstIndex { $0.segments.contains(index + 1) }
            return rule.map { UInt8($0 + first) } ?? noRule
        }
        while found.last == noRule { found.removeLast() }
        return found
    }
}
