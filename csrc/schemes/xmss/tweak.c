/* tweak.c - the bytes of XMSS's hashes (RFC 8391 sections 2.5, 3.1.2, 4.1.4, 4.1.5, 5.1; PRF_keygen: SP 800-208 sections 5
 * and 6.2): every hash is keyed and masked by PRFs over an address. Called by the trees. SK_SEED and the first values are
 * secret. */
#include <string.h>
#include "../../base/bytes.h"
#include "xmss.h"

enum { OTS = 0, LTREE = 1, TREE = 2 }; /* types of address */
enum { KEY = 0, MASK = 1 };            /* keyAndMask; RAND_HASH has two masks, 1 and 2 */

/* section 2.5: layer || tree || type || three words || keyAndMask */
static void address(uint8_t *h, const hbss_adrs *at, uint32_t type, uint32_t w1, uint32_t w2, uint32_t w3,
                    uint32_t key_and_mask)
{
  hbss_put32(h, at->layer);
  hbss_put64(h + 4, at->tree);
  hbss_put32(h + 12, type);
  hbss_put32(h + 16, w1);
  hbss_put32(h + 20, w2);
  hbss_put32(h + 24, w3);
  hbss_put32(h + 28, key_and_mask);
}

/* ---- first values: PRF_keygen(SK_SEED, SEED || ADRS) ---- */

typedef struct chains_of { const hbss_spot *leaf; uint32_t len; } chains_of;

static const hbss_prefix *secret_header(const void *of, size_t i, uint8_t *h)
{
  const chains_of *o = of;
  const uint32_t leaf = (uint32_t)i / o->len;
  const hbss_spot *s = o->leaf + leaf;
  hbss_copy(h, s->key->public_seed, s->key->n);
  address(h + s->key->n, &s->at, OTS, s->at.index, (uint32_t)i - leaf * o->len, 0, 0);
  return &s->key->prefix[HBSS_XMSS_AT_KEYGEN];
}

static void secret(uint8_t *x, const hbss_spot *leaf, size_t count)
{
  const hbss_key *key = leaf->key;
  const chains_of of = {leaf, key->len1 + key->len2};
  const hbss_items items = {.header = secret_header, .of = &of, .header_len = key->n + HBSS_XMSS_ADRS, .n = key->n};
  hbss_hash_many(x, key->hash, &items, x, 0, 0, count * of.len);
}

/* ---- chains: x = F(K, x ^ M), with K and M from PRFs over the address ---- */

static const hbss_prefix *chain_header(const void *of, size_t i, uint8_t *h)
{
  const chains_of *o = of;
  const uint32_t leaf = (uint32_t)i / o->len;
  const hbss_spot *s = o->leaf + leaf;
  address(h, &s->at, OTS, s->at.index, (uint32_t)i - leaf * o->len, 0, KEY);
  return &s->key->prefix[HBSS_XMSS_AT_PRF];
}

static void walk(uint8_t *x, const hbss_spot *leaf, const uint8_t *from, const uint8_t *to, size_t stride, size_t count)
{
  const hbss_key *key = leaf->key;
  const chains_of of = {leaf, key->len1 + key->len2};
  const hbss_items items = {.header = chain_header, .of = &of, .header_len = HBSS_XMSS_ADRS, .n = key->n,
                            .counter_at = 27, .masked = &key->prefix[HBSS_XMSS_AT_F]};
  hbss_hash_chain(x, key->hash, &items, from, to, stride, count * of.len);
}

static void make(uint8_t *x, const hbss_spot *leaf, const uint8_t *to, size_t stride, size_t count)
{
  secret(x, leaf, count);
  walk(x, leaf, NULL, to, stride, count);
}

static void chains(uint8_t *x, const hbss_spot *leaf, const uint8_t *from, const uint8_t *to, size_t count)
{
  walk(x, leaf, from, to, 1, count);
}

/* ---- RAND_HASH of pairs: three PRFs, two masks, one hash (RFC 8391 algorithm 7) ---- */

enum { PAIRS = 2048, MOST = PAIRS / 24 }; /* n bytes times the pairs that go together; so many of them for the least n */

/* Pair p belongs to spot p / per: of an L-tree's level (`height` of it) pair p % per, else the children of a node. It lies
 * at x + (p / per) * from + 2n (p % per), and its parent goes to out + (p / per) * to + n (p % per). */
