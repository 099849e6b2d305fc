import FuzzHTTP
import FuzzAge

#if FUZZING
    /// libFuzzer's entry: one input. The driver brings its own main.
    @_cdecl("LLVMFuzzerTestOneInput")
    public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
        // Safe: libFuzzer lends that many bytes for the call.
        let bytes = unsafe UnsafeBufferPointer(start: start, count: count)
        unsafe AgeProperties.checkBech32(Array(bytes))
        return 0
    }
#else
    /// Replays the corpus, or the files that are named.
    @main
    struct FuzzBech32 {
        static func main() throws {
            try Corpus.replay("Bech32", AgeProperties.checkBech32)
        }
    }
#endif
