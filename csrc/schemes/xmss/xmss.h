/* xmss.h - what xmss.c and tweak.c share: the functions of RFC 8391 that differ in their first number only. */
#ifndef HBSS_XMSS_XMSS_H
#define HBSS_XMSS_XMSS_H
#include "../scheme.h"

/* The domain: the number that begins every hash, toByte(domain, pad). F, H and PRF_keygen begin a key's prefixes. */
typedef enum hbss_xmss_domain { HBSS_XMSS_F = 0, HBSS_XMSS_H = 1, HBSS_XMSS_HMSG = 2, HBSS_XMSS_PRF = 3,
                                HBSS_XMSS_PRF_KEYGEN = 4 } hbss_xmss_domain;
/* A key's prefixes: F and H alone, PRF with SEED, PRF_keygen with SK_SEED. */
enum { HBSS_XMSS_AT_F, HBSS_XMSS_AT_H, HBSS_XMSS_AT_PRF, HBSS_XMSS_AT_KEYGEN };
enum { HBSS_XMSS_ADRS = 32 }; /* bytes of an address */

/* RFC 8391 section 5.1: n bytes; SP 800-208 sections 5.2 and 5.4: 4 bytes for n = 24 */
static inline uint32_t hbss_xmss_pad(const hbss_key *key) { return key->n == 24 ? 4 : key->n; }

extern const hbss_tweak hbss_xmss_tweak;
#endif
