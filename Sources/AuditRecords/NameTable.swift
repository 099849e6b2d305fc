import Primitives

/// `RecordNames` as members of JSON objects, escaped once: `"route":"orders",`.
final class NameTable: Sendable {
    let generation: SettingsGeneration
    private let memory: [UInt8]
    /// At least as many bytes as one record's names take together.
    let longestNamesBytes: Int
    let listeners: [ByteRange]
    let routes: [ByteRange]
    let issuers: [ByteRange]
    let limits: [ByteRange]
    let roles: [ByteRange]
    let rules: [ByteRange]
    let upstreams: [ByteRange]
    /// All endpoints in a row; those of upstream `u` begin at `firstEndpoints[u]`.
    let endpoints: [ByteRange]
    let firstEndpoints: [Int]
    let settings: ByteRange

    init(_ names: RecordNames, generation: SettingsGeneration) {
        var table = Text()
        self.generation = generation
        listeners = table.add("\"listener\":\"", names.listeners)
        routes = table.add("\"route\":\"", names.routes)
        issuers = table.add("\"issuer\":\"", names.issuers)
        limits = table.add("\"name\":\"", names.limits)
        roles = table.add("\"roles\":[\"", names.roles, "\"],")
        rules = table.add("\"rule\":\"", names.rules)
        upstreams = table.add("\"name\":\"", names.upstreams)
        var first: [Int] = []
        var all: [ByteRange] = []
        for addresses in names.endpoints {
            first.append(all.count)
            all += table.add("\"endpoint\":\"", addresses)
        }
        firstEndpoints = first
        endpoints = all
        let digits = String(names.settingsDigest.hexText.prefix(32))
        settings = table.add("\"config\":\"", [digits])[0]
        memory = table.bytes
        longestNamesBytes = table.longest * 8
    }

    /// Where the endpoint's member lies; `RecordFacts.noIndex` names none.
    func endpoint(_ endpoint: UInt16, of upstream: UInt16) -> Int {
        guard Int(upstream) < firstEndpoints.count, endpoint != RecordFacts.noIndex else {
            return endpoints.count
        }
        return firstEndpoints[Int(upstream)] &+ Int(endpoint)
    }

    @inline(__always)
    func append(_ range: ByteRange, to writer: inout ByteWriter) {
        let text = memory
        writer.append(text.span.extracting(range))
    }

    /// Knows no name: what it is asked for is left out.
    static let unknown = NameTable(
        RecordNames(), generation: SettingsGeneration(number: .max))

    private struct Text {
        var bytes: [UInt8] = []
        var longest = 0

        mutating func add(
            _ prefix: String, _ names: [String], _ suffix: String = "\","
        ) -> [ByteRange] {
            names.map { name in
                let start = bytes.count
                bytes += CanonicalValue.member(prefix, name, suffix)
                longest = max(longest, bytes.count - start)
                return ByteRange(start: start, count: bytes.count - start)
            }
        }
    }
}
