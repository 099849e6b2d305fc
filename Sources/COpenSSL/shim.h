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
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

static inline int sallyport_public_key_selection(void) { return EVP_PKEY_PUBLIC_KEY; }

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
