import FuzzAudit
import FuzzHTTP

#if FUZZING
    /// libFuzzer's entry: one input. The driver brings its own main.
    @_cdecl("LLVMFuzzerTestOneInput")
    public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
        // Safe: libFuzzer lends that many bytes for the call.
        let bytes = unsafe UnsafeBufferPointer(start: start, count: count)
        unsafe AuditProperties.checkText(Array(bytes))
        return 0
    }
#else
    /// Replays the corpus, or the files that are named.
    @main
    struct FuzzAuditText {
        static func main() throws {
            try Corpus.replay("AuditText", AuditProperties.checkText)
        }
    }
#endif
