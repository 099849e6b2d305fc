import CSystemd
import LinuxIO

/// One descriptor that systemd passed to the process (sd_listen_fds(3)).
public struct PassedDescriptor: Sendable, Equatable, CustomStringConvertible {
    /// The kernel's number, 3 for the first.
    public let number: CInt
    /// `FileDescriptorName=` of its socket unit; the unit's name when that says none.
    public let name: String

    /// The descriptor `number`, named `name`.
    public init(number: CInt, name: String) {
        self.number = number
        self.name = name
    }

    /// `descriptor 3 ('https')`.
    public var description: String { "descriptor \(number) ('\(name)')" }
}

/// What a descriptor is, as far as it matters to a listener.
public enum DescriptorKind: CInt, Sendable, CaseIterable {
    /// A TCP socket that listens: the only kind of use.
    case listening = 0
    /// A TCP socket that does not listen.
    case notListening
    /// `ListenDatagram=`.
    case datagram
    /// A socket with a path.
    case local
    /// Any other socket, such as `ListenSequentialPacket=` or `ListenNetlink=`.
    case otherSocket
    /// A file, FIFO, queue or device.
    case notSocket

    /// The kind of the open descriptor `number`.
    init(of number: CInt) {
        self = DescriptorKind(rawValue: sallyport_descriptor_kind(number)) ?? .notSocket
    }

    /// What it is, for people.
    public var words: String {
        switch self {
        case .listening: "a listening TCP socket"
        case .notListening: "a TCP socket that does not listen (Accept=yes?)"
        case .datagram: "a datagram socket (ListenDatagram=)"
        case .local: "a Unix socket"
        case .otherSocket: "a socket of another kind"
        case .notSocket: "no socket"
        }
    }
}

/// Why the sockets that systemd passed can't be used.
public enum PassedSocketError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The environment's variables are malformed.
    case environment(SystemError)
    /// A listener names a socket, and none was passed to this process.
    case nonePassed(name: String)
    /// A listener names a socket, and only others were passed.
    case unknownName(String, passed: [String])
    /// A descriptor is of a kind that no client can connect to.
    case wrongKind(PassedDescriptor, DescriptorKind)
    /// Several sockets of one name, where one is taken.
    case tooMany([PassedDescriptor])
    /// More sockets than one worker can watch.
    case tooManyForOne(limit: Int)
    /// Sockets that no listener answers: their clients would wait without end.
    case unclaimed([PassedDescriptor])

    /// What happened, in words for the operator.
    public var description: String {
        switch self {
        case .environment(let error): "LISTEN_FDS and LISTEN_FDNAMES are malformed: \(error)"
        case .nonePassed(let name):
            "systemd has passed no socket to this process, so none named '\(name)': is it started "
                + "by a socket unit (LISTEN_FDS, and LISTEN_PID for this process)?"
        case .unknownName(let name, let passed):
            "systemd has passed no socket named '\(name)' (FileDescriptorName=), only "
                + passed.map { "'\($0)'" }.joined(separator: ", ")
        case .wrongKind(let descriptor, let kind):
            "\(descriptor) from systemd is \(kind.words), not \(DescriptorKind.listening.words)"
        case .tooMany(let descriptors):
            "systemd has passed \(descriptors.map(\.description).joined(separator: ", ")); only one "
                + "is taken here"
        case .tooManyForOne(let limit):
            "systemd has passed more sockets than a worker can watch, limit \(limit)"
        case .unclaimed(let descriptors):
            "systemd has passed \(descriptors.map(\.description).joined(separator: ", ")), which "
                + "no listener names: clients would wait there without end"
        }
    }
}

/// The sockets that systemd passed, until listeners claim them by name.
public struct PassedSockets: Sendable, Equatable {
    /// Those that nobody has claimed yet.
    public private(set) var descriptors: [PassedDescriptor]
    private let names: [String]

    /// These `descriptors`.
    public init(_ descriptors: [PassedDescriptor]) {
        self.descriptors = descriptors
        var names: [String] = []
        for descriptor in descriptors where !names.contains(descriptor.name) {
            names.append(descriptor.name)
        }
        self.names = names
    }

    /// What the environment says, if it says it to this process (`LISTEN_PID`); afterwards it says
    /// nothing any more, and no descriptor survives an exec.
    ///
    /// Before any other thread is started: the environment is changed.
    public static func take() throws(PassedSocketError) -> PassedSockets {
        // Safe: libsystemd allocates the names, which are copied and freed here.
        var names: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
        let count = unsafe sd_listen_fds_with_names(1, &names)
        guard count >= 0 else {
            throw .environment(SystemError("sd_listen_fds_with_names", -count))
        }
        defer { unsafe sallyport_free_names(names, count) }
        var descriptors: [PassedDescriptor] = []
        for index in 0..<count {
            guard let text = unsafe sallyport_name_at(names, index) else { continue }
            descriptors.append(
                PassedDescriptor(
                    number: CInt(SD_LISTEN_FDS_START) + index, name: unsafe String(cString: text)))
        }
        return PassedSockets(descriptors)
    }

    /// Takes every descriptor named `name`, all of them listening TCP sockets.
    public mutating func claim(_ name: String) throws(PassedSocketError) -> [CInt] {
        guard !names.isEmpty else { throw .nonePassed(name: name) }
        let found = descriptors.filter { $0.name == name }
        guard !found.isEmpty else { throw .unknownName(name, passed: names) }
        for descriptor in found {
            let kind = DescriptorKind(of: descriptor.number)
            guard kind == .listening else { throw .wrongKind(descriptor, kind) }
        }
        descriptors.removeAll { $0.name == name }
        return found.map(\.number)
    }

    /// Refuses sockets that nobody has claimed, but for those named `name`.
    public func checkNothingIsLeft(but name: String? = nil) throws(PassedSocketError) {
        let left = descriptors.filter { $0.name != name }
        guard left.isEmpty else { throw .unclaimed(left) }
    }
}
