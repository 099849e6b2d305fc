import COpenSSL
import Primitives

/// The numbers that make a public key, as a JSON Web Key has them; not yet judged.
public enum PublicKeyNumbers: Sendable, Equatable {
    /// RSA: modulus and exponent, big-endian.
    case rsa(modulus: [UInt8], exponent: [UInt8])
    /// A point of P-256, P-384 or P-521, both coordinates of the curve's full length.
    case point(VerificationKeyKind, x: [UInt8], y: [UInt8])
    /// An Ed25519 public key, 32 bytes.
    case ed25519([UInt8])
}

/// Why numbers make no key that is accepted.
public enum VerificationKeyError: Error, Equatable, Sendable {
    /// An RSA modulus under 2048 bits (RFC 7518 §3.3).
    case modulusTooSmall
    /// An RSA modulus over 8192 bits: one check would take milliseconds.
    case modulusTooLarge
    /// RSA numbers that no honest generator makes: even, prime, or with a bad exponent.
    case numbersRefused
    /// Coordinates that are not of the curve's length.
    case coordinateLengthWrong
    /// A point that is not on its curve (RFC 8725 §3.4).
    case pointNotOnCurve
    /// An Ed25519 point of small order, for which signatures over anything can be made.
    case pointOfSmallOrder
    /// OpenSSL could not make a context.
    case libraryUnavailable
}

/// A public key that checks signatures, with the contexts that this takes made beforehand.
///
/// One thread owns it. It must not outlive the `CryptoLibrary` it was made from.
@safe
public struct VerificationKey: ~Copyable, @unchecked Sendable {
    // Sendable: the key and its contexts move with their one owner.
    /// Smallest and largest RSA modulus, in bits.
    static let modulusBits = 2048...8192

    /// What kind of key it is.
    public let kind: VerificationKeyKind
    private let key: OpaquePointer
    /// For EdDSA, whose context is begun anew for each signature.
    private let context: OpaquePointer
    private let library: OpaquePointer
    /// One for each algorithm, at the place of its number; empty for those of other kinds.
    private let contexts: UnsafeMutablePointer<AlgorithmContexts>

    @unsafe
    private struct AlgorithmContexts {
        var digest: OpaquePointer?
        var verifier: OpaquePointer?
    }

    /// Numbers of algorithms are below this.
    private static let places = 11

    /// The key of these `numbers`, once they are judged.
    public init(
        _ numbers: PublicKeyNumbers, library: borrowing CryptoLibrary
    ) throws(VerificationKeyError) {
        self = try VerificationKey.make(numbers, library: library)
    }

    private static func make(
        _ numbers: PublicKeyNumbers, library: borrowing CryptoLibrary
    ) throws(VerificationKeyError) -> VerificationKey {
        defer { ERR_clear_error() }
        let made: OpaquePointer
        let kind: VerificationKeyKind
        switch numbers {
        case .rsa(let modulus, let exponent):
            unsafe made = try makeRSA(
                modulus: modulus, exponent: exponent, context: library.context)
            kind = .rsa
        case .point(let curve, let x, let y):
            unsafe made = try makePoint(curve, x: x, y: y, context: library.context)
            kind = curve
        case .ed25519(let bytes):
            unsafe made = try makeEd25519(bytes, context: library.context)
            kind = .ed25519
        }
        guard let context = unsafe EVP_MD_CTX_new() else {
            unsafe EVP_PKEY_free(made)
            throw .libraryUnavailable
        }
        var key = unsafe VerificationKey(
            kind: kind, key: made, context: context, library: library.context)
        for algorithm in SignatureAlgorithm.allCases
        where algorithm.keyKind == kind && algorithm != .EdDSA {
            try key.prepare(algorithm)
        }
        return key
    }

    private init(
        kind: VerificationKeyKind, key: OpaquePointer, context: OpaquePointer,
        library: OpaquePointer
    ) {
        self.kind = kind
        unsafe self.key = key
        unsafe self.context = context
        unsafe self.library = library
        unsafe contexts = .allocate(capacity: VerificationKey.places)
        unsafe contexts.initialize(
            repeating: AlgorithmContexts(), count: VerificationKey.places)
    }

    deinit {
        // Safe: all were made in init and are freed here only; freeing nil does nothing.
        for place in 0..<VerificationKey.places {
            unsafe EVP_MD_CTX_free(contexts[place].digest)
            unsafe EVP_PKEY_CTX_free(contexts[place].verifier)
        }
        unsafe contexts.deallocate()
        unsafe EVP_MD_CTX_free(context)
        unsafe EVP_PKEY_free(key)
    }

