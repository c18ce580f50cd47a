/* fors.c - FORS, the few-time signature of SLH-DSA (FIPS 205 section 8): k trees of height a, whose leaves are hashes of
 * secrets. To the trees it is one more tweak: a leaf has one chain of no steps, and the k trees stand side by side as a
 * forest. Called by slhdsa.c. The secrets of leaves that no signature shows are secret; the digits of md are public. */
#include <string.h>
#include "../../trees/merkle.h"
#include "slhdsa.h"

enum { MOST_TREES = 35, LEAVES = 4096 }; /* leaves of trees built together, where one tree is smaller */

/* ---- the tweak: leaf i of the forest is node i of height 0 ---- */

typedef struct leaves_of { const hbss_spot *leaf; hbss_slhdsa_type type; } leaves_of;
static const hbss_prefix *leaf_header(const void *of, size_t i, uint8_t *h)
{
  const leaves_of *o = of;
  const hbss_spot *s = o->leaf + i;
  hbss_slhdsa_address(h, s->key, &s->at, o->type, s->at.keypair, 0, s->at.index);
  return &s->key->prefix[HBSS_SLHDSA_AT_F];
}

/* algorithm 14 */
static void secret(uint8_t *x, const hbss_spot *leaf, size_t count)
{
  const hbss_key *key = leaf->key;
  const leaves_of of = {leaf, HBSS_SLHDSA_FORS_PRF};
  const hbss_items items = {.header = leaf_header, .of = &of, .header_len = hbss_slhdsa_address_len(key), .n = key->n};
  hbss_hash_many(x, key->hash, &items, key->secret, key->n, 0, count);
}

static void chains(uint8_t *x, const hbss_spot *leaf, const uint8_t *from, const uint8_t *to, size_t count)
{
  (void)x; (void)leaf; (void)from; (void)to; (void)count;
}

static void pack(uint8_t *out, const hbss_spot *leaf, uint8_t *x, size_t count)
{
  const hbss_key *key = leaf->key;
  const leaves_of of = {leaf, HBSS_SLHDSA_FORS_TREE};
  const hbss_items items = {.header = leaf_header, .of = &of, .header_len = hbss_slhdsa_address_len(key), .n = key->n};
  hbss_hash_many(out, key->hash, &items, x, key->n, key->n, count);
}

typedef struct nodes_of { const hbss_key *key; const hbss_adrs *first; hbss_slhdsa_type type; } nodes_of;
static const hbss_prefix *node_header(const void *of, size_t i, uint8_t *h)
{
  const nodes_of *o = of;
  hbss_slhdsa_address(h, o->key, o->first, o->type, o->first->keypair, o->first->height, o->first->index + (uint32_t)i);
  return &o->key->prefix[HBSS_SLHDSA_AT_H];
}

static void nodes(uint8_t *parent, const hbss_key *key, const hbss_adrs *first, const uint8_t *children, size_t count)
{
  const nodes_of of = {key, first, HBSS_SLHDSA_FORS_TREE};
  const hbss_items items = {.header = node_header, .of = &of, .header_len = hbss_slhdsa_address_len(key), .n = key->n};
  hbss_hash_many(parent, key->wide, &items, children, 2 * key->n, 2 * key->n, count);
}

const hbss_tweak hbss_slhdsa_fors_tweak = {secret, chains, pack, nodes};

/* ---- signatures ---- */

/* the same key as the key of FORS trees: another tweak, another shape */
static void fors_key(hbss_key *fors, const hbss_key *key)
{
  *fors = *key;
  fors->tweak = &hbss_slhdsa_fors_tweak;
  fors->lg_w = 0;
  fors->len1 = 1;
  fors->len2 = 0;
  fors->height = key->set->a;
}

/* algorithm 4: the leaf of each tree, a bits of md each */
static void indices_of(uint32_t *index, const hbss_set *set, const uint8_t *md)
{
  for (uint32_t i = 0; i < set->k; i++) {
    index[i] = 0;
    for (uint32_t bit = i * set->a; bit < (i + 1) * set->a; bit++)
      index[i] = index[i] << 1 | (md[bit / 8] >> (7 - bit % 8) & 1);
  }
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

/* algorithm 16 */
void hbss_slhdsa_fors_sign(uint8_t *signature, const hbss_key *key, uint64_t tree, uint32_t leaf, const uint8_t *md,
                           uint32_t group, uint8_t *scratch)
{
  const hbss_set *set = key->set;
  const uint32_t n = set->n, part = n * (1 + set->a), first = group * group_of(set);
  const uint32_t trees = set->k - first < group_of(set) ? set->k - first : group_of(set);
  const size_t leaves = (size_t)trees << set->a;
  uint32_t index[MOST_TREES];
  hbss_key fors;
  fors_key(&fors, key);
  indices_of(index, set, md);
  hbss_spot spot = {&fors, {.tree = tree, .keypair = leaf, .index = first << set->a}};
  hbss_merkle_forest(scratch, &fors, &spot.at, leaves, set->a);
  for (uint32_t i = first; i < first + trees; i++) {
    spot.at.index = (i << set->a) + index[i];
    secret(signature + i * part, &spot, 1);
    hbss_secret_reveal(signature + i * part, n); /* the leaf that md chooses is shown */
    hbss_merkle_path(signature + i * part + n, scratch, n, leaves, set->a, spot.at.index - (first << set->a));
  }
}

/* algorithm 17: from the signature's leaves and paths to the k roots, and T of them */
void hbss_slhdsa_fors_root(uint8_t *root, const hbss_key *key, uint64_t tree, uint32_t leaf, const uint8_t *md,
                           const uint8_t *signature)
{
  const hbss_set *set = key->set;
  const uint32_t n = set->n, part = n * (1 + set->a);
  uint32_t index[MOST_TREES];
  uint8_t roots[MOST_TREES * 32], node[32];
  hbss_key fors;
  hbss_spot spot = {&fors, {.tree = tree, .keypair = leaf}};
  fors_key(&fors, key);
  indices_of(index, set, md);
  for (uint32_t i = 0; i < set->k; i++) {
    uint8_t value[32];
    memcpy(value, signature + i * part, n);
    spot.at.index = (i << set->a) + index[i];
    pack(node, &spot, value, 1);
    hbss_merkle_climb(roots + i * n, &fors, &spot.at, node, signature + i * part + n);
  }
  const hbss_adrs at = {.tree = tree, .keypair = leaf};
  const nodes_of of = {&fors, &at, HBSS_SLHDSA_FORS_ROOTS};
  const hbss_items items = {.header = node_header, .of = &of, .header_len = hbss_slhdsa_address_len(key), .n = n};
  hbss_hash_many(root, key->wide, &items, roots, set->k * n, 0, 1);
  hbss_secret_wipe(&fors, sizeof fors); /* it may be a copy of a secret key, also where the door only verifies */
}
