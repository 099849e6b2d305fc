import FuzzHTTP
import FuzzTokens
import Testing

@Suite struct TokenCorpusTests {
    @Test func `every kept JSON text still holds`() throws {
        let inputs = try Corpus.inputs("JSONReader")
        #expect(inputs.count > 10)
        for input in inputs { JSONReaderProperties.check(input.bytes) }
    }

    @Test func `every kept credential still holds`() throws {
        let inputs = try Corpus.inputs("Token")
        #expect(inputs.count > 10)
        for input in inputs { TokenProperties.check(input.bytes) }
    }
}
