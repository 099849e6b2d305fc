import COpenSSL
import Primitives

/// What a peer's certificate says, in the words that policies and records use.
// Safe: what OpenSSL lends is read while the certificate is held by the caller, and what it
// gives is freed here, once, before the function returns.
enum PeerCertificate {
    /// Most bytes of attributes that are kept of one certificate.
    static let limitBytes = 8192

    /// Appends the certificate's attributes: the subject, the issuer, then the alternative names
    /// in the certificate's order.
    ///
    /// What does not fit is left out whole. So is a name that could be read in two ways: one with
    /// a zero byte or another control character, or with bytes that its type does not allow. Where
    /// a URI or a DNS name was left out, an empty one stands at the end, so that nobody takes
    /// another name for the holder's.
    ///
    /// - Parameter certificate: `X509 *`, borrowed.
    /// - Returns: SHA-256 of the certificate's DER; `.zero`, which no certificate has, when OpenSSL
    ///   had no memory.
    static func describe(
        _ certificate: OpaquePointer, into writer: inout ByteWriter
    ) -> Digest256 {
        defer { ERR_clear_error() }
        let limit = writer.count + limitBytes
        unsafe append(.subject, X509_get_subject_name(certificate), limit, into: &writer)
        unsafe append(.issuer, X509_get_issuer_name(certificate), limit, into: &writer)
        unsafe appendAlternativeNames(certificate, limit, into: &writer)
        return unsafe digest(certificate)
    }

    /// SHA-256 of the certificate's DER; `.zero` when OpenSSL had no memory.
    static func digest(_ certificate: OpaquePointer) -> Digest256 {
        var bytes = InlineArray<64, UInt8>(repeating: 0)
        var count: CUnsignedInt = 0
        var target = bytes.mutableSpan
        let result = unsafe target.withUnsafeMutableBufferPointer {
            unsafe X509_digest(certificate, EVP_sha256(), $0.baseAddress, &count)
        }
        guard result == 1, count == Digest256.byteCount else { return .zero }
        let digest = bytes.span
        return Digest256(digest.extracting(first: Digest256.byteCount)) ?? .zero
    }

    private static func append(
        _ attribute: CertificateAttribute, _ name: OpaquePointer?, _ limit: Int,
        into writer: inout ByteWriter
    ) {
        guard let name = unsafe name, unsafe X509_NAME_entry_count(name) > 0,
            let memory = unsafe BIO_new(BIO_s_mem())
        else { return }
        defer { unsafe BIO_free(memory) }
        guard unsafe X509_NAME_print_ex(memory, name, 0, sallyport_name_flags()) >= 0 else {
            return
        }
        var start: UnsafeMutableRawPointer?
        let count = unsafe BIO_ctrl(memory, BIO_CTRL_INFO, 0, &start)
        guard count > 0, let start = unsafe start else { return }
        let bytes = unsafe Span<UInt8>(
            _unsafeStart: start.assumingMemoryBound(to: UInt8.self), count: count)
        guard !bytes.hasEscapedControl else { return }
        append(attribute, bytes, limit, into: &writer)
    }

    private static func appendAlternativeNames(
        _ certificate: OpaquePointer, _ limit: Int, into writer: inout ByteWriter
    ) {
        guard
            let list = unsafe X509_get_ext_d2i(certificate, NID_subject_alt_name, nil, nil)
        else { return }
        let names = OpaquePointer(list)
        defer { unsafe GENERAL_NAMES_free(names) }
        var isURIMissing = false
        var isDNSMissing = false
        for place in 0..<(unsafe OPENSSL_sk_num(names)) {
            guard let item = unsafe OPENSSL_sk_value(names, place) else { continue }
            let name = unsafe UnsafePointer(item.assumingMemoryBound(to: GENERAL_NAME.self))
            let start = writer.count
            unsafe append(name, limit, into: &writer)
            guard writer.count == start else { continue }
            unsafe isURIMissing = isURIMissing || name.pointee.type == GEN_URI
            unsafe isDNSMissing = isDNSMissing || name.pointee.type == GEN_DNS
        }
        if isURIMissing { _ = writer.appendCertificateDetail(.uri, Span()) }
        if isDNSMissing { _ = writer.appendCertificateDetail(.dns, Span()) }
    }

    private static func append(
        _ name: UnsafePointer<GENERAL_NAME>, _ limit: Int, into writer: inout ByteWriter
    ) {
        var kind: CInt = -1
        let value = unsafe GENERAL_NAME_get0_value(name, &kind)
        guard [GEN_URI, GEN_DNS, GEN_EMAIL, GEN_IPADD].contains(kind),
            let value = unsafe value
        else { return }
        let string = unsafe value.assumingMemoryBound(to: ASN1_STRING.self)
        let count = unsafe Int(ASN1_STRING_length(string))
        guard count > 0, let start = unsafe ASN1_STRING_get0_data(string) else { return }
        let bytes = unsafe Span<UInt8>(_unsafeStart: start, count: count)
        switch kind {
        case GEN_URI: append(.uri, asASCII: bytes, limit, into: &writer)
        case GEN_DNS: append(.dns, asASCII: bytes, limit, into: &writer)
        case GEN_EMAIL: append(.email, asASCII: bytes, limit, into: &writer)
        default: appendAddress(bytes, limit, into: &writer)
        }
    }

    private static func append(
        _ attribute: CertificateAttribute, asASCII bytes: Span<UInt8>, _ limit: Int,
        into writer: inout ByteWriter
    ) {
        guard bytes.isPrintableASCII else { return }
        append(attribute, bytes, limit, into: &writer)
    }

    private static func appendAddress(
        _ bytes: Span<UInt8>, _ limit: Int, into writer: inout ByteWriter
    ) {
        let peer: PeerAddress
        switch bytes.count {
        case 4: peer = PeerAddress(ipv4: bytes.bigEndian(at: 0), port: 0)
        case 16:
            peer = PeerAddress(
                address: Identifier128(high: bytes.bigEndian(at: 0), low: bytes.bigEndian(at: 8)),
                port: 0)
        default: return
        }
        var memory = InlineArray<48, UInt8>(repeating: 0)
        var target = memory.mutableSpan
        let count = unsafe target.withUnsafeMutableBufferPointer { buffer in
            var text = unsafe ByteWriter(over: buffer)
            text.appendAddress(peer)
            return text.count
        }
        let text = memory.span
        append(.address, text.extracting(first: count), limit, into: &writer)
    }

    private static func append(
        _ attribute: CertificateAttribute, _ value: Span<UInt8>, _ limit: Int,
        into writer: inout ByteWriter
    ) {
        guard writer.count + value.count + 3 <= limit else { return }
        _ = writer.appendCertificateDetail(attribute, value)
    }
}

extension Span where Element == UInt8 {
    /// Whether all are characters from the space to the tilde.
    var isPrintableASCII: Bool {
        for offset in 0..<count where self[offset] &- 0x20 > 0x5E { return false }
        return true
    }

    /// Whether a distinguished name in the form of RFC 4514 has a control character in a value:
    /// it stands there as a backslash and two hexadecimal digits.
    var hasEscapedControl: Bool {
        var offset = 0
        while offset < count {
            if self[offset] < 0x20 || self[offset] == 0x7F { return true }
            guard self[offset] == 0x5C, offset + 1 < count else {
                offset += 1
                continue
            }
            if offset + 2 < count, let high = self[offset + 1].hexValue,
                let low = self[offset + 2].hexValue
            {
                let byte = high << 4 | low
                if byte < 0x20 || byte == 0x7F { return true }
            }
            offset += 2
        }
        return false
    }
}
