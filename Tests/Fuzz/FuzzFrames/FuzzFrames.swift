import FuzzAudit
import FuzzHTTP

#if FUZZING
    /// libFuzzer's entry: one input. The driver brings its own main.
    @_cdecl("LLVMFuzzerTestOneInput")
    public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
        // Safe: libFuzzer lends that many bytes for the call.
        let bytes = unsafe UnsafeBufferPointer(start: start, count: count)
        unsafe AuditProperties.checkFrames(Array(bytes))
        return 0
    }
#else
    /// Replays the corpus, or the files that are named.
    @main
    struct FuzzFrames {
        static func main() throws {
            try Corpus.replay("Frames", AuditProperties.checkFrames)
        }
    }
#endif
