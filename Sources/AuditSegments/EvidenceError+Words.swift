extension EvidenceError: CustomStringConvertible {
    /// What is wrong, in words.
    public var description: String {
        switch self {
        case .verifierKeyMalformed: "not a verifier key"
        case .nameMalformed: "not a name that a key can have"
        case .noteMalformed: "not a signed note"
        case .checkpointMalformed: "not a checkpoint"
        case .originDiffers: "it is another log's"
        case .signatureMissing: "it is not signed by this key"
        case .signatureWrong: "its signature is wrong"
        case .proofMalformed: "not a proof"
        case .proofFails: "the proof does not lead to the root"
        case .indexOutOfRange: "the index is not below the size"
        case .tileMissing(let level, let index): "tile \(index) of level \(level) is missing"
        case .frame(let defect): "\(defect)"
        case .batchMalformed: "its clear bytes are no batch"
        case .sealedMalformed: "its sealed bytes are not one whole zstd frame of its records"
        case .sealedEncrypted: "its records are encrypted, and no identity was given"
        case .sealedForOthers: "its records are encrypted to none of the identities given"
        case .sealedChanged: "its records are not in the age file that was written"
        case .headMalformed: "its JSON lacks a member or has a wrong one"
        case .compressionFailed: "zstd failed"
        case .cryptographyFailed: "OpenSSL failed"
        case .recordTooLarge: "a record is larger than a batch"
        case .signingWouldFork: "a larger tree, or another root for this size, was signed before"
        case .signerStateMalformed: "not a signer's state"
        case .signerFull: "the signer remembers as many logs as it can"
        case .epochMalformed: "no certificate of an epoch"
        case .epochNumberWrong(let found, let expected):
            "it is of epoch \(found), the next one is \(expected)"
        case .epochMisplaced: "it is for another index than its leaf has"
        case .epochSignerWrong: "it is certified by another key than it has to be"
        case .epochCertificateWrong: "its certificate's signature is wrong"
        case .epochMissing: "its boot has begun no epoch"
        case .epochUnproven: "its epoch's certificate does not hold"
        case .epochLineMissing: "it is not signed by its epoch's key"
        case .epochLineWrong: "the signature of its epoch's key is wrong"
        }
    }
}

extension FrameDefect: CustomStringConvertible {
    /// What is wrong, in words.
    public var description: String {
        switch self {
        case .cut: "it is cut short"
        case .magic: "it does not begin with ALF1"
        case .type(let type): "there is no frame type \(type)"
        case .reserved: "bytes that have to be zero are not"
        case .length: "its lengths are past the limit"
        case .checksum: "its CRC-32C does not match"
        case .number(let found): "its number \(found) is not the next one"
        case .previous: "it does not follow the frame before it"
        case .firstIndex(let found): "it begins at index \(found), which is not the next one"
        case .order: "its type can't come here"
        }
    }
}
