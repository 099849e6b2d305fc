import AuditRecords
import AuditRings
import AuditSegments
import Crypto
import LinuxIO
import Primitives

/// What has to be known to open a log, beside the settings file's part.
public struct AuditLogOptions: Sendable {
    /// The names that records are written with.
    public var names: RecordNames
    /// The settings generation of those names.
    public var generation = SettingsGeneration(number: 0)
    /// How many workers will write.
    public var workerCount: Int
    /// The program's version.
    public var build: String
    /// The operator's name for this process.
    public var instanceName = ""
    /// Who is told what the log says.
    public var outlets = PublicationOutlets()

    /// Options with every default.
    public init(names: RecordNames, workerCount: Int, build: String) {
        self.names = names
        self.workerCount = workerCount
        self.build = build
    }
}

/// What opening a log found.
public struct RecoveryReport: Sendable, Equatable {
    /// Entries that were there.
    public var size: UInt64 = 0
    /// Whether the log is new, or ended with a clean shutdown.
    public var isClean = true
    /// What had to be put right, as it is recorded.
    public var events: [LifecycleEvent] = []
    /// The gap leaves that were written for boots that did not stop.
    public var gaps: [GapFacts] = []
}

/// Opens the log that the settings name, or begins it (format §1, §7).
public enum AuditLog {
    /// Opens the log, recovers it, begins a segment for this boot and makes it durable.
    ///
    /// A log that somebody has seen larger, or otherwise, was rolled back: it is left as it is, and
    /// another one begins whose heads and first leaf name it (format §7 row 5).
    ///
    /// - Parameters:
    ///   - seen: What others have seen of logs of this name; of one and the same source the last
    ///     log at the end. What the signer has seen is asked here.
    ///   - asking: Asks others for it: once, about the log that was found, if there is one.
    public static func open(
        settings: AuditSettings, options: AuditLogOptions, seen: [SeenCheckpoint] = [],
        asking: (FoundLog?) -> Hearsay = { _ in Hearsay() }
    ) throws(AuditWriterError) -> OpenedLog {
        guard NoteKey.isName(settings.originName) else { throw .originMalformed }
        do {
            do {
                return try open(settings, options, seen, asking, replacing: nil)
            } catch let found as RolledBackLog {
                return try open(settings, options, seen, asking, replacing: found)
            }
        } catch AuditWriterError.checkpointRefused(let error) where settings.signerPath != nil {
            throw .signerUnavailable(error)
        } catch let error as AuditWriterError {
            throw error
        } catch let error as SystemError {
            throw .system(error)
        } catch let error as EvidenceError {
            throw .evidence(error)
        } catch let error as SigningFailure {
            if case .unavailable(let why) = error { throw .signerUnavailable(why) }
            throw error.forWriter
        } catch {
            throw .evidence(.cryptographyFailed)
        }
    }

    private static func open(
        _ settings: AuditSettings, _ options: AuditLogOptions, _ seen: [SeenCheckpoint],
        _ asking: (FoundLog?) -> Hearsay, replacing rolledBack: RolledBackLog?
    ) throws -> OpenedLog {
        var holder = try KeyHolder(settings)
        let library: CryptoLibrary
        do {
            library = try CryptoLibrary()
        } catch {
            throw AuditWriterError.cryptography(error)
        }
        let root = try DurableDirectory.create(path: settings.directory)
        guard try root.claim() else { throw AuditWriterError.directoryInUse }
        let found = rolledBack == nil ? try find(in: root, settings) : nil
        var known = seen
        if rolledBack == nil {
            let log = try found.map { try describe($0, in: root, settings) }
            known += ask(asking, about: log, settings, &holder)
        }
        known += try holder.seen(settings.originName)
        let replaced =
            found == nil ? rolledBack ?? RolledBackLog(missing: known, settings) : nil
        let logID = try found ?? create(in: root)
        let folder = try LogFolder(
            try root.folder(logID), path: "\(settings.directory)/\(logID)")
        folder.announceWriting()
        return try OpenedLog(
            root: root, folder: folder, logID: logID, holder: holder, known: known,
            replaced: replaced, settings: settings, options: options, library: library)
    }

    private static func describe(
        _ logID: String, in root: borrowing DurableDirectory, _ settings: AuditSettings
    ) throws(SystemError) -> FoundLog {
        FoundLog(
            origin: "\(settings.originName)/\(logID)", path: "\(settings.directory)/\(logID)",
            published: try root.read("\(logID)/\(LogLayout.checkpoint)"))
    }

