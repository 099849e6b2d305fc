/// Micro-benchmarks of what a request passes through.
///
/// usage: Micro [--filter TEXT] [--rounds N] [--milliseconds N]
@main
enum Micro {
    static func main() throws {
        let arguments = CommandLine.arguments.dropFirst()
        var options = ["--filter": "", "--rounds": "9", "--milliseconds": "100"]
        var rest = arguments[...]
        while let option = rest.popFirst() {
            guard options[option] != nil, let value = rest.popFirst() else {
                print("usage: Micro [--filter TEXT] [--rounds N] [--milliseconds N]")
                return
            }
            options[option] = value
        }
        var harness = Harness(
            filter: options["--filter"] ?? "", rounds: Int(options["--rounds"] ?? "") ?? 9,
            roundMilliseconds: Int(options["--milliseconds"] ?? "") ?? 100)
        harness.printHead()
        HTTPCases.run(&harness)
        try AuthenticationCases.run(&harness)
        try DecisionCases.run(&harness)
        try FlowCases.run(&harness)
        try AuditCases.run(&harness)
        try TLSCases.run(&harness)
    }
}
