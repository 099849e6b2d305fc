/// What is wrong with a piece of evidence, or why one could not be made.
public enum EvidenceError: Error, Equatable, Sendable {
    /// The verifier key is not `name+hash+base64` of an Ed25519 key, or its hash is wrong.
    case verifierKeyMalformed
    /// A key name or an origin is empty, or has white space or a plus sign.
    case nameMalformed
    /// The bytes are not a signed note (C2SP signed-note).
    case noteMalformed
    /// The note's text is not a checkpoint (C2SP tlog-checkpoint).
    case checkpointMalformed
    /// The note names another origin than the key.
    case originDiffers
    /// The note has no line of the key that is asked for.
    case signatureMissing
    /// The note has a line of the key, and its signature does not hold.
    case signatureWrong
    /// The bytes are not a proof (C2SP tlog-proof).
    case proofMalformed
    /// The proof is one of another entry, another tree, or none.
    case proofFails
    /// The index is not below the tree's size, or the sizes are not in order.
    case indexOutOfRange
    /// A hash tile that the proof needs is missing or of the wrong length.
    case tileMissing(level: Int, index: UInt64)
    /// A frame does not follow the one before it.
    case frame(FrameDefect)
    /// A batch frame's clear bytes are not one.
    case batchMalformed
    /// A batch frame's sealed bytes are not one whole zstd frame of records.
    case sealedMalformed
    /// A batch frame's sealed bytes are encrypted, and no identity was given.
    case sealedEncrypted
    /// A batch frame's sealed bytes are encrypted, to none of the identities given.
    case sealedForOthers
    /// A batch frame's sealed bytes are not the age file that was written.
    case sealedChanged
    /// A head or seal frame's JSON lacks a member or has a wrong one.
    case headMalformed
    /// zstd failed or ran out of memory.
    case compressionFailed
    /// OpenSSL failed: no digest or no signature.
    case cryptographyFailed
    /// One record is larger than a batch may be.
    case recordTooLarge
    /// Signing was asked for a size below, or a second root at, one already signed.
    case signingWouldFork
    /// A signer's file of what it has signed is not one.
    case signerStateMalformed
    /// A signer remembers as many logs as it can.
    case signerFull
    /// A kind-8 record has no epoch's certificate in it.
    case epochMalformed
    /// The epoch's number does not follow the one before.
    case epochNumberWrong(found: UInt64, expected: UInt64)
    /// The epoch's certificate is for another index than its leaf has.
    case epochMisplaced
    /// The certificate names another signer than the epoch before or, for a boot's first, the log.
    case epochSignerWrong
    /// The signature of the epoch's certificate is wrong.
    case epochCertificateWrong
    /// The boot has begun no epoch, and the log has had epochs before.
    case epochMissing
    /// The epoch's own certificate does not hold, or there is none.
    case epochUnproven
    /// The checkpoint has no line of the epoch that it lies in.
    case epochLineMissing
    /// The checkpoint's line of its epoch is wrong.
    case epochLineWrong
}

/// Why the bytes at some offset are not the frame that has to come next.
public enum FrameDefect: Equatable, Sendable {
    /// Fewer bytes than a header, or than the header's lengths say.
    case cut
    /// The first four bytes are not `ALF1`.
    case magic
    /// A type that format 1 does not have.
    case type(UInt8)
    /// Bits or bytes that have to be zero are not.
    case reserved
    /// The lengths are past what a frame may have.
    case length
    /// The CRC-32C does not match: a torn or damaged write.
    case checksum
    /// The frame number is not the next one.
    case number(found: UInt64)
    /// The hash is not the one of the frame before.
    case previous
    /// A batch does not begin at the index that is next.
    case firstIndex(found: UInt64)
    /// The frame's type can't come here: a segment begins with its head and ends with its seal.
    case order
}
