/* tweak.c - the bytes of SLH-DSA's hashes in its hypertree (FIPS 205 sections 4.2, 4.3, 11.1, 11.2): PK.seed || ADRS || M.
 * SHA-2 fills PK.seed up to a block and compresses the address; H and T of the larger SHA-2 sets are SHA-512. Called by
 * the trees. SK.seed and the first values are secret. */
#include "slhdsa.h"

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

static hbss_items items_of(const chains_of *of)
{
  const hbss_key *key = of->leaf->key;
  const uint32_t len = hbss_slhdsa_address_len(key);
  return (hbss_items){.header = chain_header, .of = of, .header_len = len, .n = key->n, .counter_at = len - 1};
}

static void secret(uint8_t *x, const hbss_spot *leaf, size_t count)
{
  const hbss_key *key = leaf->key;
  const chains_of of = {leaf, key->len1 + key->len2, HBSS_SLHDSA_WOTS_PRF, HBSS_SLHDSA_AT_F};
  const hbss_items items = items_of(&of);
  hbss_hash_many(x, key->hash, &items, key->secret, key->n, 0, count * of.len);
}

static void chains(uint8_t *x, const hbss_spot *leaf, const uint8_t *from, const uint8_t *to, size_t count)
{
  const hbss_key *key = leaf->key;
  const chains_of of = {leaf, key->len1 + key->len2, HBSS_SLHDSA_WOTS_HASH, HBSS_SLHDSA_AT_F};
  const hbss_items items = items_of(&of);
  hbss_hash_chain(x, key->hash, &items, from, to, 1, count * of.len);
}

/* to the ends of chains a first value is derived by the first step, whose address is of another type */
static void make(uint8_t *x, const hbss_spot *leaf, const uint8_t *to, size_t stride, size_t count)
{
  const hbss_key *key = leaf->key;
  const chains_of of = {leaf, key->len1 + key->len2, HBSS_SLHDSA_WOTS_PRF, HBSS_SLHDSA_AT_F};
  hbss_items items = items_of(&of);
  if (stride) {
    secret(x, leaf, count);
    chains(x, leaf, NULL, to, count);
    return;
  }
  hbss_slhdsa_begin(&items, key, HBSS_SLHDSA_WOTS_HASH - HBSS_SLHDSA_WOTS_PRF);
  hbss_hash_chain(x, key->hash, &items, NULL, to, 0, count * of.len);
}

static void pack(uint8_t *out, const hbss_spot *leaf, uint8_t *x, size_t count)
{
  const hbss_key *key = leaf->key;
  const chains_of of = {leaf, 1, HBSS_SLHDSA_WOTS_PK, HBSS_SLHDSA_AT_H};
  const hbss_items items = items_of(&of);
  const size_t all = (size_t)(key->len1 + key->len2) * key->n;
  hbss_hash_many(out, key->wide, &items, x, all, all, count);
}

static const hbss_prefix *node_header(const void *of, size_t i, uint8_t *h)
{
  const hbss_spot *s = (const hbss_spot *)of + i;
  hbss_slhdsa_address(h, s->key, &s->at, HBSS_SLHDSA_TREE, 0, s->at.height, s->at.index);
  return &s->key->prefix[HBSS_SLHDSA_AT_H];
}

static void nodes(uint8_t *parent, const hbss_spot *node, const uint8_t *children, size_t count)
{
  const hbss_key *key = node->key;
  const hbss_items items = {.header = node_header, .of = node, .header_len = hbss_slhdsa_address_len(key), .n = key->n};
  hbss_hash_many(parent, key->wide, &items, children, 2 * key->n, 2 * key->n, count);
}

const hbss_tweak hbss_slhdsa_tweak = {make, chains, pack, nodes};
