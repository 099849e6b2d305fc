import AuditSegments
import Crypto
import LinuxIO

/// Why a log can't be opened or written on.
public enum AuditWriterError: Error, Equatable, Sendable {
    /// A system call failed.
    case system(SystemError)
    /// A piece of evidence is wrong or could not be made.
    case evidence(EvidenceError)
    /// OpenSSL failed, or the signing key is none.
    case cryptography(CryptoError)
    /// There is no file at the signing key's path.
    case signingKeyMissing
    /// The name of the log is not one that a key can have.
    case originMalformed
    /// Another process has the log's folder.
    case directoryInUse
    /// The folder has several logs of this name, and none of them replaces the others.
    case severalLogs([String])
    /// A log's first segment has no whole head: nothing says whose log it is.
    case logUnreadable(String)
    /// The log was signed with another key than the one configured.
    case signingKeyDiffers(log: String)
    /// A frame that later frames follow is damaged.
    case segmentDamaged(segment: String, offset: Int, error: EvidenceError)
    /// A checkpoint frame names another size or root than its entries have, or is not signed.
    case checkpointDiffers(segment: String, offset: Int)
    /// The process that holds the log's own key can't be reached.
    case signerUnavailable(SystemError)
    /// A checkpoint that is in no frame was published or noted down.
    case checkpointUnknown(file: String)
    /// Segments with records from `allowed` on are gone, and no signed leaf says so.
    case segmentsDeleted(before: UInt64, allowed: UInt64)
    /// The disk refused the frame, and then a second file.
    case writeRefused(SystemError)
    /// The file of the keyring's wrapping key does not hold 64 hexadecimal digits.
    case keyringKeyMalformed
    /// A file of the keyring is not what it was, or is missing beside others.
    case keyringDamaged(String)
    /// The disk refused tiles, notes or the published checkpoint.
    case checkpointRefused(SystemError)
    /// A segment that had to be written back no longer holds what was made durable in it.
    case segmentDiffers(String)
}
