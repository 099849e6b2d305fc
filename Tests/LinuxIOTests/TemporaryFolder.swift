import Foundation

/// A folder that goes away with its owner.
final class TemporaryFolder {
    let path = FileManager.default.temporaryDirectory
        .appending(path: "sallyport-\(UInt64.random(in: 0...UInt64.max))").path

    init() {
        try? FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }
}
