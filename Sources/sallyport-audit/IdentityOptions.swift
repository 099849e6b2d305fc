import ArgumentParser
import Crypto
import LinuxIO

/// What opens encrypted batches.
struct IdentityOptions: ParsableArguments {
    @Option(
        name: .shortAndLong,
        help: "A file of age identities (AGE-SECRET-KEY-1…, one a line) that opens the records.")
    var identity: [String] = []

    private static let limitBytes = 1 << 20

    /// The identities in all files that were named.
    func read() throws(ToolError) -> [AgeIdentity] {
        var identities: [AgeIdentity] = []
        for path in identity {
            let bytes: [UInt8]
            do {
                bytes = try ReadableFile(path: path).read(at: 0, count: IdentityOptions.limitBytes)
            } catch {
                throw .unreadable(file: path, why: "\(error)")
            }
            switch AgeIdentity.list(in: bytes) {
            case .success(let found) where found.isEmpty:
                throw .unreadable(file: path, why: "it has no age identity")
            case .success(let found): identities += found
            case .failure(let error):
                throw .unreadable(
                    file: path, why: "line \(error.line) is no X25519 identity of age")
            }
        }
        return identities
    }
}
