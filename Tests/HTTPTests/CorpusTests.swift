import FuzzHTTP
import Testing

@Suite struct CorpusTests {
    @Test func `every kept request head still holds`() throws {
        let inputs = try Corpus.inputs("RequestHead")
        #expect(inputs.count > 10)
        for input in inputs { RequestHeadProperties.check(input.bytes) }
    }

    @Test func `every kept response head still holds`() throws {
        let inputs = try Corpus.inputs("ResponseHead")
        #expect(inputs.count > 10)
        for input in inputs { ResponseHeadProperties.check(input.bytes) }
    }

    @Test func `every kept body still holds`() throws {
        let inputs = try Corpus.inputs("BodyDecoder")
        #expect(inputs.count > 10)
        for input in inputs { BodyDecoderProperties.check(input.bytes) }
    }
}
