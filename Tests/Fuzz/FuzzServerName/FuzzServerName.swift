import FuzzHTTP
import FuzzTLS

#if FUZZING
    /// libFuzzer's entry: one input. The driver brings its own main.
    @_cdecl("LLVMFuzzerTestOneInput")
    public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
        // Safe: libFuzzer lends that many bytes for the call.
        let bytes = unsafe UnsafeBufferPointer(start: start, count: count)
        unsafe ServerNameProperties.check(Array(bytes))
        return 0
    }
#else
    /// Replays the corpus, or the files that are named.
    @main
    struct FuzzServerName {
        static func main() throws {
            try Corpus.replay("ServerName", ServerNameProperties.check)
        }
    }
#endif
