import HTTP
import Primitives
import Testing

@Suite struct MethodTests {
    @Test(arguments: Method.allCases)
    func `a method is read as it is written`(method: Method) {
        let name = "\(method.name)"
        let bytes = Array(name.utf8)
        #expect(Method(bytes.span) == method)
        let lower = Array(name.lowercased().utf8)
        #expect(Method(lower.span) == .other)
        let longer = Array((name + "S").utf8)
        #expect(Method(longer.span) == .other)
    }

    @Test func `RFC 9110 §9.2.2: safe methods, PUT and DELETE are idempotent`() {
        let idempotent: [Method] = [.get, .head, .put, .delete, .options, .trace]
        #expect(Method.allCases.filter(\.isIdempotent) == idempotent)
    }
}
