/* fors.c - FORS, the few-time signature of SLH-DSA (FIPS 205 section 8): k trees of height a, whose leaves are hashes of
 * secrets. To merkle.c they stand side by side as a forest, whose nodes are hashed under a type of their own. Called by
 * slhdsa.c. The secrets of leaves that no signature shows are secret; the digits of md are public. */
#include <string.h>
#include "../../trees/merkle.h"
#include "slhdsa.h"

enum {
  MOST_TREES = 35,
  LEAVES = 4096, /* of trees built together, where one tree is smaller */
  GROWN = 256,   /* leaves that are hashed together: beginning to hash costs as much as some leaves */
  ABREAST = 128, /* trees that are climbed together */
};

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

/* ---- hashes: leaf i of the forest is node i of height 0 ---- */

typedef struct spots_of { const hbss_spot *spot; hbss_slhdsa_type type; uint32_t prefix; } spots_of;
static const hbss_prefix *header(const void *of, size_t i, uint8_t *h)
{
  const spots_of *o = of;
  const hbss_spot *s = o->spot + i;
  hbss_slhdsa_address(h, s->key, &s->at, o->type, s->at.keypair, s->at.height, s->at.index);
  return &s->key->prefix[o->prefix];
}

static hbss_items items_of(const spots_of *of)
{
  const hbss_key *key = of->spot->key;
  return (hbss_items){.header = header, .of = of, .header_len = hbss_slhdsa_address_len(key), .n = key->n};
}

/* algorithm 14, of one key */
static void secrets(uint8_t *out, const hbss_spot *leaf, size_t count)
{
  const hbss_key *key = leaf->key;
  const spots_of of = {leaf, HBSS_SLHDSA_FORS_PRF, HBSS_SLHDSA_AT_F};
  const hbss_items items = items_of(&of);
  hbss_hash_many(out, key->hash, &items, key->secret, key->n, 0, count);
}

static void leaves(uint8_t *out, const hbss_spot *leaf, const uint8_t *values, size_t count)
{
  const hbss_key *key = leaf->key;
  const spots_of of = {leaf, HBSS_SLHDSA_FORS_TREE, HBSS_SLHDSA_AT_F};
  const hbss_items items = items_of(&of);
  hbss_hash_many(out, key->hash, &items, values, key->n, key->n, count);
}

static void nodes(uint8_t *parent, const hbss_spot *node, const uint8_t *children, size_t count)
{
  const hbss_key *key = node->key;
  const spots_of of = {node, HBSS_SLHDSA_FORS_TREE, HBSS_SLHDSA_AT_H};
  const hbss_items items = items_of(&of);
  hbss_hash_many(parent, key->wide, &items, children, 2 * key->n, 2 * key->n, count);
}

/* T of the k roots of each signature */
static void keys(uint8_t *out, const hbss_spot *under, const uint8_t *roots, size_t count)
{
  const hbss_key *key = under->key;
  const spots_of of = {under, HBSS_SLHDSA_FORS_ROOTS, HBSS_SLHDSA_AT_H};
  const hbss_items items = items_of(&of);
  const size_t all = (size_t)key->set->k * key->n;
  hbss_hash_many(out, key->wide, &items, roots, all, all, count);
}

/* algorithm 4: the leaf of a tree, a bits of md */
static uint32_t index_of(const hbss_set *set, const uint8_t *md, uint32_t tree)
{
  uint32_t index = 0;
  for (uint32_t bit = tree * set->a; bit < (tree + 1) * set->a; bit++)
    index = index << 1 | (md[bit / 8] >> (7 - bit % 8) & 1);
  return (tree << set->a) + index;
}

static hbss_spot spot_of(const hbss_slhdsa_few *few)
{
  return (hbss_spot){few->key, {.tree = few->tree, .keypair = few->leaf}};
}

/* ---- signing, a group of trees at a time: one large tree, or as many small ones as fill the lanes well ---- */

static uint32_t group_of(const hbss_set *set)
{
  const uint32_t fit = LEAVES >> set->a > 1 ? LEAVES >> set->a : 1;
  return fit < set->k ? fit : set->k;
}

uint32_t hbss_slhdsa_fors_groups(const hbss_key *key) { return (key->set->k + group_of(key->set) - 1) / group_of(key->set); }

size_t hbss_slhdsa_fors_scratch_len(const hbss_key *key)
{
  return ((size_t)group_of(key->set) * key->n) << (key->set->a + 1);
}

