import HTTP
import LinuxIO
import Primitives

/// The demonstration's upstream: answers every request with a line of JSON that says who asked.
///
/// One thread per connection, because it is the shortest thing that works behind a pool of a few
/// connections. It is no part of the proxy.
enum DemoUpstream {
    /// Longest head that is read.
    private static let headBytes = 16_384

    /// Starts to serve on a loopback port of the kernel's choice, and answers which.
    static func start() throws(SystemError) -> SocketAddress {
        let listener = try Listener(address: SocketAddress(PeerAddress(ipv4: 0x7F00_0001, port: 0)))
        let address = listener.address
        let thread = try PinnedThread.start(name: "demo-upstream", state: listener) {
            (listener: consuming Listener) in accept(listener)
        }
        thread.detach()
        return address
    }

    private static func accept(_ listener: borrowing Listener) {
        guard var poller = try? Poller(batch: 1),
            (try? poller.addSource(listener.descriptor, tag: 0)) != nil
        else { return }
        while (try? poller.wait(milliseconds: -1)) != nil {
            switch listener.accept() {
            case .accepted(let stream): start(stream.takeDescriptor())
            case .wouldBlock: break
            case .failed: break
            }
        }
    }

    private static func start(_ stream: consuming Descriptor) {
        do throws(SystemError) {
            let thread = try PinnedThread.start(name: "demo-stream", state: stream) {
                (stream: consuming Descriptor) in serve(stream)
            }
            thread.detach()
        } catch {
            StandardStream.error.writeLine("demo upstream: \(error)")
        }
    }

    /// Reads requests and answers them, one after another, until the proxy closes.
    private static func serve(_ stream: borrowing Descriptor) {
        var buffers = BufferPool(capacity: 1, bufferBytes: headBytes)
        var input = PooledBuffer.none
        var head = RequestHead(limits: HTTPLimits())
        var scanned = 0
        guard var poller = try? Poller(batch: 1), buffers.lend(&input),
            (try? poller.addSource(stream, tag: 0)) != nil
        else { return }
        while true {
            let bytes = input.bytes
            let parsed: Int?
            do { parsed = try head.parse(bytes, scanned: &scanned) } catch { return }
            guard let parsed else {
                guard read(stream, &input, poller: &poller) else { return }
                continue
            }
            let answer = answer(head, bytes)
            let framing = head.framing
            input.consume(parsed)
            scanned = 0
            guard dropBody(framing, stream, &input, poller: &poller),
                case .transferred(answer.count) = stream.send(answer.span)
            else { return }
        }
    }

    private static func dropBody(
        _ framing: BodyFraming, _ stream: borrowing Descriptor, _ input: inout PooledBuffer,
        poller: inout Poller
    ) -> Bool {
        var body = BodyDecoder(framing, limits: HTTPLimits())
        while let step = try? body.next(input.bytes) {
            switch step {
            case .data(_, let consumed), .trailer(_, _, let consumed):
                input.consume(consumed)
            case .end(let consumed):
                input.consume(consumed)
                return true
            case .needMore(let consumed):
                input.consume(consumed)
                guard read(stream, &input, poller: &poller) else { return false }
            }
        }
        return false
    }

    private static func read(
        _ stream: borrowing Descriptor, _ input: inout PooledBuffer, poller: inout Poller
    ) -> Bool {
        if input.room == 0 { input.compact() }
        guard input.room > 0, (try? poller.wait(milliseconds: -1)) != nil else { return false }
        switch input.read(from: stream.number) {
        case .transferred, .wouldBlock: return true
        case .endOfStream, .failed: return false
        }
    }

    private static func answer(_ head: borrowing RequestHead, _ bytes: Span<UInt8>) -> [UInt8] {
        var user = "nobody"
        for index in 0..<head.fields.count {
            let field = head.fields[index]
            if text(bytes.extracting(field.name)).lowercased() == "x-user" {
                user = text(bytes.extracting(field.value))
            }
        }
        let said = [
            ("service", JSONValue.text("demo upstream")),
            ("method", .text("\(head.method.name)")),
            ("path", .text(text(bytes.extracting(head.rawPath)))),
            ("user", .text(user)),
        ]
        let body = head.method == .head ? "" : JSONValue.object(said).line + "\n"
        let length = (JSONValue.object(said).line + "\n").utf8.count
        return Array(
            """
            HTTP/1.1 200 OK\r
            Content-Type: application/json\r
            Content-Length: \(length)\r
            \r
            \(body)
            """.utf8)
    }

    private static func text(_ bytes: Span<UInt8>) -> String {
        var array: [UInt8] = []
        for index in 0..<bytes.count { array.append(bytes[index]) }
        return String(decoding: array, as: UTF8.self)
    }
}
