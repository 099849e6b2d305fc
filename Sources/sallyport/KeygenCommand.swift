import ArgumentParser
import AuditSegments
import Crypto
import LinuxIO
import Primitives

/// `sallyport keygen FILE`
struct KeygenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keygen",
        abstract: "Makes the Ed25519 key that signs the audit log.",
        discussion: """
            Writes the private key to FILE (PKCS #8 PEM, mode 0600) and prints the public key as \
            auditors use it: the verifier key of C2SP signed-note, and a fingerprint to compare \
            by telephone. An existing file is never touched; --show prints the public key of one.
            """)

    @Argument(help: "The file to write.", completion: .file(extensions: ["pem"]))
    var file = "audit.pem"

    @Option(help: "The log's public name: audit.origin of the settings file.")
    var origin = "sallyport"

    @Flag(help: "Print the public key of the existing FILE instead of making one.")
    var show = false

    @Flag(help: "Print one JSON object instead.")
    var json = false

    func validate() throws {
        guard NoteKey.isName(origin) else {
            throw ValidationError("--origin has no white space and no '+'")
        }
    }

    func run() throws {
        let publicKey = show ? try existing() : try fresh()
        let key = try noteKey(publicKey)
        let fingerprint = try fingerprint(publicKey)
        if json {
            let object = JSONValue.object([
                ("file", .text(file)), ("vkey", .text(key.text)),
                ("fingerprint", .text(fingerprint)),
            ])
            StandardStream.output.writeLine(object.line)
            return
        }
        if !show { StandardStream.output.writeLine("wrote        \(file), readable by you only") }
        StandardStream.output.writeLine("vkey         \(key.text)")
        StandardStream.output.writeLine("fingerprint  \(fingerprint)")
        StandardStream.output.writeLine(
            "note         a log signs as \(origin)/<log id>; its own vkey stands in each segment")
    }

    private func fresh() throws -> [UInt8] {
        let pem: [UInt8]
        let publicKey: [UInt8]
        do throws(CryptoError) {
            let key = try SigningKey.generate()
            pem = try key.pem()
            publicKey = key.publicKey
        } catch {
            throw failure("OpenSSL cannot make a key: \(error)")
        }
        try write(pem)
        return publicKey
    }

    private func write(_ pem: [UInt8]) throws {
        do throws(SystemError) {
            try FileReading.create(file, bytes: pem, mode: 0o600)
        } catch {
            throw failure("\(file): \(error.description)")
        }
    }

    private func existing() throws -> [UInt8] {
        let pem: [UInt8]
        do throws(SystemError) {
            pem = try FileReading.read(file, limitBytes: 1 << 16).bytes
        } catch {
            throw failure("\(file): \(error.description)")
        }
        do throws(CryptoError) {
            return try SigningKey(pem: pem).publicKey
        } catch {
            throw failure("\(file) is not an Ed25519 private key in PKCS #8 PEM form")
        }
    }

    private func noteKey(_ publicKey: [UInt8]) throws -> NoteKey {
        do throws(EvidenceError) {
            return try NoteKey(name: origin, publicKey: publicKey)
        } catch {
            throw failure("no verifier key can be named '\(origin)'")
        }
    }

    /// SHA-256 of the 32 bytes of the public key, in hexadecimal.
    private func fingerprint(_ publicKey: [UInt8]) throws -> String {
        do throws(CryptoError) {
            let library = try CryptoLibrary()
            var hash = try SHA256(library)
            let digest = hash.digest(publicKey.span)
            var buffer = ByteBuffer(capacity: 64)
            buffer.write { $0.appendHex(digest) }
            return "SHA256:" + buffer.span.text()
        } catch {
            throw failure("OpenSSL offers no SHA-256")
        }
    }

    private func failure(_ message: String) -> ExitCode {
        StandardStream.error.writeLine(message)
        return .couldNotTell
    }
}
