/* lms.c - LM-OTS and one LMS tree (RFC 8554 sections 4 and 5, SP 800-208 section 4): keys, digests, signatures. Called by
 * hss.c and the door. SEED is secret; everything in a signature or a public key is public. */
#include "lms.h"
#include <string.h>
#include "../../base/bytes.h"
#include "../../trees/winternitz.h"

void hbss_lms_expand(hbss_key *key)
{
  key->tweak = &hbss_lms_tweak;
  key->height = key->set->h;
  hbss_hash_prefix(&key->prefix[0], key->hash, key->public_seed, HBSS_LMS_I);
}

/* u32(LMS type) || u32(LM-OTS type) || I || T[1] */
hbss_status hbss_lms_read(hbss_key *key, const uint8_t *bytes, size_t len)
{
  int lms = 0, lmots = 0;
  if (len < 8) return HBSS_BAD_KEY;
  for (size_t i = 0; i < sizeof hbss_lms_sets / sizeof *hbss_lms_sets; i++) {
    const hbss_set *set = hbss_lms_sets + i;
    lms |= set->code == hbss_get32(bytes);
    lmots |= set->ots_code == hbss_get32(bytes + 4);
    if (set->code != hbss_get32(bytes) || set->ots_code != hbss_get32(bytes + 4)) continue;
    if (len != set->public_len) return HBSS_BAD_KEY;
    key->set = set;
    memcpy(key->public_seed, bytes + 8, HBSS_LMS_I);
    memcpy(key->root, bytes + 8 + HBSS_LMS_I, set->n);
    return HBSS_OK;
  }
  return lms && lmots ? HBSS_BAD_KEY : HBSS_UNKNOWN_CODE; /* both known: of different hash or n */
}

void hbss_lms_write(uint8_t *bytes, const hbss_key *key)
{
  hbss_put32(bytes, key->set->code);
  hbss_put32(bytes + 4, key->set->ots_code);
  memcpy(bytes + 8, key->public_seed, HBSS_LMS_I);
  memcpy(bytes + 8 + HBSS_LMS_I, key->root, key->n);
}

/* Q = H(I || u32(q) || D_MESG || C || message): section 4.5 */
static void message_start(hbss_message *message, const hbss_key *key, uint32_t q, const uint8_t *c)
{
  uint8_t head[6];
  hbss_put32(head, q);
  head[4] = head[5] = HBSS_LMS_D_MESG;
  hbss_hash_init(message, key->hash);
  hbss_hash_update(message, key->public_seed, HBSS_LMS_I);
  hbss_hash_update(message, head, sizeof head);
  hbss_hash_update(message, c, key->n);
}

void hbss_lms_digest_start(hbss_stream *stream, const hbss_key *key, uint64_t q, const uint8_t *c)
{
  stream->key = key;
  stream->finish = hbss_scheme_finish_n;
  message_start(&stream->message, key, (uint32_t)q, c);
}

void hbss_lms_message_start(hbss_message *message, const hbss_key *key, const uint8_t *signature)
{
  message_start(message, key, hbss_get32(signature), signature + 8);
}

/* u32(q) || u32(LM-OTS type) || C || y[0..p-1] || u32(LMS type) || path: sections 4.5 and 5.4 */
void hbss_lms_sign_leaf(uint8_t *signature, const hbss_key *key, const hbss_adrs *leaf, const uint8_t *c,
                        const uint8_t *digest, const uint8_t *path)
{
  const uint32_t n = key->n, values = (key->len1 + key->len2) * n;
  hbss_put32(signature, leaf->index);
  hbss_put32(signature + 4, key->set->ots_code);
  memcpy(signature + 8, c, n);
  const hbss_spot spot = {key, *leaf};
  hbss_winternitz_sign(signature + 8 + n, 0, &spot, digest, 1);
  hbss_put32(signature + 8 + n + values, key->set->code);
  memmove(signature + 12 + n + values, path, (size_t)key->height * n); /* it may be there already */
}

/* section 5.4.2, algorithm 6a steps 1 and 2 */
int hbss_lms_well_formed(const hbss_key *key, const uint8_t *signature, size_t len)
{
  const uint32_t n = key->n, values = (key->len1 + key->len2) * n;
  return len == key->set->signature_len && hbss_get32(signature) < 1u << key->height &&
         hbss_get32(signature + 4) == key->set->ots_code && hbss_get32(signature + 8 + n + values) == key->set->code;
}

/* section 5.4.2, algorithm 6a steps 3 and 4 */
void hbss_lms_ascent(hbss_ascent *ascent, const hbss_key *key, const uint8_t *signature, hbss_message *message)
{
  *ascent = (hbss_ascent){.key = key, .leaf = hbss_get32(signature), .gap = 4, .parts = signature + 8 + key->n};
  hbss_hash_final(ascent->node, key->n, message);
}
