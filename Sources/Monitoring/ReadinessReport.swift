/// Whether the proxy should be sent requests, each condition by its name.
public struct ReadinessReport: Sendable, Equatable {
    /// One thing that must hold.
    public struct Condition: Sendable, Equatable {
        /// Its name, such as `audit-log`.
        public var name: String
        /// What is wrong; nil when it holds.
        public var problem: String?

        /// A condition that holds, or does not for the reason `problem`.
        public init(_ name: String, problem: String?) {
            self.name = name
            self.problem = problem
        }
    }

    /// Every condition, those that hold too.
    public var conditions: [Condition]

    /// A report of `conditions`.
    public init(_ conditions: [Condition]) {
        self.conditions = conditions
    }

    /// Whether every condition holds.
    public var isReady: Bool { conditions.allSatisfy { $0.problem == nil } }

    /// A line for each condition, those that fail first.
    public var text: String {
        let failed = conditions.filter { $0.problem != nil }
        let lines =
            failed.map { "failed  \($0.name): \($0.problem ?? "")\n" }
            + conditions.filter { $0.problem == nil }.map { "ok      \($0.name)\n" }
        return (isReady ? "ready\n" : "not ready\n") + lines.joined()
    }
}
