import Primitives
import Testing

@testable import TLS

@Suite struct CertificateChoiceTests {
    private func certificate(_ kind: CertificateKind, _ names: String...) -> CertificateSummary {
        CertificateSummary(sha256: .zero, names: names, notAfter: 0, kind: kind)
    }

    private func choice(_ certificates: CertificateSummary...) -> CertificateChoice {
        CertificateChoice(certificates)
    }

    @Test func `two kinds for one name stand in one context`() {
        let choice = choice(certificate(.rsa, "a.test"), certificate(.ecdsa, "A.test."))
        #expect(choice.contexts == [[0, 1]])
        #expect(choice.names == [CertificateChoice.Name(name: "a.test", context: 0)])
    }

    @Test func `of two of one kind the first counts, and the other is told of`() {
        let choice = choice(certificate(.rsa, "a.test"), certificate(.rsa, "a.test"))
        #expect(choice.contexts == [[0]])
        #expect(choice.unused == [1])
    }

    @Test func `names of their own have contexts of their own`() {
        let choice = choice(
            certificate(.rsa, "a.test", "b.test"), certificate(.ecdsa, "b.test", "c.test"))
        #expect(choice.contexts == [[0], [0, 1], [1]])
        #expect(choice.names.map(\.context) == [0, 1, 2])
        #expect(choice.unused.isEmpty)
    }

    @Test func `a kind that an exact name lacks comes from the wildcard`() {
        let choice = choice(certificate(.ecdsa, "a.x.test"), certificate(.rsa, "*.x.test"))
        #expect(choice.contexts == [[0, 1], [1]])
        #expect(choice.names.map(\.name) == ["a.x.test", "*.x.test"])
        #expect(choice.names.map(\.context) == [0, 1])
    }

    @Test func `a first certificate without names is for whoever names nothing`() {
        let choice = choice(certificate(.ecdsa), certificate(.rsa, "a.test"))
        #expect(choice.contexts == [[0], [1]])
        #expect(choice.names.map(\.context) == [1])
        #expect(CertificateChoice([]).contexts.isEmpty)
    }
}
