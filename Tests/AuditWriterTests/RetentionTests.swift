import AuditRecords
import AuditRings
import AuditSegments
import Crypto
import Foundation
import LinuxIO
import Primitives
import Testing

@testable import AuditWriter

@Suite struct RetentionPlanTests {
    private static let day: Int64 = 86_400_000_000

    /// Four segments of a day and 100 records each, and the fifth that is written to.
    private func plan() -> RetentionPlan {
        var stored: [StoredSegment] = []
        for place in UInt64(0)..<4 {
            let last = WallTime(microseconds: Int64(place + 1) * Self.day)
            stored.append(
                StoredSegment(
                    number: place * 10, firstIndex: place * 100, lastTime: last, byteCount: 1000))
        }
        var plan = RetentionPlan(stored: stored)
        plan.begin(number: 40, firstIndex: 400)
        plan.note(byteCount: 500, wall: WallTime(microseconds: 5 * Self.day))
        return plan
    }

    @Test func `a first segment without records stays while no leaf is about later ones`() {
        let empty = StoredSegment(
            number: 0, firstIndex: 0, lastTime: WallTime(microseconds: .min), byteCount: 448)
        var plan = RetentionPlan(stored: [empty], end: 0, minimum: 0)
        #expect(plan.condemned.isEmpty)
        plan.begin(number: 1, firstIndex: 0)
        var rules = RetentionSettings()
        rules.ageSeconds = 1
        let now = WallTime(microseconds: Self.day)
        #expect(plan.proposal(rules, now: now, held: nil) == nil)
        #expect(plan.stored == [empty])
    }

    @Test func `segments go when all their records are too old`() {
        var rules = RetentionSettings()
        rules.ageSeconds = 86_400
        let now = WallTime(microseconds: 3 * Self.day + 1)
        let facts = plan().proposal(rules, now: now, held: nil)
        #expect(facts?.first == 200)
        #expect(facts?.segments == 2)
        #expect(facts?.byteCount == 2000)
        #expect(facts?.through == WallTime(microseconds: 2 * Self.day))
        #expect(facts?.rule == .age(seconds: 86_400))
        #expect(plan().proposal(rules, now: WallTime(microseconds: Self.day), held: nil) == nil)
        rules.ageSeconds = .max
        #expect(plan().proposal(rules, now: now, held: nil) == nil)
        #expect(plan().proposal(RetentionSettings(), now: now, held: nil) == nil)
    }

    @Test func `the oldest segments go while there are too many bytes, never the open one`() {
        var rules = RetentionSettings()
        let now = WallTime(microseconds: 5 * Self.day)
        for (limit, first) in [(4500, nil), (4499, 100), (2500, 200), (1, 400)]
            as [(UInt64, UInt64?)]
        {
            rules.limitBytes = limit
            #expect(plan().proposal(rules, now: now, held: nil)?.first == first, "\(limit)")
        }
    }

    @Test func `what is held stays, and what is behind it`() {
        var rules = RetentionSettings()
        rules.limitBytes = 1
        let now = WallTime(microseconds: 5 * Self.day)
        for (held, first) in [(0, nil), (99, nil), (100, 100), (250, 200), (1000, 400)]
            as [(UInt64, UInt64?)]
        {
            #expect(plan().proposal(rules, now: now, held: held)?.first == first, "\(held)")
        }
    }

    @Test func `what a leaf condemned goes first, and a start goes on with it`() {
        var plan = plan()
        plan.adopt(
            PruneFacts(
                first: 200, segments: 2, byteCount: 2000, through: WallTime(microseconds: 0),
                rule: .size(bytes: 1)))
        #expect(plan.condemned.map(\.number) == [0, 10])
        #expect(plan.stored.map(\.number) == [20, 30])
        let later = RetentionPlan(stored: self.plan().stored, end: 400, minimum: 300)
        #expect(later.condemned.map(\.number) == [0, 10, 20])
        #expect(later.condemned.map(\.end) == [100, 200, 300])
        let all = RetentionPlan(stored: self.plan().stored, end: 400, minimum: 400)
        #expect(all.condemned.count == 4)
    }
}

@Suite struct RetentionTests {
    /// Writes rounds of records, each into a segment of its own.
    private func write(
        _ folder: TestFolder, rounds: Int, whenDone: (AuditStatus) throws -> Void = { _ in }
    ) throws {
        var log = try folder.open()
        let ring = RingBox(log.makeRing())
        let writer = try log.start()
        let status = writer.status
        for round in 0..<rounds {
            let first = UInt64(round * 400)
            ring.ring.record((first + 1)...(first + 400))
            writer.control.wake()
            while status.durableRecords(worker: 0) < first + 400 {}
        }
        try whenDone(status)
        let failure = writer.stop()
        #expect(failure == nil)
    }

    private func segments(_ folder: TestFolder) throws -> [String] {
        try DurableDirectory(path: "\(try folder.logFolder())/segments").names().map(\.name)
    }

    /// The segments with their sizes, and the size that was signed last.
    private func sizes(_ folder: TestFolder) throws -> [String: Int] {
        let path = try folder.logFolder()
        var sizes: [String: Int] = [:]
        for name in try segments(folder) {
            let bytes = FileManager.default.contents(atPath: "\(path)/segments/\(name)")
            sizes[name] = bytes?.count
        }
        let note = FileManager.default.contents(atPath: "\(path)/tlog/checkpoint") ?? Data()
        sizes["checkpoint"] = note.hashValue
        return sizes
    }

