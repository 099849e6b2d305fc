import Foundation

/// The tree these tests were built from, as text.
struct SourceTree: Sendable {
    /// One text file of the tree.
    struct File: Sendable {
        /// Relative to the root, `/` between parts.
        let path: String
        let lines: [Substring]

        /// The file's name without its folder and extension.
        var name: String {
            let last = path.split(separator: "/").last ?? ""
            return String(last.prefix { $0 != "." })
        }

        /// The folder below `Sources` or `Tests`: a target's name.
        var target: String {
            let parts = path.split(separator: "/")
            return parts.count > 2 ? String(parts[1]) : ""
        }

        /// Lines that are not comments, with their number and without a comment at their end.
        var code: [(number: Int, text: Substring)] {
            lines.enumerated().compactMap { index, line in
                let text = line.drop { $0 == " " }
                return text.hasPrefix("//") ? nil : (index + 1, line.withoutComment)
            }
        }
    }

    let root: String
    let files: [File]

    static let current = SourceTree(root: rootFolder)

    /// Found from this file's own place, Tests/TidyTests/SourceTree.swift.
    private static var rootFolder: String {
        let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        return parts.dropLast(3).joined(separator: "/")
    }

    private init(root: String) {
        self.root = root
        var files: [File] = []
        let walk = FileManager.default.enumerator(atPath: root)
        while let path = walk?.nextObject() as? String {
            if Self.isForeign(path) {
                walk?.skipDescendants()
                continue
            }
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: root + "/" + path, isDirectory: &isFolder),
                isFolder.boolValue == false,
                let text = try? String(contentsOfFile: root + "/" + path, encoding: .utf8)
            else { continue }
            files.append(
                File(
                    path: path, lines: text.split(separator: "\n", omittingEmptySubsequences: false)
                ))
        }
        self.files = files.sorted { $0.path < $1.path }
    }

    /// What is built or fetched rather than kept in the repository (`.gitignore`), and vectors
    /// and corpora, which are bytes rather than text.
    private static func isForeign(_ path: String) -> Bool {
        let name = path.split(separator: "/").last ?? ""
        return name.hasPrefix(".build") || [".venv", ".git", "__pycache__"].contains(name)
            || [".pytest_cache", "Package.resolved"].contains(name)
            || ["demo", "Tests/Vectors"].contains(path) || name.lowercased() == "corpus"
    }

    /// The Swift files below `folder`.
    func swift(below folder: String) -> [File] {
        files.filter { $0.path.hasPrefix(folder + "/") && $0.path.hasSuffix(".swift") }
    }

    /// The file at `path`, if there is one.
    func file(_ path: String) -> File? {
        files.first { $0.path == path }
    }

    /// Whether a file or folder stands at `path`.
    func has(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: root + "/" + path)
    }
}

extension StringProtocol {
    /// Without a `//` comment at the end; one inside a string literal (a URL) stays.
    var withoutComment: SubSequence {
        var isInText = false
        var previous: Character = " "
        for index in indices {
            let character = self[index]
            if character == "\"", previous != "\\" { isInText.toggle() }
            if character == "/", previous == "/", isInText == false {
                return self[..<self.index(before: index)]
            }
            previous = character
        }
        return self[...]
    }

    /// The identifiers, keywords and numbers of a line, in order.
    var words: [SubSequence] {
        split { ($0.isLetter || $0.isNumber || $0 == "_") == false }
    }
}
