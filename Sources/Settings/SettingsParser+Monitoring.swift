import Primitives

extension SettingsParser {
    /// The section `metrics`: where health and metrics are asked for.
    func monitoringSettings(_ value: SettingValue, listeners: [ReadListener]) -> MonitoringSettings?
    {
        guard let section = Section(value, known: ["address"], diagnostics: diagnostics),
            let place = section.required("address"), let (host, port) = address(place)
        else { return nil }
        let isTaken = listeners.contains {
            $0.settings.port == port && port != 0 && $0.settings.host == host
        }
        if isTaken {
            diagnostics.error(place, "\(place.name) is the address of a listener: give it its own")
        }
        if !SettingsParser.isLoopback(host) {
            diagnostics.warning(
                place,
                "\(place.name) is \(host): whoever reaches it reads the metrics, without a credential"
            )
        }
        return MonitoringSettings(host: host, port: port)
    }

    /// Whether only this machine reaches the address literal `host`.
    static func isLoopback(_ host: String) -> Bool {
        let bytes = Array(host.utf8)
        guard let address = Identifier128(addressText: bytes.span) else { return false }
        let isIPv4Loopback = address.high == 0 && address.low >> 24 == 0xFF_FF7F
        return isIPv4Loopback || (address.high == 0 && address.low == 1)
    }
}
