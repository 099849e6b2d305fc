import CSystemd
import Primitives

/// Tells systemd how the process is doing (sd_notify(3), `Type=notify-reload`).
///
/// Nothing happens when systemd does not ask (`NOTIFY_SOCKET`).
public struct Notifier: Sendable {
    private let send: @Sendable (String) -> Void

    /// Tells whoever started the process.
    public static let system = Notifier { text in
        // Safe: the text is only read, for the length of the call. A message that nobody takes is
        // no reason to stop serving.
        _ = unsafe sd_notify(0, text)
    }

    /// Hands each message to `send`.
    public init(send: @escaping @Sendable (String) -> Void) {
        self.send = send
    }

    /// Every worker listens, and the log accepts records.
    public func ready(_ status: String) {
        send("READY=1\nSTATUS=\(Notifier.line(status))")
    }

    /// The settings are read again; `ready` follows.
    public func reloading(at now: Instant) {
        send("RELOADING=1\nMONOTONIC_USEC=\(now.nanoseconds / 1000)\nSTATUS=reading the settings")
    }

    /// The process drains.
    public func stopping(_ status: String) {
        send("STOPPING=1\nSTATUS=\(Notifier.line(status))")
    }

    /// What `systemctl status` shows.
    public func status(_ status: String) {
        send("STATUS=\(Notifier.line(status))")
    }

    /// The start or the end takes so much longer from now on.
    public func extendTimeout(milliseconds: UInt64, _ status: String) {
        send("EXTEND_TIMEOUT_USEC=\(milliseconds * 1000)\nSTATUS=\(Notifier.line(status))")
    }

    /// Every thread makes progress.
    public func watchdog() { send("WATCHDOG=1") }

    /// `WatchdogSec=`, if systemd waits for `watchdog` from this process.
    public static func watchdogNanoseconds() -> UInt64? {
        var microseconds: UInt64 = 0
        // Safe: the one number is written.
        guard unsafe sd_watchdog_enabled(0, &microseconds) > 0 else { return nil }
        return microseconds.multipliedReportingOverflow(by: 1000).partialValue
    }

    private static func line(_ text: String) -> String {
        String(text.map { $0.isNewline ? " " : $0 })
    }
}
