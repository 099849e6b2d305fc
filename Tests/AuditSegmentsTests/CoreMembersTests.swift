import Testing

@testable import AuditSegments

@Suite struct CoreMembersTests {
    @Test(arguments: [
        #"{"boot":"0b","seq":7,"ts":5,"worker":1}"#, #"{"boot":"0b","seq":7,"worker":-1}"#,
        #"{"boot":"0b","seq":0,"worker":1}"#, #"{"boot":"xyz","seq":7,"worker":1}"#,
        #"{"boot":"0b","boot":"0c","seq":7,"seq":8,"ts":1,"ts":2,"worker":1}"#,
        #"{"a":{"seq":9},"boot":"0b","seq":7,"tr":["\"","}"],"ts":3,"worker":2}"#,
        #"{"boot":"0b","seq":"7","worker":1}"#, #"{"boot":11,"seq":7,"worker":1}"#,
        "{}", "", "[]", #"{"boot":"0b","seq":7"#, #"{"boot" :"0b","seq":7,"worker":1}"#,
    ])
    func `one walk finds what looking each member up finds`(text: String) {
        let core = Array(text.utf8)
        let object = CanonicalObject(core)
        let members = CoreMembers(core)
        #expect(members.boot == object.string("boot").flatMap { UInt64($0, radix: 16) })
        #expect(members.sequence == object.integer("seq"))
        #expect(members.time == object.integer("ts"))
        #expect(members.worker == object.integer("worker"))
        for kind in [UInt8(1), 2, 3, 4, 6, 7, 9] {
            #expect(
                members.claim(kind: kind, core: core) == SequenceClaim(kind: kind, core: core))
        }
    }
}
