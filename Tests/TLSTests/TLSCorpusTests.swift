import FuzzHTTP
import FuzzTLS
import Testing

@Suite struct TLSCorpusTests {
    @Test func `every kept ClientHello still holds`() throws {
        let inputs = try Corpus.inputs("ClientHello")
        #expect(inputs.count > 10)
        for input in inputs { ClientHelloProperties.check(input.bytes) }
    }

    @Test func `every kept table of server names still holds`() throws {
        let inputs = try Corpus.inputs("ServerName")
        #expect(inputs.count > 10)
        for input in inputs { ServerNameProperties.check(input.bytes) }
    }
}
