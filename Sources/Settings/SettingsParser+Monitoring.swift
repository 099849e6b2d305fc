import Primitives

extension SettingsParser {
    /// The section `metrics`: where health and metrics are asked for.
    func monitoringSettings(_ value: SettingValue, listeners: [ReadListener]) -> MonitoringSettings?
    {
        guard
            let section = Section(value, known: ["address", "socket"], diagnostics: diagnostics),
            let place = listeningPlace(section)
        else { return nil }
        let key = section.optional(place.word) ?? value
        if listeners.contains(where: { ListeningPlace($0.settings).isTaken(by: place) }) {
            diagnostics.error(
                key, "\(key.name) is the \(place.word) of a listener: give it its own")
        }
        if place.socketName == nil, !SettingsParser.isLoopback(place.host) {
            diagnostics.warning(
                key,
                "\(key.name) is \(place.host): whoever reaches it reads the metrics, without a "
                    + "credential")
        }
        var settings = MonitoringSettings(host: place.host, port: place.port)
        settings.socketName = place.socketName
        return settings
    }

    /// Whether only this machine reaches the address literal `host`.
    static func isLoopback(_ host: String) -> Bool {
        let bytes = Array(host.utf8)
        guard let address = Identifier128(addressText: bytes.span) else { return false }
        let isIPv4Loopback = address.high == 0 && address.low >> 24 == 0xFF_FF7F
        return isIPv4Loopback || (address.high == 0 && address.low == 1)
    }
}
