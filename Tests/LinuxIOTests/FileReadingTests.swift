import Foundation
import LinuxIO
import Testing

@Suite struct FileReadingTests {
    /// A folder of its own, removed at the end.
    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder.path)
    }

    private func code(_ body: () throws -> Void) throws -> CInt? {
        do {
            try body()
            return nil
        } catch let error as SystemError {
            return error.code
        }
    }

    @Test func `what is created is read back, with the mode asked for`() throws {
        try withFolder { folder in
            let path = folder + "/key"
            try FileReading.create(path, bytes: [1, 2, 3], mode: 0o600)
            let (bytes, status) = try FileReading.read(path, limitBytes: 3)
            #expect(bytes == [1, 2, 3])
            #expect(
                status == FileStatus(permissions: 0o600, byteCount: 3, isRegular: true))
        }
    }

    @Test func `an existing file is never written over`() throws {
        try withFolder { folder in
            let path = folder + "/key"
            try FileReading.create(path, bytes: [1], mode: 0o600)
            let failure = try code { try FileReading.create(path, bytes: [2], mode: 0o600) }
            #expect(failure == EEXIST)
            #expect(try FileReading.read(path, limitBytes: 1).bytes == [1])
        }
    }

    @Test func `a file past the limit gives one byte more than the limit`() throws {
        try withFolder { folder in
            let path = folder + "/big"
            let big = [UInt8](repeating: 7, count: 40_000)
            try FileReading.create(path, bytes: big, mode: 0o644)
            #expect(try FileReading.read(path, limitBytes: 20_000).bytes.count == 20_001)
            #expect(try FileReading.read(path, limitBytes: 40_000).bytes == big)
        }
    }

    @Test func `what is no regular file is refused`() throws {
        try withFolder { folder in
            let directory = try code { _ = try FileReading.read(folder, limitBytes: 1) }
            let missing = try code { _ = try FileReading.read(folder + "/no", limitBytes: 1) }
            #expect(directory == EISDIR)
            #expect(missing == ENOENT)
        }
    }

    @Test func `a variable that is not set is nil`() {
        #expect(FileReading.environment("SALLYPORT_NO_SUCH_VARIABLE") == nil)
        #expect(FileReading.environment("PATH") != nil)
    }

    @Test func `the standard streams take what is written`() {
        let line: [UInt8] = [.lineFeed]
        let isTaken = StandardStream.error.write(line.span)
        #expect(isTaken)
    }
}
