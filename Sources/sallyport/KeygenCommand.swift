import ArgumentParser
import AuditSegments
import Crypto
import LinuxIO
import Primitives

/// `sallyport keygen FILE`
struct KeygenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keygen",
        abstract: "Makes the Ed25519 key that signs the audit log, or an age identity.",
        discussion: """
            Writes the private key to FILE (PKCS #8 PEM, mode 0600) and prints the public key as \
            auditors use it: the verifier key of C2SP signed-note, and a fingerprint to compare \
            by telephone. An existing file is never touched; --show prints the public key of one.
            With --recipient, FILE is an age identity (X25519, mode 0600) that opens encrypted \
            logs, and its recipient is printed, for audit.recipients. Make it on another machine \
            than the proxy's, or move it there.
            """)

    @Argument(
        help: "The file to write: audit.pem, or audit-identity.txt with --recipient.",
        completion: .file(extensions: ["pem", "txt"]))
    var path: String?

    @Flag(help: "Make an age identity, and print its recipient.")
    var recipient = false

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

    private var file: String { path ?? (recipient ? "audit-identity.txt" : "audit.pem") }

    func run() throws {
        if recipient { return try runRecipient() }
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

    private func runRecipient() throws {
        let text = show ? try existingRecipient() : try freshRecipient()
        if json {
            let object = JSONValue.object([("file", .text(file)), ("recipient", .text(text))])
            StandardStream.output.writeLine(object.line)
            return
        }
        if !show { StandardStream.output.writeLine("wrote        \(file), readable by you only") }
        StandardStream.output.writeLine("recipient    \(text)")
    }

    private func freshRecipient() throws -> String {
        let made: (identity: AgeIdentity, text: String)
        do throws(CryptoError) {
            made = try AgeIdentity.generate()
        } catch {
            throw failure("OpenSSL cannot make a key: \(error)")
        }
        let recipient = made.identity.recipient.text
        try write(Array("# public key: \(recipient)\n\(made.text)\n".utf8))
        return recipient
    }

    private func existingRecipient() throws -> String {
        guard case .success(let identities) = AgeIdentity.list(in: try read()),
            let identity = identities.first
        else { throw failure("\(file) is no age identity file") }
        return identity.recipient.text
    }

    private func read() throws -> [UInt8] {
        do throws(SystemError) {
            return try FileReading.read(file, limitBytes: 1 << 16).bytes
        } catch {
            throw failure("\(file): \(error.description)")
        }
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

    private func write(_ bytes: [UInt8]) throws {
        do throws(SystemError) {
            try FileReading.create(file, bytes: bytes, mode: 0o600)
        } catch {
            throw failure("\(file): \(error.description)")
        }
    }

    private func existing() throws -> [UInt8] {
        let pem = try read()
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
