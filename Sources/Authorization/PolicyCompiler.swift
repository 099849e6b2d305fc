import Authentication
import HTTP
import Primitives

/// Turns routes into flat tables.
struct PolicyCompiler {
    var text: [UInt8] = []
    var routes: [CompiledRoute] = []
    var rules: [AllowRule] = []
    var limits: [Int32] = []
    var headers: [CompiledHeader] = []
    var parts: [HeaderPart] = []
    var removals: [ByteRange] = []

    mutating func add(_ route: Route) {
        var compiled = CompiledRoute()
        compiled.name = add(route.name.utf8)
        if let host = route.host {
            compiled.hasHost = true
            compiled.isHostWildcard = host.isWildcard
            compiled.host = add(host.text.utf8)
        }
        addPath(route.path, to: &compiled)
        compiled.isAnyMethod = route.methods.isAny
        compiled.methods = route.methods.bits
        var others: [UInt8] = []
        for name in route.methods.others where name.utf8.count <= 255 {
            others.append(UInt8(name.utf8.count))
            others += name.utf8
        }
        compiled.otherMethods = add(others)
        switch route.authentication {
        case .none: compiled.isOpen = true
        case .required(let issuers, let acceptsCertificate):
            compiled.issuers = issuers
            compiled.acceptsCertificate = acceptsCertificate
        }
        compiled.rules = TableRange(start: rules.count, adding: route.rules.count)
        rules += route.rules
        compiled.limits = TableRange(start: limits.count, adding: route.limits.count)
        limits += route.limits.map { Int32($0) }
        switch route.action {
        case .upstream(let index): compiled.target = .upstream(index)
        case .respond(let status, let body, let contentType):
            compiled.target = .respond(status: status)
            compiled.body = add(body)
            compiled.contentType = add(contentType.utf8)
        }
        compiled.level = route.auditLevel
        compiled.mode = route.auditMode
        addHeaders(route.requestHeaders, to: &compiled)
        routes.append(compiled)
    }

    private mutating func addHeaders(_ rules: HeaderRules, to compiled: inout CompiledRoute) {
        compiled.settings = TableRange(start: headers.count, adding: rules.set.count)
        for setting in rules.set {
            let range = TableRange(start: parts.count, adding: setting.pieces.count)
            for piece in setting.pieces {
                switch piece {
                case .literal(let bytes): parts.append(.literal(add(bytes)))
                case .variable(let variable): parts.append(.variable(variable))
                }
            }
            headers.append(CompiledHeader(name: add(setting.name.utf8), parts: range))
        }
        compiled.removals = TableRange(start: removals.count, adding: rules.remove.count)
        for name in rules.remove { removals.append(add(name.lowercased().utf8)) }
    }

    /// Joins literals with the slashes around them, so that few comparisons decide.
    private mutating func addPath(_ path: PathPattern, to compiled: inout CompiledRoute) {
        var steps: [UInt8] = []
        var literal: [UInt8] = []
        func flush() {
            guard !literal.isEmpty else { return }
            steps.append(PathStep.literal)
            steps.append(UInt8(literal.count >> 8))
            steps.append(UInt8(literal.count & 0xFF))
            steps += literal
            literal = []
        }
        var hasRest = false
        for segment in path.segments {
            switch segment {
            case .literal(let bytes):
                literal.append(UInt8(ascii: "/"))
                literal += bytes
            case .one:
                literal.append(UInt8(ascii: "/"))
                flush()
                steps.append(PathStep.one)
            case .rest:
                flush()
                steps.append(PathStep.rest)
                hasRest = true
            }
        }
        flush()
        if !hasRest { steps.append(PathStep.end) }
        compiled.path = add(steps)
    }

    private mutating func add(_ bytes: some Sequence<UInt8>) -> ByteRange {
        let start = text.count
        text += bytes
        return ByteRange(start: start, count: text.count - start)
    }
}

extension TableRange {
    init(start: Int, adding count: Int) {
        self.init(start: Int32(start), count: Int32(count))
    }
}
