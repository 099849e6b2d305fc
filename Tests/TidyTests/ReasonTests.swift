import Testing

/// The one catalogue of reason codes agrees with what is written about it (style, rule 18).
@Suite struct ReasonTests {
    /// The codes of Primitives/Reason.swift in the order they stand there.
    static let codes: [String] = {
        let file = SourceTree.current.file("Sources/Primitives/Reason.swift")
        let text = file?.code.map { String($0.text) }.joined(separator: "\n") ?? ""
        return text.matches(of: /case \.\w+: "([^"]+)"/).map { String($0.output.1) }
    }()

    @Test func `codes were found`() {
        #expect(Self.codes.count > 50)
    }

    @Test func `each code is given once`() {
        let counts = Dictionary(grouping: Self.codes) { $0 }
        for (code, uses) in counts {
            #expect(uses.count == 1, "\(code) stands \(uses.count) times in Reason.swift")
        }
    }

    @Test func `a code reads area dot what`() {
        for code in Self.codes where code != "none" {
            #expect(code.wholeMatch(of: /[a-z]+\.[a-z0-9_]+/) != nil, "\(code)")
        }
    }

    @Test func `docs/reasons.md describes every code and no other`() throws {
        let file = SourceTree.current.file("docs/reasons.md")
        let page = try #require(file)
        let described = Set(
            page.lines.flatMap { line in
                line.matches(of: /^\| *`([a-z]+\.[a-z0-9_]+|none)`/).map { String($0.output.1) }
            })
        for code in Self.codes where code != "none" {
            #expect(described.contains(code), "docs/reasons.md does not describe \(code)")
        }
        for code in described {
            #expect(
                Self.codes.contains(code), "docs/reasons.md describes \(code), not in Reason.swift")
        }
    }
}