    /// What others say, as far as it is believed.
    private static func ask(
        _ asking: (FoundLog?) -> Hearsay, about log: FoundLog?, _ settings: AuditSettings,
        _ holder: inout KeyHolder
    ) -> [SeenCheckpoint] {
        let hearsay = asking(log)
        let signed = holder.verified(
            hearsay.notes, of: log?.origin, name: settings.originName)
        return hearsay.checkpoints + (signed.map { [$0] } ?? [])
    }

    /// The id of the one log of this name; nil when there is none.
    private static func find(
        in root: borrowing DurableDirectory, _ settings: AuditSettings
    ) throws -> String? {
        var found: [String] = []
        // Their creation ended before their first frame; nothing was ever signed or published.
        var untouched: [String] = []
        var replaced: Set<String> = []
        for (name, isFolder) in try root.names() where isFolder && isLogID(name) {
            let segments = try root.folder("\(name)/\(LogLayout.segments)", create: true)
            let first = try segments.names().map(\.name).first {
                LogLayout.segmentNumber($0) != nil
            }
            guard let first else {
                if try isUntouched(name, root) { untouched.append(name) }
                continue
            }
            guard let bytes = try segments.read(first), let head = head(of: bytes) else {
                if try isUntouched(name, root) {
                    untouched.append(name)
                    continue
                }
                throw AuditWriterError.logUnreadable(name)
            }
            if let older = head.replaces { replaced.insert(older) }
            if head.origin == "\(settings.originName)/\(name)" { found.append(name) }
        }
        found.removeAll { replaced.contains($0) }
        guard found.count <= 1 else { throw AuditWriterError.severalLogs(found) }
        return found.first ?? untouched.first
    }

    /// Whether nothing of the log was ever published: then no reader can miss what it held.
    private static func isUntouched(
        _ name: String, _ root: borrowing DurableDirectory
    ) throws -> Bool {
        let published = try root.read("\(name)/\(LogLayout.checkpoint)")
        let notes = try root.names(in: "\(name)/\(LogLayout.notes)")
        // What a first start put aside of its own head does not count.
        let segments = try root.names(in: "\(name)/\(LogLayout.segments)").filter {
            LogLayout.segmentNumber($0.name) != nil
        }
        return published == nil && notes.isEmpty && segments.count <= 1
    }

    private static func create(in root: borrowing DurableDirectory) throws -> String {
        let logID = RandomBytes.number().hexText
        try root.makeFolders(logID)
        return logID
    }

    private static func head(of bytes: [UInt8]) -> SegmentHead? {
        guard let header = try? FrameHeader(bytes.span), header.type == .head,
            FrameHeader.byteCount + header.clearCount <= bytes.count
        else { return nil }
        let start = FrameHeader.byteCount
        return try? SegmentHead(json: Array(bytes[start..<start + header.clearCount]))
    }

    /// Whether `origin` is that of a log called `name`.
    static func isLog(_ origin: String, of name: String) -> Bool {
        origin.hasPrefix("\(name)/")
            && isLogID(String(origin.dropFirst(name.utf8.count + 1)))
    }

    static func isLogID(_ name: String) -> Bool {
        name.utf8.count == 16 && UInt64(name, radix: 16)?.hexText == name
    }
}

/// A log that is ready to be written on: hand out its rings, then start its writer.
public struct OpenedLog: ~Copyable, Sendable {
    /// Identifies the log; printed as 16 hexadecimal digits.
    public let logID: UInt64
    /// Identifies this start of the process.
    public let boot: UInt64
    /// What verifiers of the log's checkpoints are given.
    public let key: NoteKey
    /// What the writer tells the workers.
    public let status: AuditStatus
    /// How other threads reach the writer.
    public let control: WriterControl
    /// What was found.
    public let recovery: RecoveryReport
    private let root: DurableDirectory
    var writer: LogWriter

