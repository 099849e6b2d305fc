import AuditSegments
import Crypto
import Foundation
import LinuxIO
import Primitives
import Testing

@testable import AuditWriter

/// What a commit costs by the kind of file that it goes into: a measurement, made when asked for.
///
/// `COMMIT_LATENCY=FOLDER swift test --filter CommitLatencyTests` prints it for the folder's disk.
/// Frames go into files of all kinds in turn, so that what else the disk does is the same for all.
@Suite struct CommitLatencyTests {
    static let place = ProcessInfo.processInfo.environment["COMMIT_LATENCY"]
    private static let commits = 400
    private static let segmentBytes: UInt64 = 64 << 20

    /// How the segment's file is made.
    enum Kind: String, CaseIterable {
        case growing, reserved, prewritten
    }

    @Test(.enabled(if: place != nil), arguments: [600, 20_000, 150_000], [false, true])
    func `commits into files of each kind, in turn`(frameBytes: Int, isFilling: Bool) throws {
        let folder = try TestFolder(in: CommitLatencyTests.place)
        let segments = try Kind.allCases.map { try OpenSegment($0, in: folder) }
        let filler = try OpenSegment(.growing, in: folder, name: "filler")
        let helper = isFilling ? try SpareThread.start(in: filler.log.root, filler.room) : nil
        let frame = (0..<frameBytes).map { _ in UInt8.random(in: 0...255) }
        for commit in 0..<CommitLatencyTests.commits {
            // As a log of this pace has its next file filled.
            filler.room.noteSegment(byteCount: UInt64(commit * frameBytes))
            for segment in segments.shuffled() { try segment.append(frame) }
            Thread.sleep(forTimeInterval: 0.001)
        }
        filler.room.signal.stop()
        if let helper { helper.join() }
        for segment in segments {
            let sorted = segment.times.sorted()
            let line = [50, 90, 99].map { "p\($0) \(sorted[sorted.count * $0 / 100] / 1000) µs" }
            let beside = isFilling ? " beside filling" : ""
            print(
                "\(frameBytes) bytes, \(segment.kind.rawValue)\(beside): "
                    + line.joined(separator: ", "))
        }
    }

    /// A segment that is written to, and how long each commit took.
    private final class OpenSegment {
        let kind: Kind
        let log: LogFolder
        let room: SpareRoom
        var times: [UInt64] = []
        private var segment: SegmentFile

        init(_ kind: Kind, in folder: TestFolder, name: String? = nil) throws {
            let path = "\(folder.path)/\(name ?? kind.rawValue)"
            let newLog = try LogFolder(DurableDirectory.create(path: path), path: path)
            let room = try SpareRoom(
                segmentBytes: CommitLatencyTests.segmentBytes, reserveBytes: 0)
            if kind == .prewritten {
                let place = try newLog.root.folder(LogLayout.spare, create: true)
                var spare = try SpareFile(in: place)
                while spare.byteCount < room.segmentBytes {
                    try spare.fill(upTo: room.segmentBytes)
                }
                room.put(spare)
            }
            let made = try newLog.makeSegment(
                0, reserve: kind == .growing ? 0 : room.segmentBytes, spares: room)
            segment = try SegmentFile(
                made, number: 0, previous: .zero,
                before: SegmentFile.Predecessor(digest: .zero, isClean: true), now: .zero,
                library: try CryptoLibrary())
            log = newLog
            self.kind = kind
            self.room = room
        }

        func append(_ frame: [UInt8]) throws {
            let began = SystemClock.monotonic()
            try segment.append(frame.span, digest: .zero, in: log.segments)
            times.append(SystemClock.monotonic().nanoseconds(since: began))
        }
    }
}
