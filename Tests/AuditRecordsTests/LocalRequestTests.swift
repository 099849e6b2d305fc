import AuditRecords
import Primitives
import Testing

/// What local sockets take: one strict line.
@Suite struct LocalRequestTests {
    static let all: [(LocalRequest, LocalRequest.Place)] = [
        (.status, .administration),
        (.erase(subject: #"a"\lice ✓"#, reason: "ticket 7"), .administration),
        (.hold(name: "case 1", setBy: "counsel", first: .max), .administration),
        (.release(name: "case 1"), .administration),
        (.access(tool: "verify", range: "since=1d"), .log),
        (.access(tool: "show", range: ""), .log),
    ]

    @Test func `a request is its line`() throws {
        for (request, place) in Self.all {
            #expect(try LocalRequest(request.line, at: place) == request)
        }
    }

    @Test func `no socket takes the other's requests`() {
        for (request, place) in Self.all {
            let other = place == .log ? LocalRequest.Place.administration : .log
            #expect(throws: LocalRequestError.commandUnknown) {
                try LocalRequest(request.line, at: other)
            }
        }
    }

    @Test func `a line cut anywhere is none`() {
        for (request, place) in Self.all {
            let line = request.line
            for end in line.indices {
                #expect(throws: LocalRequestError.self) {
                    try LocalRequest(Array(line[..<end]), at: place)
                }
            }
        }
    }

    struct Refusal: Sendable {
        var line: String
        var error: LocalRequestError
    }

    @Test(arguments: [
        Refusal(line: "[]", error: .notTexts), Refusal(line: "\"status\"", error: .notTexts),
        Refusal(line: #"{"command":1}"#, error: .notTexts),
        Refusal(line: #"{"command":{}}"#, error: .notTexts),
        Refusal(line: #"{"command":null}"#, error: .notTexts),
        Refusal(line: "{}", error: .commandUnknown),
        Refusal(line: #"{"command":"Status"}"#, error: .commandUnknown),
        Refusal(line: #"{"command":"status","x":""}"#, error: .unexpected("x")),
        Refusal(line: #"{"command":"erase","subject":"a"}"#, error: .missing("reason")),
        Refusal(line: #"{"command":"erase","reason":"a"}"#, error: .missing("subject")),
        Refusal(
            line: #"{"command":"erase","reason":"","subject":"a"}"#, error: .malformed("reason")),
        Refusal(
            line: #"{"command":"erase","reason":"a\nb","subject":"a"}"#,
            error: .malformed("reason")),
        Refusal(
            line: #"{"command":"release","name":"\#(String(repeating: "a", count: 1025))"}"#,
            error: .malformed("name")),
        Refusal(
            line: #"{"by":"b","command":"hold","from":"-1","name":"a"}"#,
            error: .malformed("from")),
        Refusal(
            line: #"{"by":"b","command":"hold","name":"a"}"#, error: .missing("from")),
        Refusal(
            line: #"{"command":"status","command":"status"}"#,
            error: .notJSON(.duplicateName(at: 21))),
        Refusal(line: #"{"command":"status"} {}"#, error: .notJSON(.trailingBytes(at: 21))),
        Refusal(line: String(repeating: " ", count: 20_000), error: .tooLong),
    ])
    func `anything else says what is wrong`(refusal: Refusal) {
        #expect(throws: refusal.error) {
            try LocalRequest(Array(refusal.line.utf8), at: .administration)
        }
        #expect(!"\(refusal.error)".isEmpty)
    }

    @Test func `a tool is one of those that read`() {
        let line = Array(#"{"command":"access","range":"","tool":"rm"}"#.utf8)
        #expect(throws: LocalRequestError.malformed("tool")) {
            try LocalRequest(line, at: .log)
        }
    }

    /// Whatever the bytes are: a refusal, or a request that is its own line again.
    @Test(arguments: 0..<64)
    func `no bytes do harm`(seed: UInt64) {
        var state = seed
        func number(below limit: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(limit))
        }
        let alphabet = Array(#"{}[]",:\u0command status erase subject reason é"#.utf8) + [0, 0xFF]
        for _ in 0..<200 {
            var line = Self.all[number(below: Self.all.count)].0.line
            for _ in 0..<number(below: 4) {
                let place = number(below: line.count)
                switch number(below: 3) {
                case 0: line[place] = alphabet[number(below: alphabet.count)]
                case 1: line.remove(at: place)
                default: line.insert(alphabet[number(below: alphabet.count)], at: place)
                }
            }
            for place in LocalRequest.Place.allCases {
                guard let request = try? LocalRequest(line, at: place) else { continue }
                let again = try? LocalRequest(request.line, at: place)
                #expect(again == request, "seed \(seed)")
            }
        }
    }
}

@Suite struct AccountableEventTests {
    private func core(_ event: AccountableEvent) -> String {
        let encoder = Sample.encoder()
        var output = ByteBuffer(capacity: 4096)
        let parts = output.write {
            encoder.encode(
                event, time: WallTime(microseconds: 1), instant: Instant(nanoseconds: 2000),
                into: &$0)
        }
        return output.span.extracting(parts.core).text()
    }

    @Test func `each says who asked`() {
        let requester = Requester(user: 1000, group: 100, process: 42)
        let by = #""by":{"gid":100,"pid":42,"uid":1000}"#
        let events: [(AccountableEvent, RecordKind, String)] = [
            (
                .administration(command: "status", outcome: "answered", by: requester),
                .administration, #""command":"status","event":"admin""#
            ),
            (
                .erasure(keys: [0xAB], reason: "ticket 7", by: requester), .erasure,
                #""event":"erasure","instance":"in\"1\"","keys":["00000000000000ab"]"#
            ),
            (
                .access(
                    command: "show", range: "from=7", by: requester,
                    asked: WallTime(microseconds: 9)), .access, #""asked":9"#
            ),
        ]
        for (event, kind, text) in events {
            #expect(event.kind == kind)
            #expect(core(event).contains(by))
            #expect(core(event).contains(text), "\(core(event))")
        }
    }
}
