import Settings
import Testing

@Suite struct YAMLFileTests {
    @Test(arguments: [
        ("", "f.yaml:1:1: error: the file is empty"),
        ("# only a comment\n", "f.yaml:1:1: error: the file is empty"),
        ("- a\n- b\n", "f.yaml:1:1: error: the file must be a mapping, not a list"),
        ("version: 1\n\tx: 2\n", "f.yaml:2:1: error: "),
        ("a: [1, 2\n", "f.yaml:2:1: error: "),
        ("a: 1\n---\nb: 2\n", "f.yaml:2:1: error: expected a single document"),
        ("? [a]\n: 1\n", "f.yaml:1:3: error: a key must be text"),
        ("version: !secret x\n", "f.yaml:1:10: error: the tag '!secret' is refused"),
        ("version: &a 1\nroles: *a\n", "f.yaml:1:10: error: anchors and aliases are refused"),
        ("version: 1\nroles: *missing\n", "f.yaml:2:8: error: found undefined alias"),
    ])
    func `what is no settings file is refused at its place`(text: String, error: String) throws {
        let errors = try Fixture.errors(text)
        #expect(errors.contains { $0.hasPrefix(error) }, "\(errors)")
    }

    @Test func `bytes that are not UTF-8 are refused`() throws {
        let files = try Fixture.files()
        #expect(throws: SettingsError.self) {
            try Settings.parse([0x76, 0xFF, 0xFE], name: "f.yaml", files: files)
        }
    }

    @Test func `every duplicate key is reported, and the rest of the file is read`() throws {
        let text =
            Fixture.valid
            .replacing("    auth: none\n", with: "    auth: none\n    auth: corp\n")
            .replacing("version: 1\n", with: "version: 1\n\"version\": 1\n")
            .replacing("    upstream: orders\n", with: "    upstream: orders\n    upstreem: x\n")
            .replacing("key: subject,", with: "'key': subject, key: subject,")
        #expect(
            try Fixture.errors(text) == [
                "f.yaml:1:1: error: key 'version' stands twice in one mapping",
                "f.yaml:13:17: error: key 'key' stands twice in one mapping",
                "f.yaml:20:5: error: key 'auth' stands twice in one mapping",
                "f.yaml:29:5: error: unknown key 'upstreem' in routes[1], did you mean 'upstream'?",
            ])
    }

    @Test func `keys that differ by their type only are duplicates`() throws {
        let errors = try Fixture.errors("1: a\n\"1\": b\n")
        #expect(errors.contains("f.yaml:2:1: error: key '1' stands twice in one mapping"))
    }

    @Test func `a small file that aliases make huge is refused at once`() throws {
        var text = "a0: &a0 [x, x]\n"
        for level in 1..<40 {
            let last = "*a\(level - 1)"
            text += "a\(level): &a\(level) [\(last), \(last), \(last), \(last)]\n"
        }
        text += "? *a39\n: 1\n? *a39\n: 2\n"
        #expect(
            try Fixture.errors(text) == [
                "f.yaml:1:5: error: anchors and aliases are refused, write the value out where it "
                    + "is used"
            ])
    }

    @Test func `stars and ampersands that are no anchors stay`() throws {
        let text = Fixture.valid
            .replacing("path: /healthz", with: "path: '/*/**'")
            .replacing("body: ok", with: "body: 'a &b *c'")
            .replacing("auth: none", with: "auth: none # *d &e")
        #expect(try Fixture.errors(text).isEmpty)
    }

    @Test func `a file of too many values is refused once`() throws {
        let text = "roles: [" + String(repeating: "a,", count: 60_000) + "a]\n"
        let errors = try Fixture.errors(text)
        #expect(errors.filter { $0.contains("holds too much") }.count == 1)
    }

    @Test func `a file nested too deep is refused`() throws {
        let text = "roles: " + String(repeating: "[", count: 40) + String(repeating: "]", count: 40)
        let errors = try Fixture.errors(text)
        #expect(errors.contains { $0.contains("the file holds too much, limits") })
    }

    @Test func `a file past the limit is refused before it is parsed`() throws {
        let text = String(repeating: "#", count: (1 << 20) + 1)
        #expect(try Fixture.errors(text) == ["f.yaml:1:1: error: the file is larger than 1MiB"])
    }
}
