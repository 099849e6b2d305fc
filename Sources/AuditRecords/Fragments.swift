import Primitives

/// The stretches of a record that settings decide, joined once with the punctuation around them.
///
/// A record is then few long copies: `"listener":"public","method":"GET","mono":` is one of them.
/// Fragments are copied in whole blocks, so that another block of memory follows the last.
@safe
final class Fragments: @unchecked Sendable {
    // Sendable: written in init only.
    private let bytes: UnsafeMutablePointer<UInt8>
    private let ranges: UnsafeMutablePointer<ByteRange>
    private let rangeCount: Int
    /// Bytes of the longest fragment.
    let longest: Int

    /// `{"auth":{` and what the algorithm and the cache say.
    let authentication: Section
    let algorithms: Int
    /// From the end of `auth`, or from the beginning without one, to the number of bytes in. The
    /// last has all of an `auth` that is a certificate's.
    let boot: Section
    /// From the number of bytes out to the connection's number.
    let settings: Section
    /// `instance` and `level`.
    let levels: Section
    let issuers: Section
    /// To the number of requests left.
    let limits: Section
    /// `listener` and `method`, to the number of `mono`. The last listener is none.
    let listeners: Section
    let outcomes: Section
    let protocols: Section
    /// `route`, to the number of `seq`. The last is none.
    let routes: Section
    let roles: Section
    /// `tls`, to its `handshake_us`.
    let handshakes: Section
    /// `resumed`, false and true, and `sig`.
    let signatures: Section
    /// Per upstream, its endpoints and none, each new and reused.
    let endpoints: Section
    let upstreams: [Upstream]

    /// Fragments in a row.
    struct Section: BitwiseCopyable {
        var first = 0
        var count = 0
    }

    /// An upstream's place among all endpoints.
    struct Upstream: BitwiseCopyable {
        var first: Int
        var count: Int
    }

    /// `HTTP.Method`'s raw values that have a name, and 0 for none.
    static let methods = 10

    init(_ names: RecordNames, bootMember: [UInt8], instanceMember: [UInt8]) {
        var text = Text()
        algorithms = PartsEncoder.algorithmCount
        authentication = text.section(
            (0..<PartsEncoder.algorithmCount).flatMap { algorithm in
                [false, true].map { isCached in
                    var member = "{\"auth\":{"
                    if let name = algorithmMember(UInt8(algorithm)) { member += name.description }
                    return Array((member + "\"cached\":\(isCached),").utf8)
                }
            })
        let counters = bootMember + Array("\"bytes\":{\"in\":".utf8)
        boot = text.section([
            Array("{".utf8) + counters, Array("\"scheme\":\"bearer\"},".utf8) + counters,
            Array("{\"auth\":{\"scheme\":\"mtls\"},".utf8) + counters,
        ])
        let digits = String(names.settingsDigest.hexText.prefix(32))
        settings = text.section([Array("},\"config\":\"\(digits)\",\"conn\":".utf8)])
        levels = text.section(
            AuditLevel.allCases.map { instanceMember + Array($0.member.description.utf8) })
        issuers = text.names("\"issuer\":\"", names.issuers, "\",")
        limits = text.names("\"limit\":{\"name\":\"", names.limits, "\",\"remaining\":")
        let listenerMembers =
            names.listeners.map { CanonicalValue.member("\"listener\":\"", $0) } + [[]]
        listeners = text.section(
            listenerMembers.flatMap { member in
                (0..<Fragments.methods).map { method in
                    let name = methodMember(UInt8(method))?.description ?? ""
                    return member + Array((name + "\"mono\":").utf8)
                }
            })
        outcomes = text.section(
            Outcome.allCases.map { Array((",\($0.member)").utf8) })
        protocols = text.section(
            [UInt8(0), 10, 11, 20].map { Array(protocolMember($0).description.utf8) })
        let routeMembers = names.routes.map { CanonicalValue.member("\"route\":\"", $0) } + [[]]
        routes = text.section(routeMembers.map { $0 + Array("\"seq\":".utf8) })
        roles = text.names("\"roles\":[\"", names.roles, "\"],")
        handshakes = text.section(Fragments.handshakeMembers())
        signatures = text.section(
            TLSNames.signatures.flatMap { name in
                [false, true].map { isResumed in
                    Array("\"resumed\":\(isResumed),".utf8) + Text.code("\"sig\":\"", name)
                }
            })
        var places: [Upstream] = []
        var members: [[UInt8]] = []
        for (number, name) in names.upstreams.enumerated() {
            let addresses = number < names.endpoints.count ? names.endpoints[number] : []
            places.append(Upstream(first: members.count / 2, count: addresses.count))
            let ends = addresses.map { CanonicalValue.member("\"endpoint\":\"", $0) } + [[]]
            for end in ends {
                for isReused in [false, true] {
                    members.append(
                        end
                            + CanonicalValue.member(
                                "\"name\":\"", name, "\",\"reused\":\(isReused),"))
                }
            }
        }
        upstreams = places
        endpoints = text.section(members)

        longest = text.longest
        rangeCount = text.ranges.count
        let size = text.bytes.count + PreparedWriter.slack
        unsafe bytes = .allocate(capacity: size)
        unsafe bytes.initialize(repeating: 0, count: size)
        for (offset, byte) in text.bytes.enumerated() { unsafe bytes[offset] = byte }
        unsafe ranges = .allocate(capacity: max(1, text.ranges.count))
        for (offset, range) in text.ranges.enumerated() {
            unsafe (ranges + offset).initialize(to: range)
        }
    }

