import AuditRecords
import AuditRings
import AuditSegments
import Crypto
import Primitives
import Samples

/// A record's way from a worker into the tree.
enum AuditCases {
    static func run(_ harness: inout Harness) throws {
        let facts = Samples.facts()
        let fields = Samples.fields()
        rings(&harness, facts, fields)
        encoding(&harness, "record encoding", facts, fields)
        encoding(
            &harness, "record encoding, TLS", Samples.secured(facts),
            fields + Samples.handshakeFields())
        encoding(
            &harness, "record encoding, mutual TLS", Samples.secured(facts),
            fields + Samples.handshakeFields() + Samples.certificateFields())
        try trees(&harness, facts, fields)
    }

    static func sampleEncoder() -> PartsEncoder {
        return PartsEncoder(
            instance: InstanceFacts(logID: 1, boot: 2, name: "ingress-1"), names: Samples.names)
    }

    private static func rings(
        _ harness: inout Harness, _ facts: RecordFacts, _ fields: [UInt8]
    ) {
        let size = MemoryLayout<RecordFacts>.size + fields.count
        let limit = 16384
        var producer = RingProducer(capacityBytes: 1 << 24)
        var consumer = producer.makeConsumer()
        harness.measure("ring push, \(size) bytes", limit: limit) {
            while consumer.refresh() { while consumer.next() != nil {} }
            consumer.release()
        } _: { count in
            for _ in 0..<count { precondition(producer.push(facts, fields.span)) }
            producer.publish()
        }
        var smallProducer = RingProducer(capacityBytes: 1 << 18)
        var smallConsumer = smallProducer.makeConsumer()
        harness.measure("ring push, publish, take, 32 a turn") { count in
            var left = count
            while left > 0 {
                let turn = min(left, 32)
                for _ in 0..<turn { precondition(smallProducer.push(facts, fields.span)) }
                smallProducer.publish()
                _ = smallConsumer.refresh()
                while let record = smallConsumer.next() { keep(record.count) }
                smallConsumer.release()
                left -= turn
            }
        }
    }

    private static func encoding(
        _ harness: inout Harness, _ name: String, _ facts: RecordFacts, _ fields: [UInt8]
    ) {
        var encoder = sampleEncoder()
        var output = ByteBuffer(capacity: 65536)
        _ = output.write { encoder.encode(facts, fields: fields.span, into: &$0) }
        harness.measure("\(name), \(output.count) bytes") { count in
            for _ in 0..<count {
                output.removeAll()
                let parts = output.write { encoder.encode(facts, fields: fields.span, into: &$0) }
                keep(parts)
            }
        }
    }

    private static func trees(
        _ harness: inout Harness, _ facts: RecordFacts, _ fields: [UInt8]
    ) throws {
        let library = try CryptoLibrary()
        var hasher = try TreeHasher(library)
        var tree = HashTree()
        let leaf = Digest256(words: (1, 2, 3, 4))
        harness.measure("tree append") { count in
            for _ in 0..<count {
                tree.append(leaf, &hasher)
                if tree.size & 0xFFFF == 0 { tree.forget(upTo: tree.size) }
            }
        }
        guard harness.wantsGroup("batch") else { return }
        let records = records(like: facts)
        var encoder = sampleEncoder()
        for level in [Int32(1), -3, -5] {
            var log = LogTree()
            var batch = try BatchEncoder(
                capacity: 1 << 21, countLimit: 1024, level: level, library: library)
            // Whole batches of 896 records, 1 MiB; the figure is for one record.
            harness.measure("batch, zstd \(level), per record of 896") { count in
                var left = count
                while left > 0 {
                    batch.reset()
                    for record in records { add(record, fields, &encoder, to: &batch, &log) }
                    precondition((try? batch.compress()) != nil)
                    keep(batch.stamp(number: 1, previous: leaf))
                    log.forget(upTo: log.size)
                    left -= records.count
                }
            }
            guard level == 1 else { continue }
            try encrypted(&harness, records, fields, library)
            harness.measure("batch, records encoded and added", limit: 896) {
                batch.reset()
                log.forget(upTo: log.size)
            } _: { count in
                for index in 0..<count {
                    add(records[index], fields, &encoder, to: &batch, &log)
                }
            }
        }
    }

    /// The same batches, encrypted: each is one age file.
    private static func encrypted(
        _ harness: inout Harness, _ records: [RecordFacts], _ fields: [UInt8],
        _ library: borrowing CryptoLibrary
    ) throws {
        var encoder = sampleEncoder()
        let leaf = Digest256(words: (1, 2, 3, 4))
        for recipients in 0...3 {
            let keys = try (0..<recipients).map { _ in try AgeIdentity.generate().identity }
            var log = LogTree()
            var batch = try BatchEncoder(
                capacity: 1 << 21, countLimit: 1024, level: -3,
                recipients: keys.map(\.recipient), library: library)
            func make() {
                batch.reset()
                for record in records { add(record, fields, &encoder, to: &batch, &log) }
                precondition((try? batch.compress()) != nil)
                keep(batch.stamp(number: 1, previous: leaf))
                log.forget(upTo: log.size)
            }
            make()
            let size = batch.bytes.count / records.count
            let ratio = Double(batch.byteCount) / Double(batch.bytes.count)
            let tenths = Int(ratio * 10)
            let name = "batch to \(recipients) recipients, \(size) bytes a record"
            harness.measure("\(name), ratio \(tenths / 10).\(tenths % 10)") { count in
                var left = count
                while left > 0 {
                    make()
                    left -= records.count
                }
            }
        }
        let key = try AgeIdentity.generate().identity
        let plain = [UInt8](repeating: 7, count: 200_000)
        for size in [0, 65_536, 200_000] {
            harness.measure("batch, age file of \(size) bytes") { count in
                for _ in 0..<count {
                    let file = try? AgeFile.encrypt(
                        plain.span.extracting(first: size), to: [key.recipient])
                    keep(file?.count ?? 0)
                }
            }
        }
    }

    /// 896 records that differ as those of real requests do: all the same would compress to nothing.
    private static func records(like facts: RecordFacts) -> [RecordFacts] {
        var random = SystemRandomNumberGenerator()
        var facts = facts
        return (0..<896).map { _ in
            facts.sequence += 1
            facts.requestID = Identifier128(high: random.next(), low: random.next())
            facts.traceID = Identifier128(high: random.next(), low: random.next())
            facts.spanID = random.next()
            facts.connection = UInt64.random(in: 1...32)
            facts.time = WallTime(microseconds: facts.time.microseconds + .random(in: 10...60))
            facts.firstByteMicroseconds = .random(in: 100...400)
            facts.totalMicroseconds = facts.firstByteMicroseconds + .random(in: 5...20)
            return facts
        }
    }

    private static func add(
        _ facts: RecordFacts, _ fields: [UInt8], _ encoder: inout PartsEncoder,
        to batch: inout BatchEncoder, _ log: inout LogTree
    ) {
        let isAdded = try? batch.add(facts, fields: fields.span, encoder: &encoder, tree: &log)
        precondition(isAdded == true)
    }
}
