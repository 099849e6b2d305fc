import Crypto
import Foundation
import Primitives
import TLS

/// The files of Tests/Vectors/tls. Every key there is a test key.
enum TestFiles {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Vectors/tls")

    /// The bytes of one file.
    static func bytes(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: folder.appending(path: name)))
    }

    /// The bytes of one file, as a secret.
    static func secret(_ name: String) throws -> SecretBytes {
        let text = try bytes(name)
        let copy = SecretBytes(copying: text.span)
        guard let copy else { throw CocoaError(.fileReadUnknown) }
        return copy
    }

    /// A certificate with its key, or with another's.
    static func pair(
        _ name: String, key: String? = nil, ocsp: String? = nil
    ) throws -> CertificateBytes {
        CertificateBytes(
            certificate: try bytes(name + ".pem"), key: try secret(key ?? name + ".key"),
            ocsp: try ocsp.map { try bytes($0) })
    }

    /// The paths of a certificate.
    static func paths(
        _ name: String, key: String? = nil, ocsp: String? = nil
    ) -> CertificateFiles {
        CertificateFiles(certificate: name + ".pem", key: key ?? name + ".key", ocsp: ocsp)
    }
}

/// A moment at which the test certificates are valid: 2026-07-01.
let validTime = WallTime(microseconds: 1_782_864_000_000_000)

/// How a test's listener differs from the defaults.
struct TestListener {
    var certificates = ["server-ecdsa"]
    var key: String?
    var ocsp: String?
    var authorities: String?
    var revocations: String?
    var authentication = ClientAuthentication.off
    var depth = 3
    var minimum = TLSVersion.tls12
    var unknown = UnknownServerName.useDefault
    var tickets = SessionTicketSettings()
    var name = "public"
    var now = validTime

    /// Its context.
    func context(_ library: TLSLibrary) throws -> TLSServerContext {
        var settings = TLSServerSettings(
            certificates: certificates.map { TestFiles.paths($0, key: key, ocsp: ocsp) })
        settings.clientAuthorities = authorities
        settings.clientRevocations = revocations
        settings.clientAuthentication = authentication
        settings.clientVerificationDepth = depth
        settings.minimumVersion = minimum
        settings.unknownServerName = unknown
        settings.tickets = tickets
        let files = TLSServerFiles(
            certificates: try certificates.map { try TestFiles.pair($0, key: key, ocsp: ocsp) },
            clientAuthorities: try authorities.map { try TestFiles.bytes($0) },
            clientRevocations: try revocations.map { try TestFiles.bytes($0) })
        return try TLSServerContext(
            settings, files: files, listener: name, library: library, now: now)
    }

    /// What makes the context impossible; nil when nothing does.
    func failure() throws -> TLSError? {
        let library = try TLSLibrary()
        do {
            _ = try context(library)
            return nil
        } catch let error as TLSError {
            return error
        }
    }
}

/// How a test's upstream differs from the defaults.
struct TestUpstream {
    var authorities: String? = "root.pem"
    var certificate: String?
    var hosts = ["www.example.test"]
    var serverName: String?
    var minimum = TLSVersion.tls12
    var acceptsAnyCertificate = false

    /// Its context.
    func context(_ library: TLSLibrary) throws -> TLSClientContext {
        var settings = TLSClientSettings()
        settings.authorities = authorities
        settings.certificate = certificate.map { TestFiles.paths($0) }
        settings.serverName = serverName
        settings.minimumVersion = minimum
        settings.acceptsAnyCertificate = acceptsAnyCertificate
        let files = TLSClientFiles(
            authorities: try authorities.map { try TestFiles.bytes($0) },
            certificate: try certificate.map { try TestFiles.pair($0) })
        return try TLSClientContext(
            settings, files: files, hosts: hosts, library: library, now: validTime)
    }
}
