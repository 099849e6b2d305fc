import AuditSegments
import Crypto
import Primitives
import Testing

@Suite struct FrameTests {
    @Test func `what is written is read back, with every record's commitment`() throws {
        let segment = try SampleSegment()
        var reader = try FrameReader(library: try CryptoLibrary())
        var hasher = try TreeHasher(try CryptoLibrary())
        var offset = 0
        var types: [FrameType] = []
        while let frame = try reader.next(segment.bytes.span, at: offset) {
            types.append(frame.header.type)
            if frame.header.type == .batch {
                let clear = segment.bytes.span.extracting(frame.clear)
                let header = try BatchHeader(clear: clear)
                #expect(header.firstTime == WallTime(microseconds: 1000))
                #expect(header.lastTime == WallTime(microseconds: 1002))
                var batch = try SealedBatch(
                    segment.bytes.span.extracting(frame.sealed), flags: frame.header.flags)
                for position in 0..<header.count {
                    let record = try batch.next()
                    #expect(record?.part(0) == SampleSegment.core(position))
                    let range = frame.clear.lowerBound + BatchHeader.entryRange(position).lowerBound
                    let entry = Array(segment.bytes[range..<range + 36])
                    #expect(record?.entry(&hasher) == entry)
                }
                #expect(try batch.next() == nil)
            }
            offset = frame.end
        }
        #expect(types == [.head, .batch, .checkpoint, .seal])
        #expect(offset == segment.bytes.count)
        let end = reader.nextIndex
        #expect(end == 3)
    }

    @Test func `a segment cut anywhere is cut, and reads up to there`() throws {
        let segment = try SampleSegment()
        for count in 0..<segment.bytes.count {
            let cut = Array(segment.bytes.prefix(count))
            let (end, defect) = try read(cut)
            let whole = segment.ends.last { $0 <= count } ?? 0
            #expect(end == whole)
            #expect(defect == (count == whole ? nil : .cut), "\(count)")
        }
    }

    @Test func `a segment with any bit flipped is refused`() throws {
        let segment = try SampleSegment()
        for position in 0..<segment.bytes.count * 8 {
            var other = segment.bytes
            other[position / 8] ^= 1 << UInt8(position % 8)
            let (_, defect) = try read(other)
            #expect(defect != nil, "bit \(position)")
        }
    }

    @Test(
        arguments: [
            (0, 0x42, .magic), (4, 9, .type(9)), (5, 2, .reserved), (6, 1, .reserved),
            (63, 1, .reserved), (15, 7, .checksum), (16, 0xFF, .length), (20, 0xFF, .length),
            (18, 0xFF, .cut), (30, 1, .checksum), (80, 0xFF, .checksum),
        ] as [(Int, UInt8, FrameDefect)])
    func `each wrong byte of a frame has its name`(
        offset: Int, byte: UInt8, expected: FrameDefect
    ) throws {
        var bytes = try SampleSegment().bytes
        bytes[offset] = byte
        let (_, defect) = try read(bytes)
        #expect(defect == expected)
    }

    @Test func `a frame that does not follow the one before has its name`() throws {
        let hasher = try TreeHasher(try CryptoLibrary())
        var maker = FrameMaker(hasher: hasher)
        let head = maker.frame(.head, number: 0, previous: .zero)
        let other = Digest256(words: (9, 9, 9, 9))
        #expect(
            try read(head.bytes + maker.frame(.seal, number: 2, previous: head.digest).bytes).1
                == .number(found: 2))
        #expect(
            try read(head.bytes + maker.frame(.seal, number: 1, previous: other).bytes).1
                == .previous)
        #expect(
            try read(head.bytes + maker.frame(.head, number: 1, previous: head.digest).bytes).1
                == .order)
        #expect(try read(maker.frame(.seal, number: 0, previous: .zero).bytes).1 == .order)
        let seal = maker.frame(.seal, number: 1, previous: head.digest)
        let late = maker.frame(.checkpoint, number: 2, previous: seal.digest)
        #expect(try read(head.bytes + seal.bytes + late.bytes).1 == .order)
        var clear = [UInt8](repeating: 0, count: 28 + 36)
        clear[7] = 5
        clear[11] = 1
        let batch = maker.frame(.batch, number: 1, previous: head.digest, clear: clear)
        #expect(try read(head.bytes + batch.bytes).1 == .firstIndex(found: 5))
    }

    @Test func `a frame may be stamped again for another place`() throws {
        let first = try SampleSegment()
        let second = try SampleSegment(restamp: true)
        #expect(first.ends == second.ends)
        #expect(try read(second.bytes).1 == nil)
    }

    private func read(_ bytes: [UInt8]) throws -> (Int, FrameDefect?) {
        var reader = try FrameReader(library: try CryptoLibrary())
        var offset = 0
        do {
            while let frame = try reader.next(bytes.span, at: offset) { offset = frame.end }
            return (offset, nil)
        } catch EvidenceError.frame(let defect) {
            return (offset, defect)
        }
    }
}

