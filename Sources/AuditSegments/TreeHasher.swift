import Crypto
import Primitives

/// The hashes of the log: records' commitments and the tree over them (format §2, RFC 6962 §2.1).
///
/// ```
/// part hash    ph_j = SHA-256(0x10 ‖ u8 j ‖ salt_j[16] ‖ part bytes)
/// commitment   rc   = SHA-256(0x11 ‖ u8 n ‖ ph_0 ‖ … ‖ ph_{n-1})
/// entry (36 B)      = "al1" ‖ u8 kind ‖ rc
/// leaf hash         = SHA-256(0x00 ‖ entry)
/// node              = SHA-256(0x01 ‖ left ‖ right)
/// ```
@safe
public struct TreeHasher: ~Copyable, Sendable {
    private var sha: SHA256
    private var scratch = ByteBuffer(capacity: 2 + 32 * TreeHasher.maximumParts)

    /// Most parts that a record may have.
    public static let maximumParts = 8
    /// Bytes of a salt.
    public static let saltBytes = 16
    /// What the bytes of a part's hash begin with.
    static let partMark: UInt8 = 0x10
    /// Bytes of a part's hash before those of the part: the mark, its number, the salt.
    static let prefixBytes = 2 + saltBytes
    /// Bytes of an entry.
    public static let entryBytes = 36

    /// Makes a hasher over one digest context.
    public init(_ library: borrowing CryptoLibrary) throws(EvidenceError) {
        do {
            sha = try SHA256(library)
        } catch {
            throw .cryptographyFailed
        }
    }

    /// SHA-256 of `bytes` as they are.
    public mutating func plain(_ bytes: Span<UInt8>) -> Digest256 {
        sha.digest(bytes)
    }

    /// The hash of part `number` under its `salt`.
    public mutating func part(
        _ number: UInt8, salt: Span<UInt8>, bytes: Span<UInt8>
    ) -> Digest256 {
        scratch.removeAll()
        scratch.write {
            $0.append(TreeHasher.partMark)
            $0.append(number)
            $0.append(salt)
        }
        TreeHasher.begin(&sha, scratch)
        sha.update(bytes)
        return sha.finish()
    }

    /// The commitment to the hashes of a record's `parts`, `TreeHasher.maximumParts` at most.
    public mutating func commitment(_ parts: Span<Digest256>) -> Digest256 {
        precondition(parts.count <= TreeHasher.maximumParts)
        scratch.removeAll()
        scratch.write { writer in
            writer.append(0x11)
            writer.append(UInt8(truncatingIfNeeded: parts.count))
            for index in parts.indices { writer.append(parts[index]) }
        }
        return TreeHasher.digest(&sha, scratch)
    }

    /// The commitment to the hashes of three parts, which nearly every record has.
    public mutating func commitment(
        _ first: Digest256, _ second: Digest256, _ third: Digest256
    ) -> Digest256 {
        scratch.removeAll()
        scratch.write {
            $0.append(0x11)
            $0.append(3)
            $0.append(first)
            $0.append(second)
            $0.append(third)
        }
        return TreeHasher.digest(&sha, scratch)
    }

    /// The hash of a leaf that holds `entry`, whatever its length.
    public mutating func leaf(_ entry: Span<UInt8>) -> Digest256 {
        scratch.removeAll()
        scratch.write {
            $0.append(0x00)
            $0.append(entry)
        }
        if scratch.count == entry.count + 1 { return TreeHasher.digest(&sha, scratch) }
        scratch.removeAll()
        scratch.write { $0.append(0x00) }
        TreeHasher.begin(&sha, scratch)
        sha.update(entry)
        return sha.finish()
    }

    /// The hash of the node above `left` and `right`.
    public mutating func node(_ left: Digest256, _ right: Digest256) -> Digest256 {
        scratch.removeAll()
        scratch.write {
            $0.append(0x01)
            $0.append(left)
            $0.append(right)
        }
        return TreeHasher.digest(&sha, scratch)
    }

    /// The root of the tree of no leaves.
    public mutating func emptyRoot() -> Digest256 {
        sha.begin()
        return sha.finish()
    }

    // Functions of both: a span of `scratch` beside a change of `sha` is else an overlapping access.

    private static func digest(_ sha: inout SHA256, _ bytes: borrowing ByteBuffer) -> Digest256 {
        sha.digest(bytes.span)
    }

    private static func begin(_ sha: inout SHA256, _ bytes: borrowing ByteBuffer) {
        sha.begin()
        sha.update(bytes.span)
    }
}

extension ByteWriter {
    /// Appends the 36 bytes of the entry of a record of this `kind` and `commitment`.
    @inlinable
    public mutating func appendEntry(kind: UInt8, commitment: Digest256) {
        append("al1")
        append(kind)
        append(commitment)
    }
}
