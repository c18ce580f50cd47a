/* tweak.c - the bytes of SLH-DSA's hashes in its hypertree (FIPS 205 sections 4.2, 4.3, 11.1, 11.2): PK.seed || ADRS || M.
 * SHA-2 fills PK.seed up to a block and compresses the address; H and T of the larger SHA-2 sets are SHA-512. Called by
 * the trees. SK.seed and the first values are secret. */
#include "../../base/bytes.h"
#include "slhdsa.h"

uint32_t hbss_slhdsa_address(uint8_t *h, const hbss_key *key, const hbss_adrs *at, hbss_slhdsa_type type,
                             uint32_t w1, uint32_t w2, uint32_t w3)
{
  uint8_t *words = h;
  if (key->set->function == HBSS_SHA256) { /* section 11.2: layer 1 byte, tree 8, type 1 */
    h[0] = (uint8_t)at->layer;
    hbss_put64(h + 1, at->tree);
    h[9] = (uint8_t)type;
    words += 10;
  } else { /* section 4.2: layer 4 bytes, tree 12, type 4 */
    hbss_put32(h, at->layer);
    hbss_put32(h + 4, 0);
    hbss_put64(h + 8, at->tree);
    hbss_put32(h + 16, type);
    words += 20;
  }
  hbss_put32(words, w1);
  hbss_put32(words + 4, w2);
  hbss_put32(words + 8, w3);
  return (uint32_t)(words + 12 - h);
}

typedef struct chains_of { const hbss_spot *leaf; uint32_t len; hbss_slhdsa_type type; uint32_t prefix; } chains_of;

/* key pair address || chain address || hash address */
static const hbss_prefix *chain_header(const void *of, size_t i, uint8_t *h)
{
  const chains_of *o = of;
  const uint32_t leaf = (uint32_t)i / o->len;
  const hbss_spot *s = o->leaf + leaf;
  hbss_slhdsa_address(h, s->key, &s->at, o->type, s->at.index, (uint32_t)i - leaf * o->len, 0);
  return &s->key->prefix[o->prefix];
}

static void secret(uint8_t *x, const hbss_spot *leaf, size_t count)
{
  const hbss_key *key = leaf->key;
  const chains_of of = {leaf, key->len1 + key->len2, HBSS_SLHDSA_WOTS_PRF, HBSS_SLHDSA_AT_F};
  const hbss_items items = {.header = chain_header, .of = &of, .header_len = hbss_slhdsa_address_len(key), .n = key->n};
  hbss_hash_many(x, key->hash, &items, key->secret, key->n, 0, count * of.len);
}

static void chains(uint8_t *x, const hbss_spot *leaf, const uint8_t *from, const uint8_t *to, size_t count)
{
  const hbss_key *key = leaf->key;
  const chains_of of = {leaf, key->len1 + key->len2, HBSS_SLHDSA_WOTS_HASH, HBSS_SLHDSA_AT_F};
  const hbss_items items = {.header = chain_header, .of = &of, .header_len = hbss_slhdsa_address_len(key), .n = key->n,
                            .counter_at = hbss_slhdsa_address_len(key) - 1};
  hbss_hash_chain(x, key->hash, &items, from, to, count * of.len);
}

static void pack(uint8_t *out, const hbss_spot *leaf, uint8_t *x, size_t count)
{
  const hbss_key *key = leaf->key;
  const chains_of of = {leaf, 1, HBSS_SLHDSA_WOTS_PK, HBSS_SLHDSA_AT_H};
  const hbss_items items = {.header = chain_header, .of = &of, .header_len = hbss_slhdsa_address_len(key), .n = key->n};
  const size_t all = (size_t)(key->len1 + key->len2) * key->n;
  hbss_hash_many(out, key->wide, &items, x, all, all, count);
}

typedef struct nodes_of { const hbss_key *key; const hbss_adrs *first; } nodes_of;
static const hbss_prefix *node_header(const void *of, size_t i, uint8_t *h)
{
  const nodes_of *o = of;
  hbss_slhdsa_address(h, o->key, o->first, HBSS_SLHDSA_TREE, 0, o->first->height, o->first->index + (uint32_t)i);
  return &o->key->prefix[HBSS_SLHDSA_AT_H];
}

static void nodes(uint8_t *parent, const hbss_key *key, const hbss_adrs *first, const uint8_t *children, size_t count)
{
  const nodes_of of = {key, first};
  const hbss_items items = {.header = node_header, .of = &of, .header_len = hbss_slhdsa_address_len(key), .n = key->n};
  hbss_hash_many(parent, key->wide, &items, children, 2 * key->n, 2 * key->n, count);
}

const hbss_tweak hbss_slhdsa_tweak = {secret, chains, pack, nodes};
