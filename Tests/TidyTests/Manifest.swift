/// The targets and dependencies of Package.swift, read as text: the names are enough.
struct Manifest: Sendable {
    let targets: Set<String>
    let dependencies: [String: Set<String>]

    static let current = Manifest(SourceTree.current.file("Package.swift")?.lines ?? [])

    init(_ lines: [Substring]) {
        let text = lines.map { String($0.withoutComment) }.joined(separator: "\n")
        var targets: Set<String> = []
        var dependencies: [String: Set<String>] = [:]
        // A declaration starts with its target's name and ends where the next one starts.
        let start =
            /(?:library|tests|executableTarget|systemLibrary|target|testTarget)\(\s*(?:name: )?"([^"]+)"/
        let found = text.matches(of: start)
        for (index, match) in found.enumerated() {
            let end = index + 1 < found.count ? found[index + 1].range.lowerBound : text.endIndex
            let name = String(match.output.1)
            targets.insert(name)
            for quoted in text[match.range.upperBound..<end].matches(of: /"([A-Za-z_-]+)"/) {
                dependencies[name, default: []].insert(String(quoted.output.1))
            }
        }
        self.targets = targets
        self.dependencies = dependencies
    }
}
