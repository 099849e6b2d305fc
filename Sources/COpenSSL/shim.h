// OpenSSL's declarations, and its macros as functions that Swift can call.
#pragma once
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/ocsp.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

static inline int sallyport_public_key_selection(void) { return EVP_PKEY_PUBLIC_KEY; }

// RFC 4514, which leaves UTF-8 as it is: RFC 2253's flags would escape each of its bytes.
static inline unsigned long sallyport_name_flags(void) {
    return XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB;
}

// BIO's flags and SSL's controls are macros.
static inline void sallyport_clear_retry(BIO *bio) { BIO_clear_retry_flags(bio); }
static inline void sallyport_retry_read(BIO *bio) { BIO_set_retry_read(bio); }
static inline void sallyport_retry_write(BIO *bio) { BIO_set_retry_write(bio); }
static inline int sallyport_negotiated_group(SSL *ssl) { return (int)SSL_get_negotiated_group(ssl); }
static inline int sallyport_signature_digest(SSL *ssl, int is_own) {
    int nid = 0;
    int is_known = is_own ? SSL_get_signature_nid(ssl, &nid) : SSL_get_peer_signature_nid(ssl, &nid);
    return is_known == 1 ? nid : 0;
}
static inline uint64_t sallyport_kernel_tls_option(void) { return SSL_OP_ENABLE_KTLS; }

// A builder keeps the pointers of names until it is used. Swift's text of a macro does not live
// that long; these literals do.
static inline int sallyport_push_rsa(OSSL_PARAM_BLD *builder, const BIGNUM *n, const BIGNUM *e) {
    return OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
           OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) == 1;
}

static inline int sallyport_push_point(OSSL_PARAM_BLD *builder, int coordinate_bytes,
                                       const void *point, size_t size) {
    const char *group = coordinate_bytes == 32   ? "P-256"
                        : coordinate_bytes == 48 ? "P-384"
                                                 : "P-521";
    return OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, group, 0) == 1 &&
           OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, size) == 1;
}

// The functions that the default provider's SHA-256 consists of. Calling them by name spares what
// EVP does around a digest: docs/decisions/0010 says how much, and why that is not a way around a
// FIPS provider.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

static inline int sallyport_sha256_init(SHA256_CTX *context) { return SHA256_Init(context); }

static inline int sallyport_sha256_update(SHA256_CTX *context, const void *bytes, size_t size) {
    return SHA256_Update(context, bytes, size);
}

static inline int sallyport_sha256_final(SHA256_CTX *context, unsigned char *digest) {
    return SHA256_Final(digest, context);
}

#pragma GCC diagnostic pop

// What is a macro with arguments, or a macro that casts, in OpenSSL's headers.
static inline uint64_t sallyport_server_options(void) {
    return SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA | SSL_OP_NO_RENEGOTIATION |
           SSL_OP_NO_COMPRESSION;
}

static inline uint64_t sallyport_client_options(void) {
    return SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION;
}

static inline uint64_t sallyport_no_ticket_option(void) { return SSL_OP_NO_TICKET; }

static inline void sallyport_set_status_callback(SSL_CTX *context,
                                                 int (*callback)(SSL *, void *), void *argument) {
    SSL_CTX_set_tlsext_status_cb(context, callback);
    SSL_CTX_set_tlsext_status_arg(context, argument);
}

static inline int sallyport_set_server_name(SSL *session, const char *name) {
    return SSL_set_tlsext_host_name(session, name) == 1;
}

// A HMAC's parameters name their values by text, which has to outlive the call.
static inline int sallyport_start_ticket_mac(EVP_MAC_CTX *context, const unsigned char *key,
                                             size_t size) {
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)key, size),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
        OSSL_PARAM_construct_end(),
    };
    return EVP_MAC_CTX_set_params(context, parameters) == 1;
}

static inline void sallyport_free_certificates(STACK_OF(X509) *certificates) {
    sk_X509_pop_free(certificates, X509_free);
}

static inline void sallyport_free_names(STACK_OF(X509_NAME) *names) {
    sk_X509_NAME_pop_free(names, X509_NAME_free);
}

static inline void sallyport_free_secret(void *bytes, size_t size) {
    OPENSSL_secure_clear_free(bytes, size);
}

static inline void *sallyport_allocate(size_t size) { return OPENSSL_malloc(size); }

static inline void sallyport_free(void *bytes) { OPENSSL_free(bytes); }

static inline const EVP_MD *sallyport_digest_of(const ASN1_OBJECT *algorithm) {
    return EVP_get_digestbyobj(algorithm);
}
