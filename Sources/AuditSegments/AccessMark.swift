import Crypto
import Primitives

/// Tells a log from its copies: which folder of which machine it is (audit log format §1).
///
/// A copy has another inode or lies on another machine, so that reading it there is nobody's
/// access to the log.
public enum AccessMark {
    /// The text of the mark, a line of hexadecimal digits.
    ///
    /// - Parameters:
    ///   - machine: The machine's id, which does not leave it (machine-id(5)).
    ///   - device: The folder's device and inode.
    public static func text(
        machine: [UInt8], device: UInt64, inode: UInt64, hash: inout SHA256
    ) -> [UInt8] {
        let place = Array("sallyport log \(device.hexText) \(inode.hexText) ".utf8)
        let whole = place + machine
        return Array("\(hash.digest(whole.span).hexText)\n".utf8)
    }
}