/* leaves of neighbouring trees: algorithm 15, lines 2-6 */
static void grow(uint8_t *out, const hbss_spot *first, size_t count)
{
  const hbss_key *key = first->key;
  const uint8_t one = 1; /* from SK.seed to a secret, and from that to a leaf */
  hbss_spot spot[GROWN];
  const spots_of of = {spot, HBSS_SLHDSA_FORS_PRF, HBSS_SLHDSA_AT_F};
  spot[0] = *first;
  hbss_items items = items_of(&of);
  items.counter_at = items.header_len - HBSS_SLHDSA_WORD2_AT; /* of the height: it is 0 wherever it is hashed */
  hbss_slhdsa_begin(&items, key, HBSS_SLHDSA_FORS_TREE - HBSS_SLHDSA_FORS_PRF);
  for (size_t at = 0; at < count; at += GROWN) {
    const size_t here = least(count - at, GROWN);
    for (size_t i = 0; i < here; i++) {
      spot[i] = *first;
      spot[i].at.index += (uint32_t)(at + i);
    }
    hbss_hash_chain(out + at * key->n, key->hash, &items, NULL, &one, 0, here);
  }
  hbss_secret_reveal(out, count * key->n); /* a tree's leaves are public */
}

/* algorithm 16 */
void hbss_slhdsa_fors_sign(uint8_t *signature, const hbss_slhdsa_few *few, uint32_t group, uint8_t *scratch)
{
  const hbss_set *set = few->key->set;
  const uint32_t n = set->n, part = n * (1 + set->a), first = group * group_of(set);
  const uint32_t trees = (uint32_t)least(set->k - first, group_of(set));
  const size_t count = (size_t)trees << set->a;
  uint8_t shown[MOST_TREES * 32];
  hbss_spot spot[MOST_TREES] = {spot_of(few)};
  for (uint32_t i = 0; i < trees; i++) {
    spot[i] = spot[0];
    spot[i].at.index = (first + i) << set->a;
  }
  grow(scratch, spot, count);
  hbss_merkle_levels(scratch, nodes, spot, trees, set->a);
  for (uint32_t i = 0; i < trees; i++) spot[i].at.index = index_of(set, few->md, first + i);
  secrets(shown, spot, trees);
  hbss_secret_reveal(shown, trees * n); /* the leaves that md chooses are shown */
  for (uint32_t i = 0; i < trees; i++) {
    uint8_t *mine = signature + (first + i) * part;
    memcpy(mine, shown + i * n, n);
    hbss_merkle_path(mine + n, scratch, n, count, set->a, spot[i].at.index - (first << set->a));
  }
}

/* ---- verifying: all trees of all signatures side by side ---- */

/* from some trees' leaves and paths to their roots; tree t is tree t % k of signature t / k */
static void climb(uint8_t *root, const hbss_slhdsa_few *few, size_t first, size_t count)
{
  const hbss_set *set = few->key->set;
  const uint32_t n = set->n, part = n * (1 + set->a);
  hbss_spot spot[ABREAST];
  uint8_t value[ABREAST * 32];
  const uint8_t *path[ABREAST];
  for (size_t i = 0; i < count; i++) {
    const hbss_slhdsa_few *mine = few + (first + i) / set->k;
    const uint32_t tree = (uint32_t)((first + i) % set->k);
    spot[i] = spot_of(mine);
    spot[i].at.index = index_of(set, mine->md, tree);
    memcpy(value + i * n, mine->signature + tree * part, n);
    path[i] = mine->signature + tree * part + n;
  }
  leaves(root, spot, value, count);
  hbss_merkle_climb(root, nodes, spot, path, set->a, count);
}

/* algorithm 17 */
void hbss_slhdsa_fors_keys(uint8_t *out, const hbss_slhdsa_few *few, size_t count, uint8_t *room)
{
  const hbss_set *set = few->key->set;
  const size_t trees = count * set->k;
  hbss_spot under[ABREAST];
  for (size_t at = 0; at < trees; at += ABREAST) climb(room + at * set->n, few, at, least(trees - at, ABREAST));
  for (size_t at = 0; at < count; at += ABREAST) {
    const size_t here = least(count - at, ABREAST);
    for (size_t i = 0; i < here; i++) under[i] = spot_of(few + at + i);
    keys(out + at * set->n, under, room + at * set->k * set->n, here);
  }
}
