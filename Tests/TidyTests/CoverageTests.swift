import Testing

/// Every source file is named by a test of its target, or stands here with a reason (rule 26).
@Suite struct CoverageTests {
    /// Files that no unit test of their target names, each with what covers them instead.
    static let untested: [String: String] = [:]

    /// Targets that are covered as whole programs, by the system tests.
    static let coveredAsPrograms: [String: String] = [
        "sallyport": "Tests/System runs the program",
        "sallyport-audit": "Tests/System runs the program",
        "Supervisor": "Tests/System runs the process it makes",
        "Worker": "Tests/System runs the loop against real sockets and peers",
    ]

    @Test func `each source file is named by a test`() {
        let tests = Dictionary(grouping: SourceTree.current.swift(below: "Tests")) { $0.target }
        for file in SourceTree.current.swift(below: "Sources") {
            guard Self.untested[file.path] == nil, Self.coveredAsPrograms[file.target] == nil
            else { continue }
            let names = file.declaredNames
            let isNamed = tests[file.target + "Tests", default: []].contains { test in
                test.name == file.name + "Tests"
                    || test.code.contains { $0.text.words.contains { names.contains($0) } }
            }
            #expect(isNamed, "no test in \(file.target)Tests names what \(file.path) declares")
        }
    }

    @Test func `the list of exceptions is about files that exist`() {
        for path in Self.untested.keys {
            #expect(SourceTree.current.has(path), "\(path) is gone: take it off the list")
        }
    }

    @Test func `each fuzz target has a corpus`() {
        for file in SourceTree.current.swift(below: "Tests/Fuzz") where file.name.hasPrefix("Fuzz")
        {
            let corpus = "Tests/Fuzz/Corpus/" + file.name.dropFirst("Fuzz".count)
            #expect(SourceTree.current.has(corpus), "\(file.path) has no corpus \(corpus)")
        }
    }
}

extension SourceTree.File {
    /// Types, functions, variables and cases that the file declares.
    var declaredNames: Set<Substring> {
        let kinds: Set<Substring> = [
            "struct", "enum", "class", "protocol", "func", "var", "let", "case", "extension",
        ]
        var names: Set<Substring> = []
        for (_, text) in code {
            let words = text.words
            for (word, next) in zip(words, words.dropFirst()) where kinds.contains(word) {
                names.insert(next)
            }
        }
        return names
    }
}
