/// How much of who asked a record says in the clear (audit log format §8).
public struct PrivacySettings: Sendable, Equatable {
    /// What a record has in the place of the subject, and of what else identifies it: the client's
    /// name, the token's number, the client's certificate.
    public enum Subject: UInt8, Sendable, CaseIterable {
        /// Themselves.
        case plain
        /// Pseudonyms, each with its own.
        case pseudonym
        /// Nothing: the whole part is sealed under a key of that subject, which can be erased.
        case sealed
    }

    /// What a record has in the place of the client's address and of the peer's.
    public enum Address: UInt8, Sendable, CaseIterable {
        /// Themselves.
        case full
        /// Pseudonyms.
        case pseudonym
    }

    /// What stands for the subject.
    public var subject = Subject.plain
    /// What stands for addresses.
    public var clientAddress = Address.full
    /// Keys of pseudonyms and subjects are new after this time.
    public var keySeconds: UInt32 = 30 * 86_400
    /// File of the key that the keyring's keys are made with; nil when it lies in the keyring.
    public var keyringKeyPath: String?

    /// Everything in the clear.
    public init() {}

    /// Whether the log has a keyring.
    public var needsKeyring: Bool { subject != .plain || clientAddress == .pseudonym }
}