    /// Waits until `condition` holds, ten seconds at most.
    private func wait(_ condition: () throws -> Bool) throws {
        let deadline = SystemClock.monotonic().advanced(nanoseconds: 10_000_000_000)
        while try !condition() {
            try #require(SystemClock.monotonic() < deadline)
            usleep(1000)
        }
    }

    private func small(_ recipients: [String] = []) throws -> TestFolder {
        let folder = try TestFolder()
        folder.settings.rotateBytes = 20_000
        folder.settings.retention.limitBytes = 100_000
        folder.settings.recipients = recipients
        return folder
    }

    @Test func `segments past the limit go after a leaf, and the log goes on and holds`() throws {
        let folder = try small()
        try write(folder, rounds: 8) { _ in
            try wait { try !segments(folder).contains(LogLayout.segmentName(0)) }
        }
        let report = try folder.verify()
        // The last files may be left for the next start.
        #expect(report.holds, "\(report.findings)")
        #expect(report.findings.contains { $0.problem == .pruned(records: report.pruned) })
        #expect(report.pruned > 0)
        #expect(report.kinds[3] == 3200)
        let leaves = try folder.cores(.erasure)
        #expect(leaves.last?.string("event") == "pruned")
        #expect(leaves.last?.object("rule")?.integer("size") == 100_000)
        for _ in 0..<2 {
            try write(folder, rounds: 3)
            let again = try folder.verify()
            #expect(again.holds, "\(again.findings)")
            #expect(again.pruned >= report.pruned)
        }
    }

    @Test func `a log that was pruned and killed accounts for what its crash lost only`() throws {
        let source = try small()
        let killed = try TestFolder()
        try write(source, rounds: 8) { _ in
            try wait { try !segments(source).contains(LogLayout.segmentName(0)) }
            // A copy of what did not change while it was made.
            try wait {
                let before = try sizes(source)
                guard (try? source.copyLog(to: killed)) != nil else { return false }
                return try sizes(source) == before && sizes(killed) == before
            }
        }
        killed.settings.retention = source.settings.retention
        let log = try killed.open()
        let gaps = log.recovery.gaps
        // The one boot began in a segment that is gone: what it took there is no gap.
        #expect(gaps.map(\.last) == [nil])
        #expect(gaps.first?.first == 3201)
        let writer = try log.start()
        let failure = writer.stop()
        #expect(failure == nil)
        let report = try killed.verify()
        #expect(report.holds, "\(report.findings)")
    }

    @Test func `a start deletes what a leaf allows, and refuses what none does`() throws {
        let folder = try small()
        folder.settings.retention = RetentionSettings()
        try write(folder, rounds: 6)
        let names = try segments(folder)
        #expect(names.count > 3)
        let copy = try TestFolder()
        try folder.copyLog(to: copy)
        let first = "\(try copy.logFolder())/segments/\(names[0])"
        try FileManager.default.removeItem(atPath: first)
        let error = #expect(throws: AuditWriterError.self) { _ = try copy.open() }
        guard case .segmentsDeleted(before: _, allowed: 0) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        // With the leaf, and its files put back as a crash would leave them.
        folder.settings.retention.limitBytes = 100_000
        let whole = try TestFolder()
        try folder.copyLog(to: whole)
        try write(folder, rounds: 1) { _ in
            try wait { try !segments(folder).contains(names[0]) }
        }
        let gone = names.filter { name in
            (try? segments(folder).contains(name)) == false
        }
        for name in gone {
            try FileManager.default.copyItem(
                atPath: "\(try whole.logFolder())/segments/\(name)",
                toPath: "\(try folder.logFolder())/segments/\(name)")
        }
        #expect(try folder.verify().findings.map(\.problem) == [.pruningUnfinished])
        try write(folder, rounds: 1) { _ in
            try wait { try gone.allSatisfy { try !segments(folder).contains($0) } }
        }
        let report = try folder.verify()
        #expect(report.holds, "\(report.findings)")
    }

    @Test func `a hold keeps the segments, and is recorded`() throws {
        let folder = try small()
        try write(folder, rounds: 1)
        var holds = LegalHolds()
        let isDone1 = holds.add(
            LegalHold(name: "case 7", setBy: "me", since: WallTime(microseconds: 1)))
        #expect(isDone1)
        let place = try DurableDirectory(path: try folder.logFolder())
        try place.replace(LegalHolds.fileName, holds.json.span)
        try write(folder, rounds: 6)
        #expect(try segments(folder).contains(LogLayout.segmentName(0)))
        #expect(try folder.cores(.erasure).isEmpty)
        let records = try folder.cores(.administration)
        #expect(records.last?.objects("holds")?.first?.string("name") == "case 7")
        let isDone2 = holds.release("case 7")
        #expect(isDone2)
        try place.replace(LegalHolds.fileName, holds.json.span)
        try write(folder, rounds: 1) { _ in
            try wait { try !segments(folder).contains(LogLayout.segmentName(0)) }
        }
        #expect(try folder.cores(.administration).last?.objects("holds")?.isEmpty == true)
        let report = try folder.verify()
        #expect(report.holds, "\(report.findings)")
    }

    @Test func `a process without the key finds the leaf of an encrypted log`() throws {
        let identity = try AgeIdentity.generate().identity
        let folder = try small([identity.recipient.text])
        try write(folder, rounds: 8) { _ in
            try wait { try !segments(folder).contains(LogLayout.segmentName(0)) }
        }
        try write(folder, rounds: 2)
        let blind = try folder.verify()
        #expect(blind.heaviest == .notice, "\(blind.findings)")
        #expect(blind.pruned > 0)
        let report = try folder.verify(identities: [identity])
        #expect(report.holds, "\(report.findings)")
    }
}
