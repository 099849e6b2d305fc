import LinuxIO
import TLS

/// Why a file that TLS needs can't be used: apart from `SupervisorError`, because a running process
/// meets it too, and goes on with the file that it had.
enum CertificateProblem: Error, Equatable, Sendable, CustomStringConvertible {
    /// It can't be opened or read.
    case unreadable(path: String, SystemError)
    /// It is larger than such a file may be.
    case tooLarge(path: String, limitBytes: Int)
    /// It grew between looking and reading.
    case changing(path: String)
    /// A private key that every user of the machine can read.
    case readableByOthers(path: String, permissions: UInt32)
    /// Every user of the machine can put another in its place.
    case writableByOthers(path: String, permissions: UInt32)
    /// The secure heap has no room for a private key.
    case secureHeapFull(path: String)
    /// It was read, and OpenSSL can't use it.
    case unusable(TLSError, path: String)

    /// The file that it is about.
    var path: String {
        switch self {
        case .unreadable(let path, _), .tooLarge(let path, _), .changing(let path),
            .readableByOthers(let path, _), .writableByOthers(let path, _),
            .secureHeapFull(let path), .unusable(_, let path):
            path
        }
    }

    /// What is wrong, with the file's name.
    var description: String {
        switch self {
        case .unreadable(let path, let error): "\(path) can't be read: \(error)"
        case .tooLarge(let path, let limitBytes):
            "\(path) is larger than \(limitBytes / 1024) KiB"
        case .changing(let path): "\(path) grew while it was read"
        case .readableByOthers(let path, let permissions):
            "\(path) has mode 0\(String(permissions, radix: 8)), so that every user of this machine "
                + "can use the key; chmod 600 it"
        case .writableByOthers(let path, let permissions):
            "\(path) has mode 0\(String(permissions, radix: 8)), so that every user of this machine "
                + "can change it; chmod o-w it"
        case .secureHeapFull(let path):
            "\(path) finds no room in the memory for keys"
        case .unusable(let error, _): "\(error)"
        }
    }
}
