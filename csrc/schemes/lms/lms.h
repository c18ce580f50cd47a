/* lms.h - what lms.c and hss.c share: a bare LMS tree, its hashes and its signatures (RFC 8554). */
#ifndef HBSS_LMS_LMS_H
#define HBSS_LMS_LMS_H
#include "../scheme.h"

enum { HBSS_LMS_I = 16 }; /* bytes of a tree's identifier */
enum { HBSS_LMS_D_PBLC = 0x80, HBSS_LMS_D_MESG = 0x81, HBSS_LMS_D_LEAF = 0x82, HBSS_LMS_D_INTR = 0x83 }; /* twice each */

extern const hbss_tweak hbss_lms_tweak;
/* n bytes derived from SEED at leaf q under the number i (appendix A; i >= 0xfffd: C, child SEED, child I) */
void hbss_lms_derive(uint8_t *out, uint32_t n, const hbss_key *key, uint32_t q, uint32_t i);
/* K of an LM-OTS public key from its chain ends */
void hbss_lms_ots_key(uint8_t *k, const hbss_spot *leaf, const uint8_t *ends, size_t count);

void hbss_lms_expand(hbss_key *key);
/* a bare LMS public key of exactly set->public_len bytes, the set found by its two type codes */
hbss_status hbss_lms_read(hbss_key *key, const uint8_t *bytes, size_t len);
void hbss_lms_write(uint8_t *bytes, const hbss_key *key);
void hbss_lms_digest_start(hbss_stream *stream, const hbss_key *key, uint64_t q, const uint8_t *c);
/* the beginning of the message that is hashed under a signature's q and C */
void hbss_lms_message_start(hbss_message *message, const hbss_key *key, const uint8_t *signature);
void hbss_lms_sign_leaf(uint8_t *signature, const hbss_key *key, const hbss_adrs *leaf, const uint8_t *c,
                        const uint8_t *digest, const uint8_t *path);
/* whether a signature of len bytes is well-formed under the key: lengths, types, q */
int hbss_lms_well_formed(const hbss_key *key, const uint8_t *signature, size_t len);
/* a well-formed signature on its way up, over the digest of a message that ends here */
void hbss_lms_ascent(hbss_ascent *ascent, const hbss_key *key, const uint8_t *signature, hbss_message *message);
#endif
