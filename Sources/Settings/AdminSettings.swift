/// Where administrators talk to the running proxy.
public struct AdminSettings: Sendable, Equatable {
    /// Path of the Unix socket.
    public var socketPath: String
    /// The group whose members may connect, beside the proxy's own user and root; nil for nobody.
    public var group: UInt32?

    /// A socket at `socketPath`.
    public init(socketPath: String, group: UInt32? = nil) {
        self.socketPath = socketPath
        self.group = group
    }
}

extension SettingsParser {
    /// Longest path that a Unix socket can have (unix(7)), without the zero that ends it.
    private static let limitSocketBytes = 107

    /// The section `admin`; nil when it is refused.
    func adminSettings(_ value: SettingValue) -> AdminSettings? {
        guard
            let section = Section(value, known: ["socket", "group"], diagnostics: diagnostics),
            let socket = section.required("socket"),
            let path = diagnostics.text(socket, limitBytes: SettingsParser.limitSocketBytes)
        else { return nil }
        guard path.hasPrefix("/") else {
            diagnostics.error(socket, "\(socket.name) is \(socket.kind), not an absolute path")
            return nil
        }
        var settings = AdminSettings(socketPath: path)
        if let group = section.optional("group") {
            guard let number = diagnostics.number(group, in: 0...Int(UInt32.max) - 1) else {
                return nil
            }
            settings.group = UInt32(number)
        }
        return settings
    }
}
