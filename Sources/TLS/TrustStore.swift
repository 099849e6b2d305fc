import COpenSSL
import Primitives

/// The authorities that certificates must lead to, and the lists of those that were revoked.
///
/// Every certificate of the authorities' file is believed, also one that is not self-signed: who
/// names one issuing authority means that one and not its parent.
// Safe: every pointer is this object's own and freed in deinit only.
@safe
final class TrustStore: @unchecked Sendable {
    // Sendable: OpenSSL guards a store's insides; it is not changed after init.
    /// `X509_STORE *`.
    let store: OpaquePointer
    /// `STACK_OF(X509_NAME) *`: the authorities' names, as a server tells them to clients.
    let names: OpaquePointer
    /// What the operator should know about it.
    private(set) var warnings: [String] = []

    /// The authorities in `text`, which is the file at `path`.
    init(
        authorities text: [UInt8], path: String, library: TLSLibrary
    ) throws(TLSError) {
        guard let made = unsafe X509_STORE_new() else { throw .outOfMemory }
        guard let list = unsafe OPENSSL_sk_new_null() else {
            unsafe X509_STORE_free(made)
            throw .outOfMemory
        }
        unsafe store = made
        unsafe names = list
        _ = unsafe X509_STORE_set_flags(made, UInt(X509_V_FLAG_PARTIAL_CHAIN))
        var count = 0
        var isWhole = true
        let isRead = unsafe PEMText.read(text.span) { memory in
            while isWhole {
                switch unsafe PEMText.nextCertificate(memory, library) {
                case .object(let certificate):
                    isWhole = unsafe TrustStore.add(certificate, to: made, list)
                    unsafe X509_free(certificate)
                    count += 1
                case .end: return
                case .malformed: isWhole = false
                }
            }
        }
        guard isRead, isWhole else { throw .authoritiesMalformed(path: path) }
        guard count > 0 else { throw .authoritiesMissing(path: path) }
    }

    deinit {
        unsafe X509_STORE_free(store)
        unsafe sallyport_free_names(names)
    }

    /// Checks all of a chain against the revocation lists in `text`, the file at `path`.
    ///
    /// An authority without a current list then refuses all certificates below it; that is warned
    /// of.
    func check(revocations text: [UInt8], path: String, library: TLSLibrary, now: WallTime)
        throws(TLSError)
    {
        var count = 0
        var isWhole = true
        var stale = 0
        let store = unsafe store
        let issuers = unsafe OPENSSL_sk_new_null()
        defer { unsafe sallyport_free_names(issuers) }
        let isRead = unsafe PEMText.read(text.span) { memory in
            while isWhole {
                switch unsafe PEMText.nextRevocations(memory, library) {
                case .object(let list):
                    isWhole = unsafe X509_STORE_add_crl(store, list) == 1
                    let end = unsafe CertificateTime.seconds(X509_CRL_get0_nextUpdate(list))
                    if let end, end <= now.seconds { stale += 1 }
                    unsafe TrustStore.add(X509_CRL_get_issuer(list), to: issuers)
                    unsafe X509_CRL_free(list)
                    count += 1
                case .end: return
                case .malformed: isWhole = false
                }
            }
        }
        guard isRead, isWhole else { throw .revocationsMalformed(path: path) }
        guard count > 0 else { throw .revocationsMissing(path: path) }
        let flags = UInt(X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL)
        guard unsafe X509_STORE_set_flags(store, flags) == 1 else { throw .settingRefused }
        if stale > 0 {
            warnings.append(
                "\(path) has \(stale) revocation lists that have run out: "
                    + "certificates under them are refused")
        }
        for place in 0..<(unsafe OPENSSL_sk_num(names))
        where unsafe !TrustStore.contains(issuers, OPENSSL_sk_value(names, place)) {
            warnings.append(
                "\(path) has no revocation list of one of the authorities: "
                    + "certificates under it are refused")
        }
    }

    private static func add(
        _ certificate: OpaquePointer, to store: OpaquePointer, _ names: OpaquePointer
    ) -> Bool {
        guard unsafe X509_STORE_add_cert(store, certificate) == 1 else { return false }
        return unsafe add(X509_get_subject_name(certificate), to: names)
    }

    /// Adds a copy of `name`, an `X509_NAME *`, when `names` don't have it.
    @discardableResult
    private static func add(_ name: OpaquePointer?, to names: OpaquePointer?) -> Bool {
        guard let name = unsafe name, let names = unsafe names else { return false }
        guard unsafe !contains(names, UnsafeMutableRawPointer(name)) else { return true }
        guard let copy = unsafe X509_NAME_dup(name) else { return false }
        if unsafe OPENSSL_sk_push(names, UnsafeRawPointer(copy)) > 0 { return true }
        unsafe X509_NAME_free(copy)
        return false
    }

    private static func contains(_ names: OpaquePointer?, _ name: UnsafeMutableRawPointer?) -> Bool
    {
        for place in 0..<max(0, unsafe OPENSSL_sk_num(names)) {
            guard let other = unsafe OPENSSL_sk_value(names, place) else { continue }
            if unsafe X509_NAME_cmp(OpaquePointer(other), OpaquePointer(name)) == 0 { return true }
        }
        return false
    }
}
