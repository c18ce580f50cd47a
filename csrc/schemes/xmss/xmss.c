/* xmss.c - XMSS and XMSS^MT (RFC 8391 sections 4.1 and 4.2, SP 800-208 section 5): keys, randomisers, message digests and
 * signatures over hypertree.c. Called by the door. SK_SEED and SK_PRF (one after the other in `secret`) are secret. */
#include "xmss.h"
#include <string.h>
#include "../../base/bytes.h"

static void prefix(hbss_key *key, uint32_t which, hbss_xmss_domain domain, const uint8_t *seed)
{
  uint8_t bytes[2 * HBSS_MAX_N];
  const uint32_t pad = hbss_xmss_pad(key);
  hbss_put_be(bytes, domain, pad);
  if (seed) memcpy(bytes + pad, seed, key->n);
  hbss_hash_prefix(&key->prefix[which], key->hash, bytes, pad + (seed ? key->n : 0));
}

static void expand(hbss_key *key)
{
  key->tweak = &hbss_xmss_tweak;
  key->height = key->set->h / key->set->d;
  prefix(key, HBSS_XMSS_AT_F, HBSS_XMSS_F, NULL);
  prefix(key, HBSS_XMSS_AT_H, HBSS_XMSS_H, NULL);
  prefix(key, HBSS_XMSS_AT_PRF, HBSS_XMSS_PRF, key->public_seed);
  prefix(key, HBSS_XMSS_AT_KEYGEN, HBSS_XMSS_PRF_KEYGEN, key->secret);
}

/* u32(OID) || root || SEED: section 4.1.7. The two schemes' OIDs overlap, so the scheme comes from the caller. */
static hbss_status read_public_of(hbss_scheme scheme, hbss_key *key, const hbss_set *set, const uint8_t *bytes,
                                  size_t len)
{
  if (len < 4) return HBSS_BAD_KEY;
  for (size_t i = 0; i < sizeof hbss_xmss_sets / sizeof *hbss_xmss_sets; i++) {
    const hbss_set *s = hbss_xmss_sets + i;
    if (s->scheme != scheme || s->code != hbss_get32(bytes)) continue;
    if (len != s->public_len || (set && set != s)) return HBSS_BAD_KEY;
    key->set = s;
    memcpy(key->root, bytes + 4, s->n);
    memcpy(key->public_seed, bytes + 4 + s->n, s->n);
    return HBSS_OK;
  }
  return HBSS_UNKNOWN_CODE;
}
static hbss_status read_xmss(hbss_key *key, const hbss_set *set, const uint8_t *bytes, size_t len)
{
  return read_public_of(HBSS_XMSS, key, set, bytes, len);
}
static hbss_status read_xmssmt(hbss_key *key, const hbss_set *set, const uint8_t *bytes, size_t len)
{
  return read_public_of(HBSS_XMSSMT, key, set, bytes, len);
}

static void write_public(uint8_t *bytes, const hbss_key *key)
{
  hbss_put32(bytes, key->set->code);
  memcpy(bytes + 4, key->root, key->n);
  memcpy(bytes + 4 + key->n, key->public_seed, key->n);
}

/* r = PRF(SK_PRF, toByte(idx, 32)): algorithms 12 and 16 */
static void randomizer(uint8_t *r, const hbss_key *key, uint64_t index)
{
  uint8_t bytes[2 * HBSS_MAX_N + 32];
  const uint32_t pad = hbss_xmss_pad(key), n = key->n;
  hbss_message m;
  hbss_put_be(bytes, HBSS_XMSS_PRF, pad);
  memcpy(bytes + pad, key->secret + n, n);
  hbss_put_be(bytes + pad + n, index, 32);
  hbss_hash_init(&m, key->hash);
  hbss_hash_update(&m, bytes, pad + n + 32);
  hbss_hash_final(r, n, &m);
}

/* H_msg(r || root || toByte(idx, n), M): section 5.1 */
static void digest_start(hbss_stream *stream, const hbss_key *key, uint64_t index, const uint8_t *r)
{
  uint8_t bytes[HBSS_MAX_N];
  stream->key = key;
  stream->finish = hbss_scheme_finish_n;
  hbss_hash_init(&stream->message, key->hash);
  hbss_put_be(bytes, HBSS_XMSS_HMSG, hbss_xmss_pad(key));
  hbss_hash_update(&stream->message, bytes, hbss_xmss_pad(key));
  hbss_hash_update(&stream->message, r, key->n);
  hbss_hash_update(&stream->message, key->root, key->n);
  hbss_put_be(bytes, index, key->n);
  hbss_hash_update(&stream->message, bytes, key->n);
}

/* idx || r || a part for each layer: sections 4.1.8 and 4.2.3 */
static size_t index_len(const hbss_key *key) { return key->set->scheme == HBSS_XMSS ? 4 : (key->set->h + 7) / 8; }

static hbss_status verify_start(hbss_stream *stream, const hbss_key *key, const uint8_t *signature, size_t len)
{
  if (len != key->set->signature_len) return HBSS_BAD_SIGNATURE;
  const uint64_t index = hbss_get_be(signature, index_len(key));
  if (index >> key->set->h) return HBSS_BAD_SIGNATURE;
  digest_start(stream, key, index, signature + index_len(key));
  return HBSS_OK;
}

static uint32_t verify_ascents(hbss_ascent *ascent, hbss_stream *stream, const hbss_key *key, const uint8_t *signature)
{
  const uint64_t index = hbss_get_be(signature, index_len(key));
  *ascent = (hbss_ascent){.key = key, .tree = index >> key->height, .leaf = (uint32_t)(index & ((1u << key->height) - 1)),
                          .parts = signature + index_len(key) + key->n};
  stream->finish(ascent->node, stream);
  return 1;
}

#define ROW(read) { \
  .expand = expand, .read_public = read, .write_public = write_public, .randomizer = randomizer, \
  .digest_start = digest_start, .verify_start = verify_start, .verify_ascents = verify_ascents}
const hbss_scheme_row hbss_xmss_row = ROW(read_xmss);
const hbss_scheme_row hbss_xmssmt_row = ROW(read_xmssmt);
