import FuzzAge
import FuzzHTTP
import Testing

/// Replays what the fuzz targets found worth keeping.
@Suite struct AgeCorpusTests {
    @Test func `the corpus of headers holds`() throws {
        let inputs = try Corpus.inputs("AgeHeader")
        #expect(inputs.count > 3)
        for input in inputs { AgeProperties.checkHeader(input.bytes) }
    }

    @Test func `the corpus of bech32 holds`() throws {
        let inputs = try Corpus.inputs("Bech32")
        #expect(inputs.count > 3)
        for input in inputs { AgeProperties.checkBech32(input.bytes) }
    }
}
