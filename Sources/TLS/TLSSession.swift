import COpenSSL
import Primitives

/// One connection's TLS, or none: an `SSL`, what was agreed on, and what the kernel has not taken.
///
/// One thread owns it. It is freed with its owner; the peer is told only by `TLSEngine.shutdown`.
@safe
public struct TLSSession: ~Copyable {
    // Safe: everything is allocated by this value, has one owner, and is freed in deinit only.
    /// `SSL *`; nil when this is none.
    let ssl: OpaquePointer?
    /// What it was made from, which OpenSSL's callbacks use.
    private let context: AnyObject?
    let isServer: Bool
    /// Whether OpenSSL reads and writes the socket itself, so that the kernel can encrypt.
    let ownsTransfers: Bool
    /// What is known so far; complete once established.
    public internal(set) var facts = TLSFacts()
    /// Whether the handshake is done.
    public internal(set) var isEstablished = false
    /// Whether the peer has sent anything.
    public internal(set) var hasBegun = false
    /// Whether TLS is broken, so that OpenSSL must not be called again.
    var hasFailed = false
    /// Whether the kernel has refused to send: the peer is gone, but what it said before may
    /// still be there to be read.
    var cannotSend = false
    /// How what the peer sent has ended; nil while it goes on.
    var ended: TLSReading?
    /// Clear bytes of a record that OpenSSL has begun and not sent.
    var begunBytes = 0
    /// Clear bytes sent since the last pause, for the size of records.
    var burstBytes: UInt32 = 0
    /// When the last record was sent.
    var lastWrite = Instant.zero

    /// Ciphertext that the kernel has not taken.
    private var unsent: UnsafeMutableBufferPointer<UInt8>?
    private var unsentStart = 0
    private var unsentEnd = 0
    /// Server name, fingerprint and certificate's attributes; or what replaced them.
    private var block: UnsafeMutablePointer<UInt8>?
    private var nameCount: UInt16 = 0
    private var fingerprintCount: UInt16 = 0
    private var detailsCount: UInt16 = 0
    private var attachmentCount: UInt16 = 0

    /// Most ciphertext that is kept for a peer that takes none.
    static let unsentLimitBytes = 65_536

    init(owning ssl: OpaquePointer?, context: AnyObject?, isServer: Bool, ownsTransfers: Bool) {
        unsafe self.ssl = ssl
        self.context = context
        self.isServer = isServer
        self.ownsTransfers = ownsTransfers
    }

    deinit {
        if isEstablished, !hasFailed || ended == .truncated {
            // OpenSSL would forget a session that ends without close_notify: RFC 5246 §7.2.1 does
            // not ask for that any more.
            unsafe SSL_set_shutdown(ssl, SSL_get_shutdown(ssl) | SSL_SENT_SHUTDOWN)
        }
        unsafe SSL_free(ssl)
        unsafe unsent?.deallocate()
        unsafe block?.deallocate()
    }

    /// What a connection without TLS holds.
    public static var none: TLSSession {
        unsafe TLSSession(owning: nil, context: nil, isServer: false, ownsTransfers: false)
    }

    /// Whether this is TLS at all.
    public var isPresent: Bool { unsafe ssl != nil }

    /// Whether ciphertext is left that the kernel has not taken.
    public var hasUnsent: Bool { unsentEnd > unsentStart }

    /// The server name that the client asked for, as it sent it; empty without one.
    public var serverName: Span<UInt8> {
        @_lifetime(borrow self)
        get { text(from: 0, count: nameCount) }
    }

    /// The client's JA4; empty until its ClientHello came.
    public var fingerprint: Span<UInt8> {
        @_lifetime(borrow self)
        get { text(from: Int(nameCount), count: fingerprintCount) }
    }

    /// The attributes of the peer's certificate, also of one that was refused.
    public var certificateDetails: Span<UInt8> {
        @_lifetime(borrow self)
        get { text(from: Int(nameCount) + Int(fingerprintCount), count: detailsCount) }
    }

    /// What `attach` was given.
    public var attachment: Span<UInt8> {
        @_lifetime(borrow self)
        get { text(from: 0, count: attachmentCount) }
    }