/// Makes small frames.
struct FrameMaker: ~Copyable {
    var hasher: TreeHasher
    let encoder = FrameEncoder()

    init(hasher: consuming TreeHasher) {
        self.hasher = hasher
    }

    mutating func frame(
        _ type: FrameType, number: UInt64, previous: Digest256, clear: [UInt8] = []
    ) -> (bytes: [UInt8], digest: Digest256) {
        encoder.encode(type, number: number, previous: previous, clear: clear, hasher: &hasher)
    }
}

/// A segment of one head, one batch of three records, one checkpoint and one seal.
struct SampleSegment {
    var bytes: [UInt8] = []
    var ends: [Int] = []

    static func core(_ number: Int) -> [UInt8] {
        Array("{\"number\":\(number),\"text\":\"abcdefghijklmnopqrstuvwxyz\"}".utf8)
    }

    init(restamp: Bool = false) throws {
        let library = try CryptoLibrary()
        var maker = FrameMaker(hasher: try TreeHasher(library))
        var signer = try CheckpointSigner(
            origin: "audit.example/proxy-1", signingKey: try Vectors.signingKey())
        let head = SegmentHead(
            origin: signer.key.name, verifierKey: signer.key.text, firstIndex: 0, boot: 7,
            build: "test", settingsDigest: .zero, previousSegment: .zero, isClean: true)
        var frame = maker.frame(.head, number: 0, previous: .zero, clear: head.json)
        add(frame.bytes)
        var tree = LogTree()
        var batch = try BatchEncoder(
            capacity: 4096, countLimit: 10, level: 1, library: library)
        for number in 0..<3 {
            let done = try batch.add(
                kind: 3, time: WallTime(microseconds: 1000 + Int64(number)),
                core: SampleSegment.core(number).span, subject: Array("{}".utf8).span,
                detail: Array("{}".utf8).span, tree: &tree)
            precondition(done)
        }
        try batch.compress()
        if restamp { _ = batch.stamp(number: 77, previous: .zero) }
        let digest = batch.stamp(number: 1, previous: frame.digest)
        let span = batch.bytes
        add(span.indices.map { span[$0] })
        let note = try signer.sign(size: tree.size, root: tree.root(&maker.hasher))
        frame = maker.frame(.checkpoint, number: 2, previous: digest, clear: note)
        add(frame.bytes)
        let seal = SegmentSeal(end: 3, digest: maker.hasher.plain(bytes.span))
        frame = maker.frame(.seal, number: 3, previous: frame.digest, clear: seal.json)
        add(frame.bytes)
    }

    private mutating func add(_ frame: [UInt8]) {
        bytes += frame
        ends.append(bytes.count)
    }
}

@Suite struct SegmentHeadTests {
    @Test func `a head and a seal survive their JSON`() throws {
        var head = SegmentHead(
            origin: "a\"b\\c", verifierKey: "k", firstIndex: 12, boot: 0xAB, build: "1.0",
            settingsDigest: Digest256(words: (1, 2, 3, 4)), previousSegment: .zero,
            isClean: false, replaces: "old")
        head.recipients = ["age1x", "age1y"]
        #expect(try SegmentHead(json: head.json) == head)
        let seal = SegmentSeal(end: 0, digest: Digest256(words: (1, 2, 3, 4)))
        #expect(try SegmentSeal(json: seal.json) == seal)
        #expect(String(decoding: seal.json, as: UTF8.self).hasPrefix("{\"last\":-1,"))
    }

    @Test func `a cut head is refused`() throws {
        let json = SegmentHead(
            origin: "log", verifierKey: "k", firstIndex: 0, boot: 1, build: "1",
            settingsDigest: .zero, previousSegment: .zero, isClean: true
        ).json
        for count in 0..<json.count {
            #expect(throws: EvidenceError.headMalformed) {
                _ = try SegmentHead(json: Array(json.prefix(count)))
            }
        }
    }
}
