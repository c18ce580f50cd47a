/* hss.c - HSS, one to eight levels of LMS trees (RFC 8554 section 6), and the row that gives the LMS family to the door.
 * Whatever a user touches is in HSS form; a bare LMS tree is a level of it. The levels' signatures of child keys are made
 * leaf by leaf through lms.c and kept by the caller, so signing needs nothing here but the child's seeds. */
#include <string.h>
#include "../../base/bytes.h"
#include "lms.h"

/* section 6.1: u32(L) || LMS public key of the top tree */
static hbss_status read_public(hbss_key *key, const hbss_set *set, const uint8_t *bytes, size_t len)
{
  if (len < 4 || hbss_get32(bytes) < 1 || hbss_get32(bytes) > 8) return HBSS_BAD_KEY;
  const hbss_status status = hbss_lms_read(key, bytes + 4, len - 4);
  if (status) return status;
  if (set && set != key->set) return HBSS_BAD_KEY;
  key->levels = hbss_get32(bytes);
  return HBSS_OK;
}

/* appendix A: C = H(I || u32(q) || u16(0xfffd) || 0xff || SEED) */
static void randomizer(uint8_t *c, const hbss_key *key, uint64_t q)
{
  hbss_lms_derive(c, key->n, key, (uint32_t)q, 0xfffd);
}

/* appendix A: the child's SEED from i = 0xfffe and its I from i = 0xffff, with the parent's I, q and SEED. Derived as 32
 * bytes, of which the child takes what it needs: the standard has equal n on all levels, and there this is the same. */
void hbss_hss_child(uint8_t *secret, uint8_t *public_seed, const hbss_key *parent, uint32_t q, const hbss_set *child)
{
  uint8_t derived[32];
  hbss_lms_derive(derived, sizeof derived, parent, q, 0xfffe);
  memcpy(secret, derived, child->secret_len);
  hbss_lms_derive(derived, sizeof derived, parent, q, 0xffff);
  memcpy(public_seed, derived, HBSS_LMS_I);
  hbss_secret_reveal(public_seed, HBSS_LMS_I); /* a part of the child's public key */
}

/* One level's key from its bytes in a signature. */
static hbss_status expand_level(hbss_key *level, const hbss_backend *backend, const uint8_t *bytes, size_t len)
{
  memset(level, 0, sizeof *level);
  level->backend = backend;
  const hbss_status status = hbss_lms_read(level, bytes, len);
  if (status) return status;
  level->levels = 1;
  level->has_root = 1;
  hbss_scheme_expand(level, hbss_lms_expand);
  return HBSS_OK;
}

/* The length of a bare public key, by its LMS type code; 0: unknown. */
static size_t public_len(const uint8_t *bytes)
{
  for (size_t i = 0; i < sizeof hbss_lms_sets / sizeof *hbss_lms_sets; i++)
    if (hbss_lms_sets[i].code == hbss_get32(bytes)) return hbss_lms_sets[i].public_len;
  return 0;
}

static const hbss_key *key_of(const hbss_stream *stream, const hbss_key *top, uint32_t level)
{
  return level ? &stream->level[level - 1] : top;
}

/* Section 6.3: u32(Nspk), then for every level but the last its signature of the next level's public key, then the last
 * level's signature of the message. Here lengths and codes are checked and the keys read. */
static hbss_status verify_start(hbss_stream *stream, const hbss_key *key, const uint8_t *signature, size_t len)
{
  size_t at = 4;
  uint32_t level = 0;
  if (len < 4 || hbss_get32(signature) != key->levels - 1) return HBSS_BAD_SIGNATURE;
  for (; level + 1 < key->levels; level++) {
    const hbss_key *signer = key_of(stream, key, level);
    const size_t own = signer->set->signature_len;
    if (len - at < own + 4 || !hbss_lms_well_formed(signer, signature + at, own)) return HBSS_BAD_SIGNATURE;
    const uint8_t *child = signature + at + own;
    const size_t child_len = public_len(child);
    if (!child_len || len - at - own < child_len) return HBSS_BAD_SIGNATURE;
    if (expand_level(&stream->level[level], key->backend, child, child_len)) return HBSS_BAD_SIGNATURE;
    at += own + child_len;
  }
  stream->key = key_of(stream, key, level);
  if (!hbss_lms_well_formed(stream->key, signature + at, len - at)) return HBSS_BAD_SIGNATURE;
  hbss_lms_message_start(&stream->message, stream->key, signature + at);
  return HBSS_OK;
}

/* What each level signs is known beforehand, a key or the message, so that no level waits for another. */
static uint32_t verify_ascents(hbss_ascent *ascent, hbss_stream *stream, const hbss_key *key, const uint8_t *signature)
{
  const uint8_t *own = signature + 4;
  hbss_message message;
  for (uint32_t level = 0; level + 1 < key->levels; level++) {
    const hbss_key *signer = key_of(stream, key, level);
    const uint8_t *child = own + signer->set->signature_len;
    const size_t child_len = key_of(stream, key, level + 1)->set->public_len;
    hbss_lms_message_start(&message, signer, own);
    hbss_hash_update(&message, child, child_len);
    hbss_lms_ascent(ascent + level, signer, own, &message);
    own = child + child_len;
  }
  hbss_lms_ascent(ascent + key->levels - 1, stream->key, own, &stream->message);
  return key->levels;
}

static void ots_public(uint8_t *out, const hbss_key *key, const hbss_adrs *leaf, const uint8_t *ends)
{
  const hbss_spot spot = {key, *leaf};
  hbss_lms_ots_key(out, &spot, ends, 1);
}

const hbss_scheme_row hbss_lms_row = {
  .expand = hbss_lms_expand,
  .read_public = read_public,
  .write_public = hbss_lms_write,
  .randomizer = randomizer,
  .digest_start = hbss_lms_digest_start,
  .sign_leaf = hbss_lms_sign_leaf,
  .verify_start = verify_start,
  .verify_ascents = verify_ascents,
  .ots_public = ots_public,
};
