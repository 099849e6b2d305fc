import Testing

/// The shape of files and the expressions that end a process (style, rules 2, 10, 17 and 24).
@Suite struct ShapeTests {
    static let lineLimit = 400

    /// Longer files, each with its reason.
    static let longer: [String: String] = [:]

    @Test func `a file has at most 400 lines`() {
        for file in SourceTree.current.files where file.path.hasSuffix(".swift") {
            let isListed = Self.longer[file.path] != nil
            #expect(
                isListed || file.lines.count <= Self.lineLimit + 1,
                "\(file.path) has \(file.lines.count) lines")
        }
    }

    @Test func `a file on the list of longer ones is longer`() {
        for path in Self.longer.keys {
            let count = SourceTree.current.file(path)?.lines.count ?? 0
            #expect(count > Self.lineLimit + 1, "\(path) has \(count) lines: take it off the list")
        }
    }

    /// A peer must not be able to end the process, and a bug ends it with `precondition`.
    @Test(arguments: ["try!", "as!", "fatalError(", "assert(", "-Ounchecked", "print(\"DEBUG"])
    func `sources do not say`(expression: String) {
        for file in SourceTree.current.swift(below: "Sources") {
            for (line, text) in file.code {
                #expect(
                    text.contains(expression) == false, "\(file.path):\(line) says \(expression)")
            }
        }
    }

    @Test func `C sources end no process either`() {
        for file in SourceTree.current.files
        where file.path.hasPrefix("Sources/") && file.path.hasSuffix(".swift") == false {
            for (line, text) in file.code {
                #expect(
                    text.contains("abort(") == false && text.contains("exit(") == false,
                    "\(file.path):\(line) ends the process")
            }
        }
    }

    @Test(arguments: ["TODO", "FIXME", "XXX", "HACK"])
    func `nothing is left for later without an issue number`(mark: String) {
        for file in SourceTree.current.files where Self.isOurCode(file.path) {
            for (index, line) in file.lines.enumerated() where line.words.contains(mark[...]) {
                #expect(
                    line.contains("issue ") || line.contains("#"),
                    "\(file.path):\(index + 1) says \(mark)")
            }
        }
    }

    @Test func `no name says manager, helper, util or handler`() {
        for file in SourceTree.current.swift(below: "Sources") {
            for word in ["Manager", "Helper", "Util", "Handler"] {
                #expect(file.name.contains(word) == false, "\(file.path) is named \(word)")
            }
        }
    }

    static func isOurCode(_ path: String) -> Bool {
        let suffixes = [".swift", ".c", ".h", ".py", ".yaml"]
        return suffixes.contains(where: path.hasSuffix)
            && path.hasPrefix("Tests/TidyTests") == false
    }
}