typedef struct pairs_of {
  const hbss_spot *spot;
  int ltree;
  uint32_t per, height;
  size_t from, to;
  struct { uint32_t spot, number; } at[MOST]; /* of the pairs that go together: p / per and p % per */
  uint8_t keys[3 * PAIRS];                    /* K and two masks of each */
} pairs_of;

static const hbss_prefix *pair_prf(const void *of, size_t i, uint8_t *h)
{
  const pairs_of *o = of;
  const uint32_t pair = (uint32_t)i / 3, key_and_mask = (uint32_t)i % 3;
  const hbss_spot *s = o->spot + o->at[pair].spot;
  if (o->ltree) address(h, &s->at, LTREE, s->at.index, o->height, o->at[pair].number, key_and_mask);
  else address(h, &s->at, TREE, 0, s->at.height - 1, s->at.index, key_and_mask);
  return &s->key->prefix[HBSS_XMSS_AT_PRF];
}
static const hbss_prefix *pair_h(const void *of, size_t i, uint8_t *h)
{
  const pairs_of *o = of;
  const hbss_key *key = o->spot->key;
  hbss_copy(h, o->keys + 3 * i * key->n, key->n);
  return &key->prefix[HBSS_XMSS_AT_H];
}

static void mix(uint8_t *x, const uint8_t *y, uint32_t len)
{
  for (uint32_t b = 0; b < len; b += 8) { /* n is a multiple of 8 */
    uint64_t mine, other;
    memcpy(&mine, x + b, 8);
    memcpy(&other, y + b, 8);
    mine ^= other;
    memcpy(x + b, &mine, 8);
  }
}

static void rand_hash(uint8_t *out, pairs_of *o, const uint8_t *x, uint32_t count)
{
  uint8_t *keys = o->keys;
  const hbss_key *key = o->spot->key;
  const uint32_t n = key->n, fit = PAIRS / n;
  const hbss_items prf = {.header = pair_prf, .of = o, .header_len = HBSS_XMSS_ADRS, .n = n};
  const hbss_items h = {.header = pair_h, .of = o, .header_len = n, .n = n};
  for (uint32_t done = 0, here; done < count; done += here) {
    here = count - done < fit ? count - done : fit;
    for (uint32_t i = 0; i < here; i++) {
      o->at[i].spot = (done + i) / o->per;
      o->at[i].number = (done + i) % o->per;
    }
    hbss_hash_many(keys, key->hash, &prf, x, 0, 0, 3 * here);
    for (uint32_t i = 0; i < here; i++)
      mix(keys + (3 * i + MASK) * n, x + o->at[i].spot * o->from + 2 * n * o->at[i].number, 2 * n);
    hbss_hash_many(keys, key->hash, &h, keys + n, 2 * n, 3 * n, here);
    for (uint32_t i = 0; i < here; i++)
      hbss_copy(out + o->at[i].spot * o->to + n * o->at[i].number, keys + i * n, n);
  }
}

/* L-trees (RFC 8391 algorithm 8), in x itself, one level of all leaves at a time: enough pairs to fill the lanes */
static void pack(uint8_t *out, const hbss_spot *leaf, uint8_t *x, size_t count)
{
  const hbss_key *key = leaf->key;
  const uint32_t n = key->n, len = key->len1 + key->len2;
  const size_t all = (size_t)len * n;
  pairs_of of = {.spot = leaf, .ltree = 1, .from = all, .to = all};
  for (uint32_t left = len; left > 1; left = (left + 1) / 2, of.height++) {
    of.per = left / 2;
    rand_hash(x, &of, x, (uint32_t)count * of.per);
    if (left & 1)
      for (size_t l = 0; l < count; l++) memcpy(x + l * all + left / 2 * n, x + l * all + (left - 1) * n, n);
  }
  for (size_t l = 0; l < count; l++) memcpy(out + l * n, x + l * all, n);
}

static void nodes(uint8_t *parent, const hbss_spot *node, const uint8_t *children, size_t count)
{
  const uint32_t n = node->key->n;
  pairs_of of = {.spot = node, .per = 1, .from = 2 * n, .to = n};
  rand_hash(parent, &of, children, (uint32_t)count);
}

const hbss_tweak hbss_xmss_tweak = {make, chains, pack, nodes};
