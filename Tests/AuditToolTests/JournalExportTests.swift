import Foundation
import Testing

@testable import sallyport_audit

@Suite struct JournalExportTests {
    private func notes(_ text: String) throws -> [JournalExport.Message] {
        let path = FileManager.default.temporaryDirectory.path + "/sallyport-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        let found = Found()
        do throws(ToolError) {
            try JournalExport.read(path) { found.messages.append($0) }
        } catch {
            guard case .unreadable(path, let why) = error else { throw error }
            throw ToolError.unreadable(file: "", why: why)
        }
        return found.messages
    }

    private final class Found {
        var messages: [JournalExport.Message] = []
    }

    private static let id = "\"MESSAGE_ID\":\"\(JournalExport.identifier)\""

    @Test func `checkpoints are found among other messages, as text or as bytes`() throws {
        let text = """
            {"MESSAGE":"hello","_PID":"1"}
            {\(Self.id),"SALLYPORT_NOTE":"a\\nb\\n"}
            {"SALLYPORT_NOTE":[97,10,255],\(Self.id),"X":null}
            {"SALLYPORT_NOTE":"x","MESSAGE_ID":"other"}
            {\(Self.id)}
            {\(Self.id),"SALLYPORT_NOTE":[256]}

            """
        #expect(
            try notes(text) == [
                JournalExport.Message(line: 2, note: Array("a\nb\n".utf8)),
                JournalExport.Message(line: 3, note: [97, 10, 255]),
                JournalExport.Message(line: 5, note: []),
                JournalExport.Message(line: 6, note: []),
            ])
        #expect(try notes("") == [])
    }

    @Test(arguments: ["x\n", "[]\n", "{\n", "{} {}\n", "\n"])
    func `a line of something else is named`(line: String) {
        let why = "line 2 is not a message of journalctl --output=json"
        #expect(throws: ToolError.unreadable(file: "", why: why)) { try notes("{}\n" + line) }
    }

    @Test func `a line that does not end is refused`() {
        #expect(throws: ToolError.unreadable(file: "", why: "line 1 does not end")) {
            try notes("{}")
        }
    }
}
