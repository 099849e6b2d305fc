import LinuxIO

/// Why a file that the settings name cannot be used.
public enum FileFailure: Error, Equatable, Sendable {
    /// The kernel's words for why it cannot be read.
    case unreadable(String)
    /// Larger than such a file may be.
    case tooLarge(limitBytes: Int)
}

/// How the settings parser reaches what a file names: other files, and the credentials' folder.
public struct SettingsFiles: Sendable {
    /// The folder of systemd's credentials (`$CREDENTIALS_DIRECTORY`); nil when there is none.
    public var credentialsDirectory: String?
    /// Bytes and permission bits of a file.
    public var read:
        @Sendable (_ path: String, _ limitBytes: Int) -> Result<FileContent, FileFailure>

    /// What was read.
    public struct FileContent: Sendable {
        /// The file's bytes.
        public var bytes: [UInt8]
        /// The low twelve bits of its mode.
        public var permissions: UInt32

        /// A content of these values.
        public init(bytes: [UInt8], permissions: UInt32) {
            self.bytes = bytes
            self.permissions = permissions
        }
    }

    /// Files as `read` gives them.
    public init(
        credentialsDirectory: String?,
        read:
            @escaping @Sendable (_ path: String, _ limitBytes: Int)
            -> Result<FileContent, FileFailure>
    ) {
        self.credentialsDirectory = credentialsDirectory
        self.read = read
    }

    /// The machine's own files.
    public static var system: SettingsFiles {
        SettingsFiles(
            credentialsDirectory: FileReading.environment("CREDENTIALS_DIRECTORY")
        ) { path, limitBytes in
            do throws(SystemError) {
                let (bytes, status) = try FileReading.read(path, limitBytes: limitBytes)
                guard bytes.count <= limitBytes else {
                    return .failure(.tooLarge(limitBytes: limitBytes))
                }
                return .success(FileContent(bytes: bytes, permissions: status.permissions))
            } catch {
                return .failure(.unreadable(error.description))
            }
        }
    }
}

/// Where a secret or key file lies, as the settings file says it.
enum SecretReference {
    case path(String)
    case credential(String)

    /// Parses `credential:NAME`, `file:PATH` or a path; nil for an empty or unusable name.
    static func parse(_ text: String) -> SecretReference? {
        if let name = suffix(of: text, after: "credential:") {
            // A name, not a way out of the folder.
            guard Diagnostics.isName(name), name != ".", name != ".." else { return nil }
            return .credential(name)
        }
        let path = suffix(of: text, after: "file:") ?? text
        guard !path.isEmpty, !path.hasSuffix("/"), !path.utf8.contains(0) else { return nil }
        return .path(path)
    }

    private static func suffix(of text: String, after prefix: String) -> String? {
        text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : nil
    }
}

extension SettingsParser {
    /// The path of the file that `value` refers to; nil after reporting why there is none.
    func path(_ value: SettingValue) -> String? {
        guard let text = diagnostics.text(value, limitBytes: 4096) else { return nil }
        guard !text.hasPrefix("-----BEGIN") else {
            diagnostics.error(
                value,
                "\(value.name) holds a key itself; keep it in a file and write file:PATH or "
                    + "credential:NAME")
            return nil
        }
        guard !text.hasPrefix("env:") else {
            diagnostics.error(value, "\(value.name): env: is not supported in this version")
            return nil
        }
        switch SecretReference.parse(text) {
        case .path(let path):
            return path
        case .credential(let name):
            guard let directory = files.credentialsDirectory, !directory.isEmpty else {
                diagnostics.error(
                    value,
                    "\(value.name) is \(text), but CREDENTIALS_DIRECTORY is not set; systemd sets "
                        + "it for LoadCredential=\(name)")
                return nil
            }
            return "\(directory)/\(name)"
        case nil:
            diagnostics.error(
                value,
                "\(value.name) is \(value.kind), not credential:NAME, file:PATH or a path")
            return nil
        }
    }

    /// The bytes of the file at `path`; nil after reporting why there are none.
    func content(
        of path: String, for value: SettingValue, limitBytes: Int
    ) -> SettingsFiles.FileContent? {
        switch files.read(path, limitBytes) {
        case .success(let content):
            return content
        case .failure(.unreadable(let why)):
            diagnostics.error(value, "\(value.name): \(path.shortened): \(why)")
        case .failure(.tooLarge(let limit)):
            diagnostics.error(
                value,
                "\(value.name): \(path.shortened) is larger than \(Units.sizeText(UInt64(limit)))")
        }
        return nil
    }
}
