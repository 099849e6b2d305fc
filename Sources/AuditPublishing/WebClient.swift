import CCurl
import LinuxIO
import Primitives

/// A request of the control plane to a web server.
struct WebRequest: Sendable {
    var url: String
    /// The body to post; nil asks with GET.
    var body: [UInt8]?
    /// File with the certificates that the server's is verified with; nil for the system's.
    var authoritiesPath: String?
}

/// What came of a request.
enum WebAnswer: Equatable, Sendable {
    case answered(status: Int, type: String, body: [UInt8])
    /// No whole answer came; in words for the operator.
    case failed(String)
}

/// Asks web servers, several at a time, over libcurl: for threads that may wait.
///
/// Certificates and names are verified, redirections are not followed, answers have a limit, and
/// nothing but http and https is spoken.
@safe
struct WebClient: ~Copyable, @unchecked Sendable {
    // Sendable: used by its one owner's thread.
    private let transfers: UnsafeMutableRawPointer
    private let fields: UnsafeMutablePointer<curl_slist>?

    /// Longest answer, in bytes.
    static let limitBytes = 1 << 16
    private static let pollMilliseconds: Int32 = 100
    /// What is left to requests under way when the process ends.
    private static let hurryNanoseconds: UInt64 = 1_000_000_000

    /// A client without connections; nil when libcurl can't be set up.
    init?() {
        guard curl_global_init(Int(CURL_GLOBAL_SSL)) == CURLE_OK,
            let made = unsafe curl_multi_init()
        else { return nil }
        unsafe transfers = made
        // "Expect:" keeps libcurl from waiting for a 100 that few servers send.
        let first = unsafe curl_slist_append(nil, "Expect:")
        unsafe fields = curl_slist_append(first, "Content-Type: text/plain; charset=utf-8") ?? first
    }

    deinit {
        unsafe curl_multi_cleanup(transfers)
        unsafe curl_slist_free_all(fields)
    }

    /// Makes all `requests` at once, and answers them in their order.
    ///
    /// - Parameters:
    ///   - milliseconds: How long they may take together.
    ///   - isHurried: Asked now and then; from the first true on a second is left.
    borrowing func answers(
        to requests: [WebRequest], milliseconds: UInt32, isHurried: () -> Bool
    ) -> [WebAnswer] {
        var running: [Transfer] = []
        for request in requests {
            let transfer = unsafe Transfer(request, fields: fields, milliseconds: milliseconds)
            if let handle = unsafe transfer.handle {
                unsafe curl_multi_add_handle(transfers, handle)
            }
            running.append(transfer)
        }
        wait(
            for: running,
            until: SystemClock.monotonic().advanced(nanoseconds: UInt64(milliseconds) * 1_000_000),
            isHurried: isHurried)
        return running.map { transfer in
            if let handle = unsafe transfer.handle {
                unsafe curl_multi_remove_handle(transfers, handle)
            }
            return transfer.answer
        }
    }

    private borrowing func wait(
        for running: [Transfer], until deadline: Instant, isHurried: () -> Bool
    ) {
        var deadline = deadline
        var isInHurry = false
        while true {
            var count: Int32 = 0
            guard unsafe curl_multi_perform(transfers, &count) == CURLM_OK else { return }
            var code = CURLE_OK
            // Safe: the handle is compared, and its owner in `running` lives.
            while let ended = unsafe sallyport_curl_ended(transfers, &code) {
                running.first { unsafe $0.handle == ended }?.end(code)
            }
            let now = SystemClock.monotonic()
            guard count > 0, now < deadline else { return }
            if !isInHurry, isHurried() {
                isInHurry = true
                deadline = min(deadline, now.advanced(nanoseconds: WebClient.hurryNanoseconds))
            }
            // Safe: no descriptors beside libcurl's own.
            _ = unsafe curl_multi_poll(transfers, nil, 0, WebClient.pollMilliseconds, nil)
        }
    }
}

/// One request under way. libcurl writes the answer's bytes into it.
@safe
private final class Transfer {
    let handle: UnsafeMutableRawPointer?
    private var body: [UInt8] = []
    private var isTooLong = false
    private var result: CURLcode?

    init(
        _ request: WebRequest, fields: UnsafeMutablePointer<curl_slist>?, milliseconds: UInt32
    ) {
        unsafe handle = curl_easy_init()
        guard let handle = unsafe handle else { return }
        let numbers: [(CURLoption, Int)] = [
            (CURLOPT_NOSIGNAL, 1), (CURLOPT_FOLLOWLOCATION, 0),
            (CURLOPT_TIMEOUT_MS, Int(milliseconds)), (CURLOPT_SSL_VERIFYPEER, 1),
            (CURLOPT_SSL_VERIFYHOST, 2),
        ]
        // Safe: the handle is valid; libcurl copies texts and bodies. The list of fields outlives
        // the transfer, and so does self, whose owner waits for the transfer's end.
        for (option, value) in numbers {
            _ = unsafe sallyport_curl_set_number(handle, option, value)
        }
        _ = unsafe sallyport_curl_set_text(handle, CURLOPT_PROTOCOLS_STR, "http,https")
        _ = unsafe sallyport_curl_set_text(handle, CURLOPT_USERAGENT, "sallyport")
        _ = unsafe sallyport_curl_set_text(handle, CURLOPT_URL, request.url)
        if let path = request.authoritiesPath {
            _ = unsafe sallyport_curl_set_text(handle, CURLOPT_CAINFO, path)
        }
        if let body = request.body {
            _ = unsafe sallyport_curl_set_list(handle, fields)
            _ = unsafe body.withUnsafeBytes {
                unsafe sallyport_curl_set_body(handle, $0.baseAddress, $0.count)
            }
        }
        _ = unsafe sallyport_curl_set_sink(
            handle,
            { bytes, size, count, sink in
                guard let sink = unsafe sink, let bytes = unsafe bytes else { return 0 }
                let transfer = unsafe Unmanaged<Transfer>.fromOpaque(sink).takeUnretainedValue()
                let piece = unsafe UnsafeRawBufferPointer(start: bytes, count: size * count)
                return unsafe transfer.take(piece)
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    deinit {
        if let handle = unsafe handle { unsafe curl_easy_cleanup(handle) }
    }

    /// Takes a piece of the answer; an answer that is too long is given up.
    private func take(_ piece: UnsafeRawBufferPointer) -> Int {
        guard piece.count <= WebClient.limitBytes - body.count else {
            isTooLong = true
            return 0
        }
        unsafe body.append(contentsOf: piece)
        return piece.count
    }

    func end(_ code: CURLcode) { result = code }

    var answer: WebAnswer {
        guard let handle = unsafe handle else { return .failed("libcurl has no memory") }
        guard !isTooLong else {
            return .failed("the answer is longer than \(WebClient.limitBytes) bytes")
        }
        guard let result else { return .failed("it took too long") }
        guard result == CURLE_OK else {
            // Safe: libcurl's words for a code live as long as the program.
            return .failed(unsafe String(cString: curl_easy_strerror(result)).lowercased())
        }
        // Safe: the text lives as long as the handle, and is copied.
        let type = unsafe sallyport_curl_content_type(handle).map { unsafe String(cString: $0) }
        return .answered(
            status: unsafe sallyport_curl_status(handle), type: type ?? "", body: body)
    }
}
