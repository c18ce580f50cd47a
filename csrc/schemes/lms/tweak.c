/* tweak.c - the bytes of LMS's hashes (RFC 8554 sections 4.3-4.6, 5.3 and appendix A): I || q || i || j || value, and
 * I || r || D || values. I is the prefix; SEED and the first values are secret. Called by the trees and lms.c. */
#include "../../base/bytes.h"
#include "lms.h"

typedef struct chains_of { const hbss_spot *leaf; uint32_t len; } chains_of;

/* u32(q) || u16(i) || u8(j): j = 0xff derives a first value; in a chain the engine counts it */
static const hbss_prefix *chain_header(const void *of, size_t i, uint8_t *h)
{
  const chains_of *o = of;
  const uint32_t leaf = (uint32_t)i / o->len;
  const hbss_spot *s = o->leaf + leaf;
  hbss_put32(h, s->at.index);
  hbss_put16(h + 4, (uint32_t)i - leaf * o->len);
  h[6] = 0xff;
  return s->key->prefix;
}

static uint32_t len_of(const hbss_key *key) { return key->len1 + key->len2; }

static void walk(uint8_t *x, const hbss_spot *leaf, const uint8_t *seed, const uint8_t *from, const uint8_t *to,
                 size_t stride, size_t count)
{
  const hbss_key *key = leaf->key;
  const chains_of of = {leaf, len_of(key)};
  const hbss_items items = {.header = chain_header, .of = &of, .header_len = 7, .n = key->n, .counter_at = 6, .seed = seed};
  hbss_hash_chain(x, key->hash, &items, from, to, stride, count * of.len);
}

/* a first value is derived by a step of its chain, the one before 0, from SEED */
static void make(uint8_t *x, const hbss_spot *leaf, const uint8_t *to, size_t stride, size_t count)
{
  walk(x, leaf, leaf->key->secret, NULL, to, stride, count);
}

static void chains(uint8_t *x, const hbss_spot *leaf, const uint8_t *from, const uint8_t *to, size_t count)
{
  walk(x, leaf, NULL, from, to, 1, count);
}

/* u32(q), or the node number 2^h + q of a leaf, || D || D */
typedef struct leaves_of { const hbss_spot *leaf; uint8_t d; } leaves_of;
static const hbss_prefix *leaf_header(const void *of, size_t i, uint8_t *h)
{
  const leaves_of *o = of;
  const hbss_spot *s = o->leaf + i;
  hbss_put32(h, s->at.index + (o->d == HBSS_LMS_D_LEAF ? 1u << s->key->height : 0));
  h[4] = h[5] = o->d;
  return s->key->prefix;
}

void hbss_lms_ots_key(uint8_t *k, const hbss_spot *leaf, const uint8_t *ends, size_t count)
{
  const hbss_key *key = leaf->key;
  const leaves_of of = {leaf, HBSS_LMS_D_PBLC};
  const hbss_items items = {.header = leaf_header, .of = &of, .header_len = 6, .n = key->n};
  const size_t all = (size_t)len_of(key) * key->n;
  hbss_hash_many(k, key->hash, &items, ends, all, all, count);
}

static void pack(uint8_t *out, const hbss_spot *leaf, uint8_t *x, size_t count)
{
  const hbss_key *key = leaf->key;
  const leaves_of of = {leaf, HBSS_LMS_D_LEAF};
  const hbss_items items = {.header = leaf_header, .of = &of, .header_len = 6, .n = key->n};
  hbss_lms_ots_key(out, leaf, x, count);
  hbss_hash_many(out, key->hash, &items, out, key->n, key->n, count);
}

/* the root is node 1, the children of node r are 2r and 2r + 1 */
static const hbss_prefix *node_header(const void *of, size_t i, uint8_t *h)
{
  const hbss_spot *s = (const hbss_spot *)of + i;
  hbss_put32(h, (1u << (s->key->height - s->at.height)) + s->at.index);
  h[4] = h[5] = HBSS_LMS_D_INTR;
  return s->key->prefix;
}

static void nodes(uint8_t *parent, const hbss_spot *node, const uint8_t *children, size_t count)
{
  const hbss_key *key = node->key;
  const hbss_items items = {.header = node_header, .of = node, .header_len = 6, .n = key->n};
  hbss_hash_many(parent, key->hash, &items, children, 2 * key->n, 2 * key->n, count);
}

const hbss_tweak hbss_lms_tweak = {make, chains, pack, nodes};

typedef struct derived_of { const hbss_key *key; uint32_t q, i; } derived_of;
static const hbss_prefix *derived_header(const void *of, size_t item, uint8_t *h)
{
  const derived_of *o = of;
  (void)item;
  hbss_put32(h, o->q);
  hbss_put16(h + 4, o->i);
  h[6] = 0xff;
  return o->key->prefix;
}

void hbss_lms_derive(uint8_t *out, uint32_t n, const hbss_key *key, uint32_t q, uint32_t i)
{
  const derived_of of = {key, q, i};
  const hbss_items items = {.header = derived_header, .of = &of, .header_len = 7, .n = n};
  hbss_hash_many(out, key->hash, &items, key->secret, key->n, 0, 1);
}