    /// Whether `signature` is one over `message` by the key's holder, under `algorithm`.
    ///
    /// False also when the algorithm takes another kind of key. An ES signature is R and S, each
    /// of the curve's length (RFC 7518 §3.4); PSS salts are as long as the digest (§3.5).
    public mutating func verifies(
        _ signature: Span<UInt8>, over message: Span<UInt8>, algorithm: SignatureAlgorithm
    ) -> Bool {
        guard algorithm.keyKind == kind else { return false }
        switch kind {
        case .ed25519:
            return verifiesEd25519(signature, over: message)
        case .rsa:
            return verifiesDigest(signature, over: message, algorithm: algorithm)
        case .p256, .p384, .p521:
            var der = DERSignature()
            guard der.fill(signature, coordinateBytes: kind.coordinateBytes) else { return false }
            return verifiesDigest(der.span, over: message, algorithm: algorithm)
        }
    }

    private mutating func prepare(_ algorithm: SignatureAlgorithm) throws(VerificationKeyError) {
        let place = Int(algorithm.rawValue)
        guard let name = algorithm.digestName,
            let digest = unsafe EVP_MD_fetch(library, name, nil)
        else { throw .libraryUnavailable }
        // Safe: the contexts keep references of their own to the digest and the key.
        defer { unsafe EVP_MD_free(digest) }
        unsafe contexts[place].digest = EVP_MD_CTX_new()
        unsafe contexts[place].verifier = EVP_PKEY_CTX_new_from_pkey(library, key, nil)
        guard let digesting = unsafe contexts[place].digest,
            let verifier = unsafe contexts[place].verifier,
            unsafe EVP_DigestInit_ex2(digesting, digest, nil) == 1,
            unsafe EVP_PKEY_verify_init(verifier) == 1,
            unsafe EVP_PKEY_CTX_set_signature_md(verifier, digest) == 1
        else { throw .libraryUnavailable }
        guard kind == .rsa else { return }
        let padding = algorithm.usesPSS ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING
        guard unsafe EVP_PKEY_CTX_set_rsa_padding(verifier, padding) == 1 else {
            throw .libraryUnavailable
        }
        guard algorithm.usesPSS else { return }
        guard unsafe EVP_PKEY_CTX_set_rsa_mgf1_md(verifier, digest) == 1,
            unsafe EVP_PKEY_CTX_set_rsa_pss_saltlen(verifier, RSA_PSS_SALTLEN_DIGEST) == 1
        else { throw .libraryUnavailable }
    }

    private mutating func verifiesDigest(
        _ signature: Span<UInt8>, over message: Span<UInt8>, algorithm: SignatureAlgorithm
    ) -> Bool {
        let place = Int(algorithm.rawValue)
        guard let digesting = unsafe contexts[place].digest,
            let verifier = unsafe contexts[place].verifier
        else {
            return false
        }
        var digest = InlineArray<64, UInt8>(repeating: 0)
        var target = digest.mutableSpan
        var count: CUnsignedInt = 0
        // Safe: the contexts are live; a digest has at most 64 bytes; the rest is only read.
        let isDigested = unsafe message.withUnsafeBytes { bytes in
            unsafe target.withUnsafeMutableBufferPointer { memory in
                unsafe EVP_DigestInit_ex2(digesting, nil, nil) == 1
                    && EVP_DigestUpdate(digesting, bytes.baseAddress, bytes.count) == 1
                    && EVP_DigestFinal_ex(digesting, memory.baseAddress, &count) == 1
            }
        }
        guard isDigested else { return false }
        let source = digest.span
        let result = unsafe signature.withUnsafeBufferPointer { signature in
            unsafe source.withUnsafeBufferPointer { digest in
                unsafe EVP_PKEY_verify(
                    verifier, signature.baseAddress, signature.count, digest.baseAddress,
                    Int(count))
            }
        }
        if result != 1 { ERR_clear_error() }
        return result == 1
    }

    private mutating func verifiesEd25519(
        _ signature: Span<UInt8>, over message: Span<UInt8>
    ) -> Bool {
        guard signature.count == 64 else { return false }
        // Safe: context and key are live; signature and message are only read.
        let result = unsafe signature.withUnsafeBufferPointer { signature in
            unsafe message.withUnsafeBufferPointer { message in
                guard unsafe EVP_MD_CTX_reset(context) == 1,
                    unsafe EVP_DigestVerifyInit_ex(context, nil, nil, library, nil, key, nil) == 1
                else { return CInt(0) }
                return unsafe EVP_DigestVerify(
                    context, signature.baseAddress, signature.count, message.baseAddress,
                    message.count)
            }
        }
        if result != 1 { ERR_clear_error() }
        return result == 1
    }
}
