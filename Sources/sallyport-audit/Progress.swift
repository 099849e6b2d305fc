import ArgumentParser
import LinuxIO
import Synchronization

/// When the tool says how far it is.
enum ProgressMode: String, ExpressibleByArgument, CaseIterable {
    case auto, always, never
}

/// Whether a bar is drawn.
struct ProgressOptions: ParsableArguments {
    @Option(help: "A progress bar: auto (on a terminal), always or never.")
    var progress: ProgressMode = .auto

    /// Holds for the rest of the process.
    func apply() {
        let isShown =
            progress == .always || (progress == .auto && StandardStream.error.isTerminal)
        Progress.isShown.store(isShown, ordering: .relaxed)
    }
}

/// How far the tool is, drawn beside the output.
enum Progress {
    static let isShown = Atomic<Bool>(StandardStream.error.isTerminal)
    private static let width = 30

    /// Draws that `done` of `total` segments are read; the bar goes away when all are.
    static func show(_ done: Int, of total: Int) {
        guard total > 1, isShown.load(ordering: .relaxed) else { return }
        let end = done == total ? "\r\u{1B}[K" : ""
        StandardStream.error.write(Array("\r\(bar(done, of: total))\(end)".utf8).span)
    }

    static func bar(_ done: Int, of total: Int) -> String {
        let filled = done * width / max(1, total)
        let bar =
            String(repeating: "#", count: filled)
            + String(repeating: ".", count: width - filled)
        return "[\(bar)] \(done * 100 / max(1, total)) % (\(done) of \(total) segments)"
    }
}
