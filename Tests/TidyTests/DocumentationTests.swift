import Testing

/// Links lead somewhere, decisions have their parts, and the map shows the tree as it is.
@Suite struct DocumentationTests {
    static let pages = SourceTree.current.files.filter { $0.path.hasSuffix(".md") }

    @Test func `each link to a file resolves`() {
        for page in Self.pages {
            let folder = page.path.split(separator: "/").dropLast()
            for (index, line) in page.lines.enumerated() {
                for match in line.matches(of: /\]\(([^)\s]+)\)/) {
                    let target = match.output.1.prefix { $0 != "#" }
                    let isOutside = target.contains("://") || target.hasPrefix("mailto:")
                    guard isOutside == false, target.isEmpty == false else { continue }
                    let path = Self.resolve(target, in: folder)
                    #expect(
                        SourceTree.current.has(path),
                        "\(page.path):\(index + 1) links to \(target), which is not there")
                }
            }
        }
    }

    /// The file at `path`, which has to be there.
    private func text(of path: String) throws -> SourceTree.File {
        let file = SourceTree.current.file(path)
        return try #require(file)
    }

    static func resolve(_ target: Substring, in folder: ArraySlice<Substring>) -> String {
        var parts = Array(folder)
        for part in target.split(separator: "/") {
            switch part {
            case ".": continue
            case "..": _ = parts.popLast()
            default: parts.append(part)
            }
        }
        return parts.joined(separator: "/")
    }

    @Test func `a decision says its context, decision, consequences and what would change it`() {
        for page in Self.pages where page.path.hasPrefix("docs/decisions/") {
            guard page.name != "README" else { continue }
            #expect(page.name.wholeMatch(of: /\d{4}-[a-z0-9-]+/) != nil, "\(page.path)")
            let wanted = [
                "## Context", "## Decision", "## Consequences", "## What would change our mind",
            ]
            // Others may stand between them.
            let headings = page.lines.map(String.init).filter(wanted.contains)
            #expect(headings == wanted, "\(page.path) has \(headings)")
            #expect(page.lines.count < 80, "\(page.path) is longer than a page")
        }
    }

    @Test func `the list of decisions has each of them`() throws {
        let list = try text(of: "docs/decisions/README.md")
        for page in Self.pages where page.path.hasPrefix("docs/decisions/") {
            guard page.name != "README" else { continue }
            #expect(
                list.lines.contains { $0.contains("(\(page.name).md)") },
                "docs/decisions/README.md does not list \(page.name)")
        }
    }

    @Test func `the architecture page has a row for each target`() throws {
        let page = try text(of: "docs/architecture.md")
        let rows = page.lines.filter { $0.hasPrefix("|") }
        for target in Manifest.current.targets
        where target.hasSuffix("Tests") == false && target.hasPrefix("Fuzz") == false {
            #expect(
                rows.contains { $0.contains("`\(target)`") },
                "docs/architecture.md has no row for \(target)")
        }
    }

    @Test func `the commands of the README are targets of the Makefile`() throws {
        let readme = try text(of: "README.md")
        let makefile = try text(of: "Makefile")
        for line in readme.lines {
            for match in line.matches(of: /\bmake ([a-z-]+)(?:`| +#)/) {
                #expect(
                    makefile.lines.contains { $0.hasPrefix("\(match.output.1):") },
                    "README.md says make \(match.output.1), which the Makefile does not have")
            }
        }
    }
}
