import Primitives

/// Where a socket of the proxy listens: at an address, or where systemd has opened it.
struct ListeningPlace: Equatable {
    var host = ""
    var port: UInt16 = 0
    var socketName: String?

    /// What it is given by, for people.
    var word: String { socketName == nil ? "address" : "socket" }

    /// Whether `other` would be the same place; a port that the kernel chooses never is.
    func isTaken(by other: ListeningPlace) -> Bool {
        self == other && (socketName != nil || port != 0)
    }
}

extension ListeningPlace {
    /// The place of a listener.
    init(_ settings: ListenerSettings) {
        self.init(host: settings.host, port: settings.port, socketName: settings.socketName)
    }
}

extension SettingsParser {
    /// What stands before the name of a socket.
    private static let socketPrefix = "systemd:"

    /// `address` or `socket`, one of the two.
    func listeningPlace(_ section: Section) -> ListeningPlace? {
        guard let socket = section.optional("socket") else {
            return section.required("address").flatMap(address).map {
                ListeningPlace(host: $0.host, port: $0.port)
            }
        }
        if section.optional("address") != nil {
            diagnostics.error(
                socket, "\(socket.name): give an address, or a socket that systemd opens, not both")
            return nil
        }
        return socketName(socket).map { ListeningPlace(socketName: $0) }
    }

    /// The name in `systemd:NAME`.
    private func socketName(_ value: SettingValue) -> String? {
        guard let text = diagnostics.text(value) else { return nil }
        let name = String(text.dropFirst(SettingsParser.socketPrefix.count))
        guard text.hasPrefix(SettingsParser.socketPrefix), Diagnostics.isName(name) else {
            diagnostics.error(
                value,
                "\(value.name) is \(value.kind), not systemd:NAME, the FileDescriptorName= of a "
                    + "socket unit")
            return nil
        }
        return name
    }

    func address(_ value: SettingValue) -> (host: String, port: UInt16)? {
        guard let text = diagnostics.text(value) else { return nil }
        guard let (host, port) = SettingsParser.hostAndPort(text, defaultPort: nil) else {
            diagnostics.error(
                value,
                "\(value.name) is \(value.kind), not an address and port such as 0.0.0.0:8080 or "
                    + "[::]:8080")
            return nil
        }
        let bytes = Array(host.utf8)
        guard Identifier128(addressText: bytes.span) != nil else {
            let all = "0.0.0.0 or [::] listens on all addresses"
            diagnostics.error(
                value, "\(value.name): '\(host.shortened)' is not an address literal; \(all)")
            return nil
        }
        return (host, port)
    }
}
