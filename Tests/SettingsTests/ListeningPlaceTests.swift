import Settings
import Testing

@Suite struct ListeningPlaceTests {
    @Test func `listeners and metrics take sockets that systemd opens`() throws {
        let text = Fixture.valid
            .replacing("    address: 127.0.0.1:8080\n", with: "    socket: systemd:https\n")
            .replacing("version: 1\n", with: "version: 1\nmetrics: {socket: systemd:metrics}\n")
        let settings = try Fixture.parse(text)
        #expect(settings.listeners.map(\.socketName) == ["https"])
        #expect(settings.monitoring?.socketName == "metrics")
        #expect(settings.warnings.isEmpty)
        let shared = text.replacing("systemd:metrics", with: "systemd:https")
        #expect(
            try Fixture.errors(shared).first?.contains(
                "metrics.socket is the socket of a listener: give it its own") == true)
    }

    @Test(arguments: [
        Refusal(
            "    address: 127.0.0.1:8080\n", "    socket: https\n",
            "listeners.public.socket is 'https', not systemd:NAME"),
        Refusal(
            "    address: 127.0.0.1:8080\n", "    socket: 'systemd:a:b'\n",
            "listeners.public.socket is 'systemd:a:b', not systemd:NAME"),
        Refusal(
            "  public:\n    address: 127.0.0.1:8080\n",
            "  b: {socket: systemd:x}\n  public:\n    socket: systemd:x\n",
            "listeners.public has the socket of an earlier listener"),
        Refusal(
            "version: 1", "version: 1\nmetrics: {address: 127.0.0.1:1, socket: systemd:x}",
            "metrics.socket: give an address, or a socket that systemd opens, not both"),
    ])
    func `what names no socket, or one twice, is refused`(refusal: Refusal) throws {
        try refusal.check()
    }
}
