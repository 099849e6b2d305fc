import ArgumentParser
import Authorization
import Crypto
import LinuxIO
import Primitives
import Settings

/// `sallyport explain --config FILE --method M --path P`
struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Says what would happen to a request, and why. Nothing is sent or counted.",
        discussion: """
            The proxy's own parser, matcher and token checks decide. The exit status is 0 when the \
            request would pass, 1 when it would be refused, and 2 when there is no answer.
            """)

    @Option(help: "The settings file.", completion: .file(extensions: ["yaml", "yml"]))
    var config: String

    @Option(help: "The request's method.")
    var method = "GET"

    @Option(help: "The request's path, perhaps with a query.")
    var path: String

    @Option(help: "The request's host.")
    var host = "localhost"

    @Option(help: "The bearer token. Other users of this machine can see it: see --token-file.")
    var token: String?

    @Option(help: "A file that holds the bearer token.", completion: .file())
    var tokenFile: String?

    @Flag(help: "Print one JSON object instead.")
    var json = false

    func validate() throws {
        guard token == nil || tokenFile == nil else {
            throw ValidationError("--token and --token-file exclude each other")
        }
    }

    func run() throws {
        let settings = try loadSettings(config)
        let request = ExplainedRequest(
            method: method, path: path, host: host, token: try bearerToken())
        let explanation: Explanation
        do throws(CryptoError) {
            explanation = try Explanation(request, settings: settings, now: SystemClock.wall())
        } catch {
            StandardStream.error.writeLine("OpenSSL cannot check tokens: \(error)")
            throw ExitCode.couldNotTell
        }
        if json {
            StandardStream.output.writeLine(explanation.json.line)
        } else {
            StandardStream.output.writeLine("request    \(method) \(path) for \(host)")
            for line in explanation.lines { StandardStream.output.writeLine(line) }
        }
        if !explanation.isAllowed { throw ExitCode.doesNotHold }
    }

    private func bearerToken() throws -> String? {
        guard let tokenFile else { return token }
        do throws(SystemError) {
            let bytes = try FileReading.read(tokenFile, limitBytes: 1 << 17).bytes
            var text = String(decoding: bytes, as: UTF8.self)
            while let last = text.last, last.isWhitespace { text.removeLast() }
            return text
        } catch {
            StandardStream.error.writeLine("\(tokenFile): \(error.description)")
            throw ExitCode.couldNotTell
        }
    }
}

extension Explanation {
    /// The explanation as an object.
    var json: JSONValue {
        .object([
            ("allowed", .bool(isAllowed)), ("reason", .text("\(reason.code)")),
            ("status", status == 0 ? .null : .number(Int64(status))), ("path", .optional(path)),
            ("route", .optional(route)), ("tried", .list(tried.map(\.json))),
            ("auth", .texts(accepted)), ("identity", identity?.json ?? .null),
            ("rules", .list(rules.map { .texts($0) })),
            ("certificates", .list(certificates.map { .texts($0) })),
            ("rule", rule.map { .number(Int64($0)) } ?? .null), ("role", .optional(role)),
            (
                "limits",
                .list(
                    limits.map { .object([("name", .text($0.name)), ("limit", .text($0.text))]) })
            ), ("upstream", .optional(upstream)), ("endpoints", .texts(endpoints)),
            ("audit_mode", .optional(auditMode)),
        ])
    }
}

extension Explanation.Tried {
    fileprivate var json: JSONValue {
        let why: JSONValue =
            switch mismatch {
            case .host: .text("host")
            case .path: .text("path")
            case .method: .text("method")
            case nil: .null
            }
        return .object([("route", .text(route)), ("mismatch", why)])
    }
}

extension Explanation.Identity {
    fileprivate var json: JSONValue {
        .object([
            ("issuer", .text(issuer)), ("subject", .text(subject)), ("client_id", .text(clientID)),
            ("roles", .texts(roles)), ("ignored_roles", .number(Int64(ignoredRoles))),
            ("expires", .number(expires)),
        ])
    }
}
