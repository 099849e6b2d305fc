import Authorization
import Testing

@Suite struct PathPatternTests {
    @Test(arguments: [
        ("", PatternError.slashMissing), ("v1", .slashMissing), ("*", .slashMissing),
        ("/a//b", .segmentEmpty), ("//", .segmentEmpty), ("/a/./b", .segmentDots),
        ("/a/..", .segmentDots), ("/%2e%2E/a", .segmentDots), ("/**/a", .restNotLast),
        ("/a*", .wildcardInsideSegment), ("/***", .wildcardInsideSegment),
        ("/a{b}", .wildcardInsideSegment), ("/{a", .wildcardInsideSegment),
        ("/{}", .nameInvalid), ("/{a.b}", .nameInvalid), ("/{a}/x/{a}", .nameDuplicate),
        ("/a b", .characterInvalid), ("/ä", .characterInvalid), ("/a?b", .characterInvalid),
        ("/a#b", .characterInvalid), ("/a\\b", .characterInvalid),
        ("/%", .encodingInvalid), ("/%4", .encodingInvalid), ("/%zz", .encodingInvalid),
        ("/a%2fb", .encodingInvalid), ("/a%5Cb", .encodingInvalid), ("/a%00", .encodingInvalid),
    ])
    func `a pattern that could never match is refused`(text: String, error: PatternError) {
        #expect(throws: error) { try PathPattern(text) }
        #expect(!error.description.isEmpty)
    }

    @Test func `a pattern past its limits is refused`() throws {
        let longest = "/" + String(repeating: "a", count: PathPattern.limitBytes - 1)
        #expect(try PathPattern(longest).segments.count == 1)
        #expect(throws: PatternError.tooLong(limitBytes: PathPattern.limitBytes)) {
            try PathPattern(longest + "a")
        }
        let most = String(repeating: "/a", count: PathPattern.limitSegments)
        #expect(try PathPattern(most).segments.count == PathPattern.limitSegments)
        #expect(throws: PatternError.segmentsTooMany(limit: PathPattern.limitSegments)) {
            try PathPattern(most + "/a")
        }
    }

    @Test func `literals are brought to the normal form of requests`() throws {
        let pattern = try PathPattern("/%61%7e/%c3%a4/a%2a")
        #expect(
            pattern.segments == [
                .literal(Array("a~".utf8)), .literal(Array("%C3%A4".utf8)),
                .literal(Array("a%2A".utf8)),
            ])
    }

    @Test(arguments: [
        ("/**", "/a/b", true), ("/**", "/", true), ("/a/**", "/a", true),
        ("/a/**", "/a/{x}/b", true), ("/a/**", "/ab", false), ("/{x}", "/{y}", true),
        ("/{x}", "/a", true), ("/{x}", "/", false), ("/a", "/{x}", false), ("/a", "/a", true),
        ("/a", "/a/", false), ("/a/*", "/a/**", false), ("/a/**", "/a/**", true),
        ("/{x}/**", "/a/**", true), ("/a/**", "/{x}/**", false), ("/a/b", "/a", false),
    ])
    func `one pattern covers another`(left: String, right: String, isCovered: Bool) throws {
        #expect(try PathPattern(left).covers(PathPattern(right)) == isCovered)
    }

    @Test(arguments: [
        ("", PatternError.hostEmpty), ("*.", .hostEmpty), ("a b", .hostInvalid),
        ("*", .hostInvalid), ("a.*.b", .hostInvalid), (".a", .hostInvalid), ("a.", .hostInvalid),
        ("a..b", .hostInvalid), ("a:80", .hostInvalid), ("[::g]", .hostInvalid),
        (String(repeating: "a", count: 256), .tooLong(limitBytes: 255)),
    ])
    func `a host that no request can name is refused`(text: String, error: PatternError) {
        #expect(throws: error) { try HostPattern(text) }
    }

    @Test(arguments: [
        ("a.com", "A.com", true), ("*.a.com", "b.a.com", true), ("*.a.com", "*.b.a.com", true),
        ("*.a.com", "a.com", false), ("a.com", "*.a.com", false), ("*.a.com", "*.a.com", true),
        ("*.a.com", "ba.com", false),
    ])
    func `one host pattern covers another`(left: String, right: String, isCovered: Bool) throws {
        #expect(try HostPattern(left).covers(HostPattern(right)) == isCovered)
    }
}