    init(
        root: consuming DurableDirectory, folder: consuming LogFolder, logID: String,
        holder: consuming KeyHolder, known: [SeenCheckpoint], replaced: RolledBackLog?,
        settings: AuditSettings, options: AuditLogOptions, library: consuming CryptoLibrary
    ) throws {
        let origin = "\(settings.originName)/\(logID)"
        let newKey = try holder.noteKey(origin)
        let newBoot = RandomBytes.number()
        let newStatus = AuditStatus(workerCount: options.workerCount)
        let newControl = try WriterControl()
        let number = UInt64(logID, radix: 16) ?? 0
        var recovered = try LogRecovery(
            key: newKey, seen: known.filter { $0.origin == origin }, library: library)
        try recovered.run(folder)
        if let rolledBack = recovered.rolledBack { throw rolledBack }
        if let replaced { recovered.replace(replaced) }
        let report = RecoveryReport(
            size: recovered.tree.size, isClean: recovered.isClean, events: recovered.events,
            gaps: recovered.gaps)
        let made = try LogWriter.begin(
            recovered: recovered, folder: folder,
            signer: try holder.takeSigner(newKey, last: recovered.checkpoint), settings: settings,
            options: options, status: newStatus, library: library,
            instance: InstanceFacts(logID: number, boot: newBoot, name: options.instanceName))
        writer = made
        key = newKey
        boot = newBoot
        status = newStatus
        control = newControl
        self.logID = number
        recovery = report
        self.root = root
    }

    /// Makes the ring of the next worker, 0 first, and answers the half that it pushes into.
    public mutating func makeRing() -> RingProducer {
        writer.rings.addRing(capacityBytes: writer.settings.ringBytes)
    }

    /// Has the writer call `wake` when records are durable for which `worker` waits, once a frame.
    public mutating func wakeWorker(_ worker: Int, with wake: @escaping @Sendable () -> Void) {
        writer.wakers[worker] = wake
    }

    /// `<log id>.<boot>.<worker>.`: a receipt without its sequence.
    public func receiptPrefix(worker: Int) -> [UInt8] {
        Array("\(logID.hexText).\(boot.hexText).\(worker).".utf8)
    }
}

extension LogWriter {
    /// Begins this boot's segment: its head, what recovery found, the start leaf, a checkpoint.
    static func begin(
        recovered: consuming LogRecovery, folder: consuming LogFolder,
        signer: consuming LogSigner, settings: AuditSettings, options: AuditLogOptions,
        status: AuditStatus, library: consuming CryptoLibrary, instance: InstanceFacts
    ) throws -> LogWriter {
        let now = SystemClock.monotonic()
        let wall = SystemClock.wall()
        let origin = "\(settings.originName)/\(instance.logID.hexText)"
        let events = recovered.events
        let gaps = recovered.gaps
        let retention = recovered.retention
        let isClean = recovered.isClean
        try recovered.restorePublished(&folder, on: wall)
        let checkpoint = recovered.checkpoint
        let epoch = EpochSigner(
            origin: origin, boot: instance.boot, lastNumber: recovered.epochNumber)
        let spares = try SpareRoom(
            segmentBytes: settings.rotateBytes, reserveBytes: settings.diskReserveBytes)
        let segment = try SegmentFile(
            try folder.makeSegment(
                recovered.nextNumber, reserve: settings.rotateBytes, spares: spares),
            number: recovered.nextNumber, previous: recovered.previous,
            before: SegmentFile.Predecessor(digest: recovered.previousSegment, isClean: isClean),
            now: now, library: library)
        let veil = try IdentityVeil.make(settings.privacy, in: folder.root, now: wall)
        let tree = recovered.takeTree()
        var writer = try LogWriter(
            settings: settings,
            identity: LogIdentity(
                boot: instance.boot, build: options.build,
                settingsDigest: options.names.settingsDigest, replaces: recovered.replaces,
                recipients: try settings.recipients.map { text throws(CryptoError) in
                    try AgeRecipient(text)
                }),
            status: status, library: library, folder: folder,
            encoder: PartsEncoder(
                instance: instance, names: options.names, generation: options.generation),
            veil: veil, tree: tree, signer: signer, epoch: epoch, segment: segment,
            spares: spares, checkpointSize: checkpoint?.size ?? 0, now: now)
        writer.outlets = options.outlets
        writer.retention = retention
        try writer.appendHead()
        for event in events { try writer.add(event, now: now, wall: wall) }
        for gap in gaps { try writer.add(gap, now: now, wall: wall) }
        try writer.add(
            .start(
                build: options.build, settings: options.names.settingsDigest,
                workers: options.workerCount),
            now: now, wall: wall)
        try writer.beginEpoch(now: now, wall: wall)
        try writer.takeNotices(now: now, wall: wall)
        try writer.finishErasure(now: now, wall: wall)
        try writer.recordHolds(now: now, wall: wall)
        try writer.checkpoint(now: now, wall: wall)
        return writer
    }
}
