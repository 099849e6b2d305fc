/// A page of metrics in Prometheus' text format, version 0.0.4
/// (prometheus.io/docs/instrumenting/exposition_formats).
public struct PrometheusText: Sendable {
    /// The page so far.
    public private(set) var text = ""

    /// What a metric's numbers do.
    public enum Kind: String, Sendable {
        /// It only grows, from the start of the process on; its name ends in `_total`.
        case counter
        /// It goes up and down.
        case gauge
        /// Counts of values below bounds.
        case histogram
        /// A count and a sum of values.
        case summary
    }

    /// What the page is sent as.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// An empty page.
    public init() {}

    /// Begins a metric; its samples follow.
    ///
    /// - Parameters:
    ///   - name: Letters, digits and underscores, the unit in the plural at its end.
    ///   - help: One line for people.
    public mutating func begin(_ name: String, _ kind: Kind, _ help: String) {
        precondition(PrometheusText.isName(name) && !help.contains("\n"))
        precondition(name.hasSuffix("_total") == (kind == .counter))
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
    }

    /// Appends a sample of the metric begun last.
    public mutating func add(
        _ name: String, _ labels: KeyValuePairs<String, String> = [:], _ value: UInt64
    ) {
        append(name, labels, "\(value)")
    }

    /// Appends a sample of the metric begun last.
    public mutating func add(
        _ name: String, _ labels: KeyValuePairs<String, String> = [:], seconds: Double
    ) {
        append(name, labels, "\(seconds)")
    }

    /// Appends a metric of one sample without labels.
    public mutating func add(_ name: String, _ kind: Kind, _ help: String, _ value: UInt64) {
        begin(name, kind, help)
        append(name, [:], "\(value)")
    }

    /// Appends a histogram without labels.
    ///
    /// - Parameter buckets: By bucket how many values it has and its bound in seconds, the last one
    ///   without.
    public mutating func add(
        _ name: String, _ help: String, buckets: [(count: UInt64, boundSeconds: Double?)],
        sumSeconds: Double
    ) {
        begin(name, .histogram, help)
        var sum: UInt64 = 0
        for bucket in buckets {
            sum &+= bucket.count
            let bound = bucket.boundSeconds.map { "\($0)" } ?? "+Inf"
            append("\(name)_bucket", ["le": bound], "\(sum)")
        }
        append("\(name)_sum", [:], "\(sumSeconds)")
        append("\(name)_count", [:], "\(sum)")
    }

    /// Appends how many values there were, and their sum in seconds.
    public mutating func add(
        _ name: String, _ help: String, count: UInt64, sumSeconds: Double
    ) {
        begin(name, .summary, help)
        append("\(name)_sum", [:], "\(sumSeconds)")
        append("\(name)_count", [:], "\(count)")
    }

    private mutating func append(
        _ name: String, _ labels: KeyValuePairs<String, String>, _ value: String
    ) {
        text += name
        if !labels.isEmpty {
            let pairs = labels.map { "\($0.key)=\"\(PrometheusText.escaped($0.value))\"" }
            text += "{\(pairs.joined(separator: ","))}"
        }
        text += " \(value)\n"
    }

    /// A label's value as the format has it: backslash, quotation mark and line feed escaped.
    static func escaped(_ value: String) -> String {
        var result = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private static func isName(_ name: String) -> Bool {
        !name.isEmpty && !(name.utf8.first.map { $0 >= 0x30 && $0 <= 0x39 } ?? true)
            && name.utf8.allSatisfy {
                ($0 >= 0x61 && $0 <= 0x7A) || ($0 >= 0x30 && $0 <= 0x39) || $0 == 0x5F
            }
    }
}
