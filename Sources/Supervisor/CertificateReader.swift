import Crypto
import LinuxIO
import Primitives
import TLS

/// What the files of one place hold, and what tells them from others.
struct CertificateContent: Sendable {
    /// The bytes, as TLS takes them.
    enum Files: Sendable {
        case server(TLSServerFiles)
        case client(TLSClientFiles)
    }

    let files: Files
    /// SHA-256 over all of them.
    let digest: Digest256
    /// What is allowed, but probably not meant.
    let warnings: [String]
}

/// Reads the files that TLS needs; private keys go straight into the secure heap.
struct CertificateReader: ~Copyable, Sendable {
    private let library: CryptoLibrary
    private var hash: SHA256
    private var warnings: [String] = []

    /// Largest private key.
    static let keyLimitBytes = 1 << 16
    /// Largest chain, or bundle of authorities.
    static let chainLimitBytes = 4 << 20
    /// Largest file of revocation lists.
    static let revocationsLimitBytes = 32 << 20
    /// Largest OCSP response.
    static let ocspLimitBytes = 1 << 16

    init() throws(CryptoError) {
        let library = try CryptoLibrary()
        let hash = try SHA256(library)
        self.library = library
        self.hash = hash
    }

    /// Reads all files of `place`.
    mutating func read(_ place: TLSPlace) throws(CertificateProblem) -> CertificateContent {
        hash.begin()
        warnings = []
        let files: CertificateContent.Files =
            switch place.side {
            case .listener(let settings): .server(try serverFiles(settings))
            case .upstream(let settings, _): .client(try clientFiles(settings))
            }
        return CertificateContent(files: files, digest: hash.finish(), warnings: warnings)
    }

    private mutating func serverFiles(
        _ settings: TLSServerSettings
    ) throws(CertificateProblem) -> TLSServerFiles {
        var files = TLSServerFiles(certificates: [])
        for certificate in settings.certificates {
            files.certificates.append(try self.certificate(certificate))
        }
        files.clientAuthorities = try bytes(
            settings.clientAuthorities, limitBytes: CertificateReader.chainLimitBytes)
        files.clientRevocations = try bytes(
            settings.clientRevocations, limitBytes: CertificateReader.revocationsLimitBytes)
        return files
    }

    private mutating func clientFiles(
        _ settings: TLSClientSettings
    ) throws(CertificateProblem) -> TLSClientFiles {
        var files = TLSClientFiles()
        files.authorities = try bytes(
            settings.authorities, limitBytes: CertificateReader.chainLimitBytes)
        if let certificate = settings.certificate {
            files.certificate = try self.certificate(certificate)
        }
        return files
    }

    private mutating func certificate(
        _ files: CertificateFiles
    ) throws(CertificateProblem) -> CertificateBytes {
        let chain = try bytes(
            files.certificate, limitBytes: CertificateReader.chainLimitBytes)
        let key = try key(files.key)
        let ocsp = try bytes(files.ocsp, limitBytes: CertificateReader.ocspLimitBytes)
        return CertificateBytes(certificate: chain ?? [], key: key, ocsp: ocsp)
    }

    /// The file at `path`; nil when the settings name none.
    private mutating func bytes(
        _ path: String?, limitBytes: Int
    ) throws(CertificateProblem) -> [UInt8]? {
        guard let path else {
            addLength(0)
            return nil
        }
        let (bytes, status): ([UInt8], FileStatus)
        do throws(SystemError) {
            (bytes, status) = try FileReading.read(path, limitBytes: limitBytes)
        } catch {
            throw .unreadable(path: path, error)
        }
        guard bytes.count <= limitBytes else {
            throw .tooLarge(path: path, limitBytes: limitBytes)
        }
        // Whoever can change a list of authorities decides who is believed.
        guard status.permissions & 0o002 == 0 else {
            throw .writableByOthers(path: path, permissions: status.permissions & 0o777)
        }
        addLength(bytes.count)
        hash.update(bytes.span)
        return bytes
    }

    /// The private key's file at `path`.
    private mutating func key(_ path: String) throws(CertificateProblem) -> SecretBytes {
        let file = try CertificateReader.open(path)
        let status = file.status
        try CertificateReader.check(status, path)
        let key: SecretBytes?
        do throws(SystemError) {
            // One more tells a file that grew.
            key = try SecretBytes(capacity: Int(status.byteCount) + 1) {
                (output: inout OutputSpan<UInt8>) throws(SystemError) in
                try file.read(into: &output)
            }
        } catch {
            throw .unreadable(path: path, error)
        }
        guard let key else { throw .secureHeapFull(path: path) }
        guard key.count <= status.byteCount else { throw .changing(path: path) }
        if status.permissions & 0o020 != 0 {
            let mode = String(status.permissions & 0o777, radix: 8)
            warnings.append("\(path) has mode 0\(mode): its group can change it")
        }
        addLength(key.count)
        hash.update(key.bytes)
        return key
    }

    private static func open(_ path: String) throws(CertificateProblem) -> OpenedFile {
        do throws(SystemError) {
            return try OpenedFile(path: path)
        } catch {
            throw .unreadable(path: path, error)
        }
    }

    private static func check(_ status: FileStatus, _ path: String) throws(CertificateProblem) {
        guard status.byteCount <= keyLimitBytes else {
            throw .tooLarge(path: path, limitBytes: keyLimitBytes)
        }
        guard status.permissions & 0o007 == 0 else {
            throw .readableByOthers(path: path, permissions: status.permissions & 0o777)
        }
    }

    /// Lengths go into the digest, so that no two sets of files have the same bytes.
    private mutating func addLength(_ count: Int) {
        let text = Array("\(count) ".utf8)
        hash.update(text.span)
    }
}
