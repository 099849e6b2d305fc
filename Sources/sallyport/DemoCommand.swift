import ArgumentParser
import LinuxIO
import Primitives
import Supervisor

/// `sallyport demo`: everything needed to see the proxy at work, in one command.
struct DemoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract:
            "Start an upstream, keys, certificates, tokens and the proxy; print what to try.",
        discussion:
            "Keys, certificates, tokens, settings and the log are kept in DIR. Ctrl-C ends it.")

    @Option(name: .long, help: ArgumentHelp("The folder to keep it all in.", valueName: "dir"))
    var directory = "demo"

    private static let securePorts: ClosedRange<UInt16> = 8443...8542
    private static let plainPorts: ClosedRange<UInt16> = 8080...8179

    func validate() throws {
        let plain = directory.utf8.allSatisfy {
            $0 >= 0x20 && $0 != 0x22 && $0 != 0x5C && $0 != 0x27
        }
        guard plain, !directory.isEmpty else {
            throw ValidationError("--directory holds no quotes, backslashes or control characters")
        }
    }

    func run() throws {
        let files = DemoFiles(directory: directory)
        do {
            try Supervisor.holdSignals()
            let ports = DemoPorts(
                secure: try DemoCommand.freePort(DemoCommand.securePorts),
                plain: try DemoCommand.freePort(DemoCommand.plainPorts))
            try files.write(ports: ports, upstream: try DemoCommand.startUpstream())
        } catch {
            StandardStream.error.writeLine("sallyport: \(error)")
            throw ExitCode.doesNotHold
        }
        try ServeCommand.serve(files.settings) { listeners in
            guard listeners.count == 2 else { return }
            StandardStream.output.writeLine(
                text(
                    files, url: "https://\(listeners[0].address)",
                    plain: "http://\(listeners[1].address)"))
        }
    }

    private static func startUpstream() throws(DemoError) -> SocketAddress {
        do throws(SystemError) { return try DemoUpstream.start() } catch { throw .upstream(error) }
    }

    /// The first of `ports` that nobody listens on.
    ///
    /// Binding alone would not tell: listeners share an address with SO_REUSEPORT, and a second
    /// demonstration would be given half of the first one's connections.
    private static func freePort(_ ports: ClosedRange<UInt16>) throws(DemoError) -> UInt16 {
        for port in ports {
            let address = SocketAddress(PeerAddress(ipv4: 0x7F00_0001, port: port))
            if isAnswered(address) { continue }
            if (try? Listener(address: address, backlog: 1)) != nil { return port }
        }
        throw .portsTaken(from: ports.lowerBound, to: ports.upperBound)
    }

    private static func isAnswered(_ address: SocketAddress) -> Bool {
        guard let stream = try? Descriptor.connecting(to: address) else { return false }
        return stream.connectError() == 0
    }

    private func text(_ files: DemoFiles, url: String, plain: String) -> String {
        let audit = DemoCommand.auditTool()
        let trust = "--cacert '\(directory)/\(DemoCertificates.authority.certificate)'"
        let service = DemoCertificates.service
        let shown =
            "--cert '\(directory)/\(service.certificate)' --key '\(directory)/\(service.key)'"
        func curl(_ user: DemoFiles.User?, _ rest: String) -> String {
            let token = user.map {
                "-H \"Authorization: Bearer $(cat '\(directory)/\($0.file)')\" "
            }
            return "curl -i \(trust) \(token ?? "")\(rest)"
        }
        let burst =
            "for n in 1 2 3 4 5 6 7 8; do curl -s -o /dev/null \(trust) "
            + "-w '%{http_code} retry-after: %header{retry-after}\\n' "
            + "-H \"Authorization: Bearer $(cat '\(directory)/\(DemoFiles.admin.file)')\" "
            + "\(url)/reports/today; done"
        return """

            Sallyport answers on \(url) until you press Ctrl-C. Settings: \(files.settings)
            \(plain) only leads there.
            Copy these into another terminal, in this folder.

            # The log as it grows, one line of JSON per request:
            \(audit) tail -f '\(files.log)'

            # Allowed: a reader reads an order. The answer carries the receipt of its record.
            \(curl(DemoFiles.reader, "\(url)/orders/7"))

            # 401: nobody said who is asking.
            \(curl(nil, "\(url)/orders/7"))

            # 403: a reader may not delete; a user without roles may not even read.
            \(curl(DemoFiles.reader, "-X DELETE \(url)/orders/7"))
            \(curl(DemoFiles.nobody, "\(url)/orders/7"))

            # 429: five reports at once, then one every five seconds.
            \(burst)

            # A certificate instead of a token: the service that it names reads the stock.
            \(curl(nil, "\(shown) \(url)/stock/7"))

            # Plain HTTP is sent on to TLS, where Strict-Transport-Security says: stay there.
            \(curl(nil, "-L \(plain)/healthz"))

            # Who was refused, and why:
            \(audit) search '\(files.log)' --outcome deny

            # The proof: every record is there, and is what was signed.
            \(audit) verify '\(files.log)'

            """
    }

    /// The auditor's tool that was built beside this program.
    private static func auditTool() -> String {
        let program = CommandLine.arguments.first ?? ""
        guard let slash = program.lastIndex(of: "/") else { return "sallyport-audit" }
        return "\(program[...slash])sallyport-audit"
    }
}
