import Testing

@testable import TLS

@Suite struct TicketKeysTests {
    private func settings(lifetime: UInt32, rotation: UInt32) -> SessionTicketSettings {
        var settings = SessionTicketSettings()
        settings.lifetimeSeconds = lifetime
        settings.rotationSeconds = rotation
        return settings
    }

    private func name(_ keys: TicketKeys, _ place: Int = 0) -> [UInt8] {
        bytes(keys, TicketKeys.name(place))
    }

    private func bytes(_ keys: TicketKeys, _ range: Range<Int>) -> [UInt8] {
        let secret = keys.secret
        let all = secret.bytes
        var copy: [UInt8] = []
        for index in range { copy.append(all[index]) }
        return copy
    }

    private func find(_ name: [UInt8], in keys: TicketKeys) -> Int? {
        keys.find(name.span)
    }

    @Test func `a rotation puts a new key before the others`() throws {
        let first = try TicketKeys(SessionTicketSettings())
        let second = try first.rotated()
        #expect(first.count == 1)
        #expect(second.count == 2)
        #expect(find(name(first), in: first) == 0)
        #expect(find(name(first), in: second) == 1)
        #expect(find(name(second), in: second) == 0)
        #expect(find(name(second), in: first) == nil)
        #expect(find([1, 2, 3], in: first) == nil)
    }

    @Test func `a key moves whole`() throws {
        let first = try TicketKeys(SessionTicketSettings())
        let second = try first.rotated()
        for (old, new) in [
            (TicketKeys.cipherKey(0), TicketKeys.cipherKey(1)),
            (TicketKeys.macKey(0), TicketKeys.macKey(1)),
        ] {
            let before = bytes(first, old)
            let after = bytes(second, new)
            #expect(before == after)
            #expect(Set(before).count > 8)
        }
    }

    @Test(arguments: [(43_200, 14_400, 4), (100, 30, 5), (10, 100, 2), (604_800, 1, 65)])
    func `a key goes when its last ticket has run out`(
        lifetime: UInt32, rotation: UInt32, most: Int
    ) throws {
        var keys = try TicketKeys(settings(lifetime: lifetime, rotation: rotation))
        for _ in 0..<70 { keys = try keys.rotated() }
        #expect(keys.count == most)
    }
}
