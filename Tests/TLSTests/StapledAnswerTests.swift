import Primitives
import Testing

@testable import TLS

@Suite struct StapledAnswerTests {
    private func failure(_ ocsp: String, certificate: String = "server-ecdsa") throws -> TLSError? {
        try TestListener(certificates: [certificate], ocsp: ocsp).failure()
    }

    @Test func `what is no response is refused`() throws {
        let error = try failure("root.pem")
        #expect(error == .ocspMalformed(path: "root.pem"))
        #expect(error?.description == "root.pem is no OCSP response in DER")
    }

    @Test func `a response without an answer is refused`() throws {
        let error = try failure("ocsp-unsuccessful.der")
        #expect(error == .ocspUnsuccessful(path: "ocsp-unsuccessful.der", status: 3))
        #expect(
            error?.description
                == "ocsp-unsuccessful.der is an OCSP response without an answer, status 3")
    }

    @Test(arguments: ["server-ecdsa", "server-p384"])
    func `a response for another certificate is refused`(certificate: String) throws {
        let error = try failure("ocsp-other.der", certificate: certificate)
        #expect(error == .ocspOfOtherCertificate(path: "ocsp-other.der"))
        #expect(
            error?.description == "ocsp-other.der is an OCSP response for another certificate")
    }

    @Test func `a response with a broken signature is refused`() throws {
        let error = try failure("ocsp-forged.der")
        #expect(error == .ocspSignatureInvalid(path: "ocsp-forged.der"))
        #expect(
            error?.description
                == "ocsp-forged.der is an OCSP response whose signature does not hold")
    }

    @Test func `a response that says revoked is refused`() throws {
        let error = try failure("ocsp-revoked.der")
        #expect(error == .ocspRevoked(path: "ocsp-revoked.der"))
        #expect(error?.description == "ocsp-revoked.der says that the certificate is revoked")
    }

    @Test(
        arguments: [
            ("ocsp-unknown.der", 0, "does not know the certificate"),
            ("ocsp-endless.der", 0, "does not say until when it is valid"),
            ("ocsp-good.der", 4_000_000_000, "has run out"),
            ("ocsp-good.der", -40_000_000, "is not valid yet"),
        ] as [(String, Int64, String)])
    func `a response that is not current is warned of and not stapled`(
        file: String, shift: Int64, why: String
    ) throws {
        let now = WallTime(microseconds: validTime.microseconds + shift * 1_000_000)
        let library = try TLSLibrary()
        let context = try TestListener(ocsp: file, now: now).context(library)
        #expect(context.warnings.contains("\(file) \(why) and is not stapled"))
    }

    @Test func `a response that is named was read`() throws {
        let library = try TLSLibrary()
        let settings = TLSServerSettings(
            certificates: [TestFiles.paths("server-ecdsa", ocsp: "ocsp-good.der")])
        let files = TLSServerFiles(certificates: [try TestFiles.pair("server-ecdsa")])
        #expect(throws: TLSError.filesIncomplete) {
            try TLSServerContext(
                settings, files: files, listener: "a", library: library, now: validTime)
        }
    }

    @Test func `an answer is given until the next is due`() throws {
        let library = try TLSLibrary()
        let chain = try CertificateChain(
            TestFiles.bytes("server-ecdsa.pem"), path: "a.pem", library: library)
        let context = try TestListener(ocsp: "ocsp-good.der").context(library)
        let judged = try StapledAnswer.judge(
            TestFiles.bytes("ocsp-good.der"), path: "a", for: chain, now: validTime)
        guard case .usable(let answer) = judged else {
            Issue.record("the response is not usable")
            return
        }
        #expect(answer.nextUpdate == 4_922_899_200)
        // Another object with the same bytes is another certificate.
        #expect(context.answer(for: chain.leaf, now: validTime) == nil)
        let handshake = try #require(
            MemoryHandshake(context, try TestUpstream().context(library)))
        handshake.askForStatus()
        #expect(handshake.run())
        #expect(handshake.status == answer.bytes)
        let shown = handshake.shownCertificate
        #expect(context.answer(for: shown, now: validTime)?.bytes == answer.bytes)
        let late = WallTime(microseconds: answer.nextUpdate * 1_000_000)
        #expect(context.answer(for: shown, now: late) == nil)
    }

    @Test func `whoever does not ask for a response gets none`() throws {
        let library = try TLSLibrary()
        let context = try TestListener(ocsp: "ocsp-good.der").context(library)
        let handshake = try #require(
            MemoryHandshake(context, try TestUpstream().context(library)))
        #expect(handshake.run())
        #expect(handshake.status == [])
    }
}