    /// Keeps a copy of `bytes`, at most 65535, as long as the session; server name, fingerprint
    /// and attributes are forgotten.
    public mutating func attach(_ bytes: Span<UInt8>) {
        precondition(bytes.count <= Int(UInt16.max))
        unsafe block?.deallocate()
        unsafe block = nil
        nameCount = 0
        fingerprintCount = 0
        detailsCount = 0
        attachmentCount = UInt16(bytes.count)
        guard !bytes.isEmpty else { return }
        let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: bytes.count)
        unsafe TLSSession.copy(bytes, to: copy)
        unsafe block = copy
    }

    /// Keeps what the callbacks of a handshake call have learned.
    mutating func take(_ scratch: borrowing HelloScratch) {
        if scratch.hasCertificate {
            facts.hasCertificate = true
            facts.certificate = scratch.certificate
        }
        guard scratch.hasHello || scratch.hasCertificate else { return }
        // A later call may bring the certificate to the ClientHello of an earlier one.
        let names = scratch.hasHello ? scratch.serverName.count : Int(nameCount)
        let prints = scratch.hasHello ? scratch.fingerprint.count : Int(fingerprintCount)
        let details = scratch.hasCertificate ? scratch.details.count : Int(detailsCount)
        let count = names + prints + details
        precondition(attachmentCount == 0 && count <= Int(UInt16.max))
        let made = UnsafeMutablePointer<UInt8>.allocate(capacity: max(1, count))
        if scratch.hasHello {
            unsafe TLSSession.copy(scratch.serverName.span, to: made)
            unsafe TLSSession.copy(scratch.fingerprint.span, to: made + names)
        } else {
            unsafe TLSSession.copy(serverName, to: made)
            unsafe TLSSession.copy(fingerprint, to: made + names)
        }
        if scratch.hasCertificate {
            unsafe TLSSession.copy(scratch.details.span, to: made + names + prints)
        } else {
            unsafe TLSSession.copy(certificateDetails, to: made + names + prints)
        }
        unsafe block?.deallocate()
        unsafe block = made
        nameCount = UInt16(names)
        fingerprintCount = UInt16(prints)
        detailsCount = UInt16(details)
    }

    /// Keeps ciphertext for later; false when there is too much of it.
    mutating func keepUnsent(_ bytes: Span<UInt8>) -> Bool {
        let held = unsentEnd - unsentStart
        guard held + bytes.count <= TLSSession.unsentLimitBytes else { return false }
        if unsafe unsentEnd + bytes.count > (unsent?.count ?? 0) {
            let grown = UnsafeMutableBufferPointer<UInt8>.allocate(
                capacity: max(held + bytes.count, 4096))
            if held > 0, let old = unsafe unsent?.baseAddress, let new = grown.baseAddress {
                unsafe new.update(from: old + unsentStart, count: held)
            }
            unsafe unsent?.deallocate()
            unsafe unsent = grown
            unsentStart = 0
            unsentEnd = held
        }
        if let base = unsafe unsent?.baseAddress {
            unsafe TLSSession.copy(bytes, to: base + unsentEnd)
            unsentEnd += bytes.count
        }
        return true
    }

    /// The ciphertext kept for later.
    var unsentBytes: Span<UInt8> {
        @_lifetime(borrow self)
        get {
            guard let base = unsafe unsent?.baseAddress else { return Span() }
            let bytes = unsafe Span(
                _unsafeStart: base + unsentStart, count: unsentEnd - unsentStart)
            return unsafe _overrideLifetime(bytes, borrowing: self)
        }
    }

    /// Drops what the kernel has taken; the memory is given back with the last byte.
    mutating func dropUnsent(_ count: Int) {
        unsentStart += count
        guard unsentStart == unsentEnd else { return }
        unsafe unsent?.deallocate()
        unsafe unsent = nil
        unsentStart = 0
        unsentEnd = 0
    }

    @_lifetime(borrow self)
    private func text(from start: Int, count: UInt16) -> Span<UInt8> {
        guard let block = unsafe block, count > 0 else { return Span() }
        let bytes = unsafe Span(_unsafeStart: block + start, count: Int(count))
        return unsafe _overrideLifetime(bytes, borrowing: self)
    }

    private static func copy(_ bytes: Span<UInt8>, to target: UnsafeMutablePointer<UInt8>) {
        unsafe bytes.withUnsafeBufferPointer {
            guard let source = $0.baseAddress else { return }
            unsafe target.update(from: source, count: $0.count)
        }
    }
}
