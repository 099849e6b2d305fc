import Foundation
import LinuxIO
import Primitives
import Synchronization
import Testing

@Suite struct DurableDirectoryTests {
    @Test(.timeLimit(.minutes(1)))
    func `a pipe in the place of a file keeps nobody waiting`() throws {
        let folder = TemporaryFolder()
        let directory = try DurableDirectory.create(path: folder.path)
        #expect(mkfifo(folder.path + "/pipe", 0o600) == 0)
        #expect(try directory.read("pipe") == [])
        let size = try ReadableFile(path: folder.path + "/pipe").size()
        #expect(size == 0)
    }

    @Test func `files are written, replaced, listed and removed`() throws {
        let folder = TemporaryFolder()
        let directory = try DurableDirectory.create(path: folder.path + "/a/b")
        try directory.replace("one", Array("first".utf8).span)
        try directory.replace("one", Array("second".utf8).span)
        #expect(try directory.read("one") == Array("second".utf8))
        #expect(try directory.read("two") == nil)
        let file = try directory.createFile("two")
        try file.write(Array("0123456789".utf8).span, at: 0)
        try file.write(Array("ab".utf8).span, at: 4)
        try file.syncData()
        file.reserve(1 << 16)
        try file.truncate(to: 8)
        #expect(try file.size() == 8)
        #expect(try directory.read("two") == Array("0123ab67".utf8))
        try directory.makeFolders("tile/0/x001")
        try directory.stage("tile/0/x001/000", [1].span, sync: false)
        try directory.syncFileSystem()
        try directory.commit("tile/0/x001/000")
        #expect(try directory.read("tile/0/x001/000") == [1])
        #expect(try directory.names().map(\.name) == ["one", "tile", "two"])
        #expect(try directory.names().map(\.isFolder) == [false, true, false])
        try directory.removeFolder("tile/0/x001")
        try directory.removeFolder("tile/0/x001")
        try directory.remove("one")
        try directory.remove("one")
        #expect(try directory.names().map(\.name) == ["tile", "two"])
        #expect(throws: SystemError("openat", 17)) { _ = try directory.createFile("two") }
    }

    @Test func `a folder is claimed once`() throws {
        let folder = TemporaryFolder()
        let first = try DurableDirectory.create(path: folder.path)
        let second = try DurableDirectory(path: folder.path)
        #expect(try first.claim())
        #expect(try !second.claim())
    }

    @Test func `a file is the same under every name, and another one under its own`() throws {
        let folder = TemporaryFolder()
        let directory = try DurableDirectory(path: folder.path)
        let file = try directory.createFile("one")
        let identity = try file.identity()
        #expect(try directory.identity(of: "one") == identity)
        #expect(try directory.identity(of: "two") == nil)
        try directory.rename("one", to: "two")
        #expect(try directory.identity(of: "one") == nil)
        #expect(try directory.identity(of: "two") == identity)
        _ = try directory.createFile("one")
        #expect(try directory.identity(of: "one") != identity)
        #expect(try directory.identity(of: "one/inside") == nil)
    }

    @Test func `a removed file is read to its end through its descriptor`() throws {
        let folder = TemporaryFolder()
        let directory = try DurableDirectory(path: folder.path)
        let file = try directory.createFile("one")
        try file.write([1, 2, 3, 4].span, at: 0)
        try directory.remove("one")
        #expect(try file.read(at: 1, count: 2) == [2, 3])
        #expect(try file.read(at: 3, count: 9) == [4])
        #expect(try file.read(at: 4, count: 1) == [])
    }

    @Test func `how full a file system is, rounded up`() throws {
        let folder = TemporaryFolder()
        let use = try DurableDirectory(path: folder.path).diskUse()
        #expect(use.usedBytes > 0 && (0...100).contains(use.percent))
        #expect(DiskUse(usedBytes: 1, freeBytes: 999).percent == 1)
        #expect(DiskUse(usedBytes: 75, freeBytes: 25).percent == 75)
        #expect(DiskUse(usedBytes: 751, freeBytes: 249).percent == 76)
        #expect(DiskUse(usedBytes: 0, freeBytes: 0).percent == 100)
    }

    @Test func `an open folder knows that it was removed`() throws {
        let folder = TemporaryFolder()
        let directory = try DurableDirectory(path: folder.path)
        let inner = try directory.folder("inner", create: true)
        #expect(try !inner.isRemoved())
        try directory.rename("inner", to: "other")
        #expect(try !inner.isRemoved())
        try directory.removeFolder("other")
        #expect(try inner.isRemoved())
        #expect(throws: SystemError.self) { _ = try inner.createFile("file") }
    }

    @Test(arguments: [
        (ENOSPC, DiskProblem.noRoom), (EDQUOT, .noRoom), (EFBIG, .noRoom), (EROFS, .readOnly),
        (EACCES, .readOnly), (ENOENT, .missing), (ENOTDIR, .missing), (EIO, .other),
    ])
    func `what a failed call says about the disk`(code: Int32, problem: DiskProblem) {
        #expect(SystemError("pwrite", code).diskProblem == problem)
    }
}

@Suite struct PinnedThreadTests {
    @Test func `a thread takes over its state, and is joined`() throws {
        let runs = Runs()
        let thread = try PinnedThread.start(
            name: "a name that is too long",
            processor: PinnedThread.allowedProcessors().first, state: runs
        ) { runs in
            runs.count.add(1, ordering: .relaxed)
        }
        thread.join()
        #expect(runs.count.load(ordering: .relaxed) == 1)
    }
}

private final class Runs: Sendable {
    let count = Atomic(0)
}
