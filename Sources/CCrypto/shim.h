#pragma once
#include <openssl/evp.h>

static inline const char *lcrypto_version(void) { return OpenSSL_version(OPENSSL_VERSION_STRING); }
