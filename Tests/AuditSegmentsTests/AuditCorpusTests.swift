import FuzzAudit
import FuzzHTTP
import Testing

/// Replays what the fuzz targets found worth keeping.
@Suite struct AuditCorpusTests {
    @Test func `the corpus of texts holds`() throws {
        let inputs = try Corpus.inputs("AuditText")
        #expect(inputs.count > 10)
        for input in inputs { AuditProperties.checkText(input.bytes) }
    }

    @Test func `the corpus of frames holds, and so does each with a byte changed`() throws {
        let inputs = try Corpus.inputs("Frames")
        #expect(inputs.count > 2)
        for input in inputs {
            AuditProperties.checkFrames(input.bytes)
            for place in stride(from: 0, to: input.bytes.count, by: 7) {
                var changed = input.bytes
                changed[place] ^= 0x41
                AuditProperties.checkFrames(changed)
            }
        }
    }
}
