import HTTP

/// The methods that a route answers to: any, or the listed ones.
public struct MethodSet: Sendable, Equatable {
    /// Whether every method belongs, extension methods included.
    public private(set) var isAny: Bool
    /// One bit per well-known method, numbered by `HTTP.Method.rawValue`.
    public private(set) var bits: UInt16 = 0
    /// Extension methods (RFC 9110 §16.1), letter case included.
    public private(set) var others: [String] = []

    /// Every method.
    public static let any = MethodSet(isAny: true)

    private init(isAny: Bool) {
        self.isAny = isAny
    }

    /// No method yet.
    public init() {
        isAny = false
    }

    /// The listed well-known methods.
    public init(_ methods: HTTP.Method...) {
        isAny = false
        for method in methods { insert(method, text: "\(method.name)") }
    }

    /// Adds `method`; `text` is its name when it is not well known.
    public mutating func insert(_ method: HTTP.Method, text: String) {
        guard method == .other else {
            bits |= MethodSet.bit(method)
            return
        }
        if !others.contains(text) { others.append(text) }
    }

    /// Whether every method of `other` belongs to this set too.
    public func covers(_ other: MethodSet) -> Bool {
        if isAny { return true }
        if other.isAny { return false }
        return bits & other.bits == other.bits && other.others.allSatisfy(others.contains)
    }

    /// The bit of a well-known method; 0 for others.
    @inlinable
    static func bit(_ method: HTTP.Method) -> UInt16 {
        method.rawValue < 16 ? 1 << UInt16(method.rawValue) : 0
    }

    /// Names for people, in the order of the catalogue: `any`, or `GET, HEAD`.
    public var names: [String] {
        if isAny { return ["any"] }
        let known = HTTP.Method.allCases.filter { bits & MethodSet.bit($0) != 0 }
        return known.map { "\($0.name)" } + others
    }
}
