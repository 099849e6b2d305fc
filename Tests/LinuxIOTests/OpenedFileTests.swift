import Foundation
import LinuxIO
import Testing

@Suite struct OpenedFileTests {
    @Test func `a file is read into memory of the caller's, as far as that goes`() throws {
        let folder = TemporaryFolder()
        let path = folder.path + "/key"
        try FileReading.create(path, bytes: [1, 2, 3, 4, 5], mode: 0o640)
        let file = try OpenedFile(path: path)
        let status = file.status
        #expect(status == FileStatus(permissions: 0o640, byteCount: 5, isRegular: true))
        let start = try [UInt8](capacity: 3) { try file.read(into: &$0) }
        #expect(start == [1, 2, 3])
        let rest = try [UInt8](capacity: 9) { try file.read(into: &$0) }
        #expect(rest == [4, 5])
    }

    @Test func `what is no regular file is refused`() throws {
        let folder = TemporaryFolder()
        #expect(throws: SystemError("open", EISDIR)) { _ = try OpenedFile(path: folder.path) }
        #expect(throws: SystemError("open", ENOENT)) {
            _ = try OpenedFile(path: folder.path + "/none")
        }
    }
}
