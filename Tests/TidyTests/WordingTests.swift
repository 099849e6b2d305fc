import Testing

/// What has no place in a repository: where somebody built it, and what somebody fetched it from.
@Suite struct WordingTests {
    /// Taken apart, so that this file does not say them.
    static let refused = [
        "/wo" + "rk/", "/ro" + "ot/", "/ho" + "me/", "/opt/" + "swift", "/tmp/" + "plan",
        "insteadOf" + " =", "pypi" + ".org/", "find-" + "links", "index-" + "url",
        "BEGIN RSA " + "PRIVATE",
    ]

    @Test(arguments: refused)
    func `no file says`(text: String) {
        for file in SourceTree.current.files {
            for (index, line) in file.lines.enumerated() {
                #expect(line.contains(text) == false, "\(file.path):\(index + 1) says \(text)")
            }
        }
    }

    @Test func `text ends its lines plainly`() {
        for file in SourceTree.current.files where ShapeTests.isOurCode(file.path) {
            for (index, line) in file.lines.enumerated() {
                #expect(
                    line.hasSuffix(" ") == false && line.contains("\t") == false
                        && line.hasSuffix("\r") == false,
                    "\(file.path):\(index + 1) has a tab or a space at its end")
            }
        }
    }
}
