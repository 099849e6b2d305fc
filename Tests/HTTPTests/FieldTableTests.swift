import HTTP
import Primitives
import Testing

@Suite struct FieldTableTests {
    @Test func `known names are found, first of all and counted`() throws {
        var head = RequestHead(limits: HTTPLimits())
        var scanned = 0
        let text = get("Via: 1.1 a", "X: y", "Cookie: c", "Via: 1.1 b", "via: 1.1 c", "Z: z")
        let bytes = Array(text.utf8)
        _ = try head.parse(bytes.span, scanned: &scanned)
        let found = (
            via: head.fields.first(.via), cookie: head.fields.first(.cookie),
            date: head.fields.first(.date), other: head.fields.first(.other)
        )
        #expect(found.via == 1)
        #expect(found.cookie == 3)
        #expect(found.date == nil)
        #expect(found.other == nil)
        let counts = (
            via: head.fields.count(of: .via), cookie: head.fields.count(of: .cookie),
            date: head.fields.count(of: .date), other: head.fields.count(of: .other)
        )
        #expect(counts == (via: 3, cookie: 1, date: 0, other: 2))
        let repeated = (via: head.fields.isRepeated(.via), cookie: head.fields.isRepeated(.cookie))
        #expect(repeated == (via: true, cookie: false))
    }

    @Test func `a field outside the table cannot be asked for`() async {
        await #expect(processExitsWith: .failure) {
            let head = RequestHead(limits: HTTPLimits())
            _ = head.fields[0]
        }
    }
}
