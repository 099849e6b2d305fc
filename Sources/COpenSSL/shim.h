// OpenSSL's declarations, and its macros as functions that Swift can call.
#pragma once
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
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
static inline int sallyport_signature_digest(SSL *ssl) {
    int nid = 0;
    return SSL_get_signature_nid(ssl, &nid) == 1 ? nid : 0;
}

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
