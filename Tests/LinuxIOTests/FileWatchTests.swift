import Foundation
import LinuxIO
import Testing

/// The kernel queues its events before the call that causes them returns, so nothing here waits.
@Suite struct FileWatchTests {
    private let folder = TemporaryFolder()
    private var path: String { folder.path + "/cert.pem" }

    private func write(_ text: String, _ path: String) throws {
        try Data(text.utf8).write(to: URL(filePath: path))
    }

    /// The name's link is replaced as tools do it: a new link beside it, then a rename.
    private func link(_ name: String, to target: String) throws {
        let new = folder.path + "/" + name + ".new"
        try FileManager.default.createSymbolicLink(atPath: new, withDestinationPath: target)
        try #require(rename(new, folder.path + "/" + name) == 0)
    }

    private func makeFolder(_ name: String) throws {
        try FileManager.default.createDirectory(
            atPath: folder.path + "/" + name, withIntermediateDirectories: true)
    }

    /// Whether `change` is seen, twice: the second time after the watch was armed again.
    private func sees(
        _ paths: [String], sourceLocation: SourceLocation = #_sourceLocation,
        _ change: (Int) throws -> Void
    ) throws {
        var watch = try FileWatch(paths: paths)
        for turn in 0..<2 {
            let failure = watch.arm()
            #expect(failure == nil, sourceLocation: sourceLocation)
            let before = watch.takeEvents()
            try change(turn)
            let after = watch.takeEvents()
            #expect(!before && after, "turn \(turn)", sourceLocation: sourceLocation)
        }
    }

    @Test func `a write in place is seen when the file is closed`() throws {
        try write("one", path)
        try sees([path]) { turn in
            let file = try FileHandle(forWritingTo: URL(filePath: path))
            try file.write(contentsOf: Data("two \(turn)".utf8))
            try file.close()
        }
    }

    @Test func `a rename over the file is seen`() throws {
        try write("one", path)
        try sees([path]) { turn in
            try write("two \(turn)", folder.path + "/new")
            try #require(rename(folder.path + "/new", path) == 0)
        }
    }

    @Test func `a file that appears, changes its mode or goes is seen`() throws {
        try sees([path]) { turn in
            if turn == 0 { try write("one", path) } else { try #require(chmod(path, 0o600) == 0) }
        }
        try sees([path]) { turn in
            if turn == 0 { try #require(unlink(path) == 0) } else { try write("one", path) }
        }
    }

    @Test func `folders that are not there yet are seen when they come`() throws {
        let deep = folder.path + "/a/b/cert.pem"
        try sees([deep]) { turn in
            if turn == 0 { try makeFolder("a/b") } else { try write("one", deep) }
        }
    }

    @Test func `links as certbot replaces them are seen, and what they lead to`() throws {
        try makeFolder("archive")
        for turn in 1...3 { try write("\(turn)", folder.path + "/archive/cert\(turn).pem") }
        try link("cert.pem", to: "archive/cert1.pem")
        try sees([path]) { turn in
            if turn == 0 {
                try link("cert.pem", to: folder.path + "/archive/cert2.pem")
            } else {
                try write("new", folder.path + "/archive/cert2.pem")
            }
        }
    }

    @Test func `the swap of a folder's link, as Kubernetes does it, is seen`() throws {
        for turn in 0...2 {
            try makeFolder("..\(turn)")
            try write("\(turn)", folder.path + "/..\(turn)/tls.crt")
        }
        try link("..data", to: "..0")
        try link("tls.crt", to: "..data/tls.crt")
        try sees([folder.path + "/tls.crt"]) { turn in
            try link("..data", to: "..\(turn + 1)")
            try FileManager.default.removeItem(atPath: folder.path + "/..\(turn)")
        }
    }

    @Test func `a folder that is moved away is seen`() throws {
        try makeFolder("live")
        try write("one", folder.path + "/live/cert.pem")
        try sees([folder.path + "/live/cert.pem"]) { turn in
            let (old, new) = turn == 0 ? ("/live", "/old") : ("/old", "/live")
            try #require(rename(folder.path + old, folder.path + new) == 0)
        }
    }

    @Test func `what happens beside the file, and reading it, is no change`() throws {
        try write("one", path)
        var watch = try FileWatch(paths: [path])
        _ = watch.arm()
        try write("other", folder.path + "/other")
        _ = try FileReading.read(path, limitBytes: 10)
        let isSeen = watch.takeEvents()
        let differs = watch.differs()
        #expect(!isSeen && !differs)
    }

    @Test func `links in a circle end`() throws {
        try link("cert.pem", to: "two.pem")
        try link("two.pem", to: "cert.pem")
        var watch = try FileWatch(paths: [path])
        let failure = watch.arm()
        #expect(failure == nil)
    }

    @Test func `looking tells a change without any event`() throws {
        var watch = try FileWatch(paths: [path])
        _ = watch.arm()
        let before = watch.differs()
        try write("one", path)
        let created = watch.differs()
        _ = watch.arm()
        try write("longer", path)
        let longer = watch.differs()
        _ = watch.arm()
        let after = watch.differs()
        #expect(!before && created && longer && !after)
    }
}
