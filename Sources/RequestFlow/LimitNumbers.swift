/// What limits, issuers and routes are counted by in the table of rate limits.
///
/// Their places in the settings change with a reload; what was counted of them must not be counted
/// for another, and stays. So each name keeps its number while the process lives.
public struct LimitNumbers: Sendable, Equatable {
    /// By place among the rate limits.
    public var limits: [Int]
    /// By place among the issuers. Never `RecordFacts.noIndex`, which stands for none.
    public var issuers: [UInt16]
    /// By place among the routes.
    public var routes: [Int]

    /// Numbers by these places.
    public init(limits: [Int], issuers: [UInt16], routes: [Int]) {
        self.limits = limits
        self.issuers = issuers
        self.routes = routes
    }
}

/// Gives names their numbers. The control thread's.
public struct LimitNumbering: Sendable {
    private var limits: [String: Int] = [:]
    private var issuers: [String: Int] = [:]
    private var routes: [String: Int] = [:]
    /// Issuers past this number share one with an earlier one; no process sees so many.
    private static let issuerNumbers = Int(UInt16.max)

    /// No name has one.
    public init() {}

    /// The routes' names by their numbers.
    public var routeNames: [Int: String] {
        Dictionary(uniqueKeysWithValues: routes.map { ($0.value, $0.key) })
    }

    /// The numbers of these names; new ones for new names.
    public mutating func numbers(
        limits limitNames: [String], issuers issuerNames: [String], routes routeNames: [String]
    ) -> LimitNumbers {
        LimitNumbers(
            limits: LimitNumbering.take(limitNames, &limits),
            issuers: LimitNumbering.take(issuerNames, &issuers).map {
                UInt16($0 % LimitNumbering.issuerNumbers)
            },
            routes: LimitNumbering.take(routeNames, &routes))
    }

    private static func take(_ names: [String], _ known: inout [String: Int]) -> [Int] {
        names.map { name in
            if let number = known[name] { return number }
            known[name] = known.count
            return known.count - 1
        }
    }
}
