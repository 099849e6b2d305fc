import Foundation
import Primitives
import TLS
import Testing

@testable import Supervisor

@Suite struct CertificateReaderTests {
    private let folder = FileManager.default.temporaryDirectory
        .appending(path: "sallyport-\(UInt64.random(in: 0...UInt64.max))").path

    /// A listener whose files hold what is said, with the modes that are said.
    private func place(
        key: String = "key", keyMode: UInt16 = 0o600, certificateMode: UInt16 = 0o644
    ) throws -> TLSPlace {
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        try write("chain", "cert.pem", mode: certificateMode)
        try write(key, "key.pem", mode: keyMode)
        let files = CertificateFiles(
            certificate: folder + "/cert.pem", key: folder + "/key.pem")
        return TLSPlace(
            name: "public", index: 0, side: .listener(TLSServerSettings(certificates: [files])))
    }

    private func write(_ text: String, _ name: String, mode: UInt16) throws {
        let path = folder + "/" + name
        try Data(text.utf8).write(to: URL(filePath: path))
        try FileManager.default.setAttributes([.posixPermissions: Int(mode)], ofItemAtPath: path)
    }

    /// Digest and warnings of what is read; or the problem.
    private func read(
        _ place: TLSPlace
    ) throws -> Result<(digest: Digest256, warnings: [String]), CertificateProblem> {
        var reader = try CertificateReader()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        do throws(CertificateProblem) {
            let content = try reader.read(place)
            return .success((content.digest, content.warnings))
        } catch {
            return .failure(error)
        }
    }

    @Test func `the same files have the same digest, others another`() throws {
        let first = try read(try place()).get()
        let second = try read(try place()).get()
        let third = try read(try place(key: "other")).get()
        #expect(first.digest == second.digest && first.digest != third.digest)
        #expect(first.warnings.isEmpty)
    }

    @Test(arguments: [UInt16(0o644), 0o602, 0o601])
    func `a key that everybody can use is refused`(mode: UInt16) throws {
        let outcome = try read(try place(keyMode: mode))
        #expect(
            throws: CertificateProblem.readableByOthers(
                path: folder + "/key.pem", permissions: UInt32(mode))
        ) { try outcome.get() }
    }

    @Test func `a key that its group can read is taken, one that it can change is told of`() throws
    {
        #expect(try read(try place(keyMode: 0o640)).get().warnings.isEmpty)
        #expect(
            try read(try place(keyMode: 0o660)).get().warnings
                == ["\(folder)/key.pem has mode 0660: its group can change it"])
    }

    @Test func `a certificate that everybody can change is refused`() throws {
        let outcome = try read(try place(certificateMode: 0o666))
        #expect(
            throws: CertificateProblem.writableByOthers(
                path: folder + "/cert.pem", permissions: 0o666)
        ) { try outcome.get() }
    }

    @Test func `a key that is too large, or not there, is refused`() throws {
        let large = String(repeating: "k", count: CertificateReader.keyLimitBytes + 1)
        let outcome = try read(try place(key: large))
        #expect(
            throws: CertificateProblem.tooLarge(
                path: folder + "/key.pem", limitBytes: CertificateReader.keyLimitBytes)
        ) { try outcome.get() }
        let place = try place()
        try FileManager.default.removeItem(atPath: folder + "/key.pem")
        let missing = try read(place)
        #expect(throws: CertificateProblem.self) { try missing.get() }
    }
}
