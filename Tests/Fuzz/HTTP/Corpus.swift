import Foundation

/// Inputs that a fuzz target found worth keeping, replayed in ordinary builds.
public enum Corpus {
    /// The names and bytes of a target's inputs, in the order of their names.
    public static func inputs(_ name: String) throws -> [(name: String, bytes: [UInt8])] {
        let directory = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Corpus/\(name)")
        let files = try FileManager.default.contentsOfDirectory(
            at: directory, includingPropertiesForKeys: nil)
        return try files.sorted { $0.path < $1.path }.map {
            ($0.lastPathComponent, Array(try Data(contentsOf: $0)))
        }
    }

    /// Runs `check` on the files named on the command line, or on the target's whole corpus.
    public static func replay(_ name: String, _ check: ([UInt8]) -> Void) throws {
        let named = CommandLine.arguments.dropFirst()
        for path in named {
            check(Array(try Data(contentsOf: URL(filePath: path))))
        }
        if named.isEmpty {
            let inputs = try inputs(name)
            for input in inputs { check(input.bytes) }
            print("\(name): \(inputs.count) inputs hold")
        }
    }
}
