import Synchronization
import Worker

/// Passes on what a worker was woken for and has no room for: the kernel wakes one worker for each
/// connection at a socket that they share.
final class AcceptRelay: Sendable {
    private let controls = Mutex<[WorkerControl]>([])

    func add(_ control: WorkerControl) {
        controls.withLock { $0.append(control) }
    }

    /// Has all workers but `index` look. By a worker that stops accepting, seldom.
    func pass(from index: Int) {
        let all = controls.withLock { $0 }
        for (other, control) in all.enumerated() where other != index { control.requestAccept() }
    }
}
