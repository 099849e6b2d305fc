import FuzzHTTP
import FuzzAge

#if FUZZING
    /// libFuzzer's entry: one input. The driver brings its own main.
    @_cdecl("LLVMFuzzerTestOneInput")
    public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
        // Safe: libFuzzer lends that many bytes for the call.
        let bytes = unsafe UnsafeBufferPointer(start: start, count: count)
        unsafe AgeProperties.checkHeader(Array(bytes))
        return 0
    }
#else
    /// Replays the corpus, or the files that are named.
    @main
    struct FuzzAgeHeader {
        static func main() throws {
            try Corpus.replay("AgeHeader", AgeProperties.checkHeader)
        }
    }
#endif
