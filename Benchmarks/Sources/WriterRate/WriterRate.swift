import AuditRecords
import AuditRings
import AuditWriter
import Crypto
import LinuxIO
import Primitives
import Samples

/// How fast the audit writer is, with the tree, signatures, compression, encryption and fsync: one
/// thread fills one ring as fast as the writer empties it. The log is kept, for its readers.
///
/// usage: WriterRate DIRECTORY RECORDS [RECIPIENT ...]
@main
enum WriterRate {
    static func main() throws {
        let arguments = Array(CommandLine.arguments.dropFirst())
        guard arguments.count >= 2, let count = UInt64(arguments[1]), count > 0 else {
            print("usage: WriterRate DIRECTORY RECORDS [RECIPIENT ...]")
            return
        }
        let directory = arguments[0]
        let folder = try DurableDirectory.create(path: directory)
        let key = try SigningKey.generate().pem()
        try folder.replace("key.pem", key.span)
        var settings = AuditSettings(
            directory: "\(directory)/audit", originName: "bench.test/writer",
            signingKeyPath: "\(directory)/key.pem")
        settings.recipients = Array(arguments.dropFirst(2))
        var log = try AuditLog.open(
            settings: settings,
            options: AuditLogOptions(names: Samples.names, workerCount: 1, build: "bench"))
        print("log: \(directory)/audit/\(log.logID.hexText)")
        print("vkey: \(log.key.text)")
        var ring = log.makeRing()
        let status = log.status
        let writer = try log.start(processor: 1)
        let begin = SystemClock.monotonic()
        fill(&ring, count, status, writer.control)
        while status.durableRecords(worker: 0) < count { SystemClock.sleep(milliseconds: 1) }
        let nanoseconds = SystemClock.monotonic().nanoseconds(since: begin)
        if let error = writer.stop() { throw error }
        let rate = Double(count) * 1e9 / Double(nanoseconds)
        print("records: \(count), to \(settings.recipients.count) recipients")
        print("durable: \(Int(rate)) records a second, by a writer on one processor")
    }

    /// Pushes records as a worker does, some at a time, and waits where there is no room.
    private static func fill(
        _ ring: inout RingProducer, _ count: UInt64, _ status: AuditStatus, _ control: WriterControl
    ) {
        var random = SystemRandomNumberGenerator()
        let texts = (0..<10_000).map { number in
            Samples.fields([
                (.authority, "api.example.com"), (.path, "/v1/acme/orders/\(4000 + number % 997)"),
                (.queryKeys, "expand"), (.userAgent, "curl/8.5.0"),
                (.subject, "user-\(number)@example.com"), (.clientID, "perf-client"),
                (.tokenID, "4c1d9f52-6a0e-4f9b-9a53-\(String(1 << 44 + number, radix: 16))"),
                (.tokenThumbprint, String(random.next() | 1 << 63, radix: 16)), (.keyID, "rs-1"),
            ])
        }
        var facts = Samples.facts()
        var time = SystemClock.wall().microseconds - Int64(count) * 100
        var number: UInt64 = 0
        while number < count {
            let turn = min(32, count - number)
            for _ in 0..<turn {
                number += 1
                time += Int64.random(in: 50...150, using: &random)
                let text = texts[Int(random.next() % 10_000)]
                facts.sequence = number
                facts.time = WallTime(microseconds: time)
                facts.instant = SystemClock.monotonic()
                facts.requestID = Identifier128(high: random.next(), low: random.next())
                facts.traceID = Identifier128(high: random.next(), low: random.next())
                facts.spanID = random.next()
                facts.connection = number % 64
                facts.client = PeerAddress(
                    ipv4: 0x0A00_0000 | UInt32(truncatingIfNeeded: random.next() % 50_000),
                    port: 40_000)
                facts.peer = facts.client
                facts.firstByteMicroseconds = .random(in: 100...400, using: &random)
                facts.totalMicroseconds = facts.firstByteMicroseconds + 12
                let isDenied = random.next() % 100 == 0
                facts.outcome = isDenied ? .deny : .allow
                facts.status = isDenied ? 403 : 200
                while !ring.push(facts, text.span) {
                    publish(&ring, number - 1, status)
                    control.wake()
                    SystemClock.sleep(milliseconds: 1)
                }
            }
            publish(&ring, number, status)
            if ring.isHalfFull { control.wake() }
        }
        control.wake()
    }

    private static func publish(
        _ ring: inout RingProducer, _ last: UInt64, _ status: AuditStatus
    ) {
        status.publishSequence(worker: 0, last: last)
        ring.publish()
    }
}