    deinit {
        unsafe bytes.deallocate()
        unsafe ranges.deallocate()
    }

    /// Appends the fragment `index` of `section`.
    @inline(__always)
    func append(_ section: Section, _ index: Int, to writer: inout PreparedWriter) {
        precondition(index >= 0 && index < section.count)
        // Safe: the index was checked, and a block of memory follows the last fragment.
        let range = unsafe ranges[section.first &+ index]
        unsafe writer.appendBlocks(bytes + range.lower, Int(range.count))
    }

    /// Which of `handshakes` has these names, told by their places in `TLSNames`.
    @inline(__always)
    static func handshake(protocol: Int, cipher: Int, group: Int) -> Int {
        (`protocol` &* cipherCount &+ cipher) &* groupCount &+ group
    }

    private static let cipherCount = 10
    private static let groupCount = 4

    private static func handshakeMembers() -> [[UInt8]] {
        precondition(TLSNames.ciphers.count == cipherCount && TLSNames.groups.count == groupCount)
        return TLSNames.protocols.flatMap { version in
            TLSNames.ciphers.flatMap { cipher in
                TLSNames.groups.map { group in
                    Array(",\"tls\":{".utf8) + Text.code("\"alpn\":\"", version)
                        + Text.code("\"cipher\":\"", cipher)
                        + Text.code("\"group\":\"", group)
                }
            }
        }
    }

    private struct Text {
        var bytes: [UInt8] = []
        var ranges: [ByteRange] = []
        var longest = 0

        mutating func section(_ fragments: [[UInt8]]) -> Section {
            let section = Section(first: ranges.count, count: fragments.count)
            for fragment in fragments {
                ranges.append(ByteRange(start: bytes.count, count: fragment.count))
                bytes += fragment
                longest = max(longest, fragment.count)
            }
            return section
        }

        mutating func names(_ prefix: String, _ names: [String], _ suffix: String) -> Section {
            section(names.map { CanonicalValue.member(prefix, $0, suffix) })
        }

        /// Nothing for the name of none.
        static func code(_ prefix: String, _ name: StaticString) -> [UInt8] {
            name.utf8CodeUnitCount == 0 ? [] : Array("\(prefix)\(name)\",".utf8)
        }
    }
}
