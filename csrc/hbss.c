/* hbss.c - behind the door: checks arguments, finds the scheme, calls it. What has used a secret ends with a wipe of the
 * stack, and has no secret in variables of its own. */
#include "hbss.h"
#include <string.h>
#include "base/secret.h"
#include "schemes/scheme.h"
#include "trees/hypertree.h"
#include "trees/merkle.h"
#include "trees/winternitz.h"

const hbss_scheme_row *const hbss_scheme_rows[] = {
  [HBSS_LMS] = &hbss_lms_row, [HBSS_XMSS] = &hbss_xmss_row, [HBSS_XMSSMT] = &hbss_xmssmt_row,
  [HBSS_SLHDSA] = &hbss_slhdsa_row};

static const hbss_scheme_row *row_of(const hbss_key *key) { return hbss_scheme_rows[key->set->scheme]; }

/* ---- sets ---- */

static const struct { const hbss_set *sets; size_t count; } tables[] = {
  {hbss_lms_sets, sizeof hbss_lms_sets / sizeof *hbss_lms_sets},
  {hbss_xmss_sets, sizeof hbss_xmss_sets / sizeof *hbss_xmss_sets},
  {hbss_slhdsa_sets, sizeof hbss_slhdsa_sets / sizeof *hbss_slhdsa_sets},
};

const hbss_set *hbss_set_at(size_t i)
{
  for (size_t t = 0; t < sizeof tables / sizeof *tables; i -= tables[t++].count)
    if (i < tables[t].count) return tables[t].sets + i;
  return NULL;
}

/* ---- keys ---- */

size_t hbss_key_len(void) { return sizeof(hbss_key); }
size_t hbss_stream_len(void) { return sizeof(hbss_stream); }
void hbss_wipe(void *memory, size_t len) { hbss_secret_wipe(memory, len); }
const hbss_set *hbss_key_set(const hbss_key *key) { return key->set; }
uint32_t hbss_key_levels(const hbss_key *key) { return key->levels; }

hbss_status hbss_key_from_seeds(hbss_key *key, const hbss_backend *backend, const hbss_set *set,
                                const uint8_t *secret, const uint8_t *public_seed, const uint8_t *root)
{
  memset(key, 0, sizeof *key);
  key->backend = backend;
  key->set = set;
  key->levels = 1;
  memcpy(key->secret, secret, set->secret_len);
  hbss_secret_mark(key->secret, set->secret_len);
  memcpy(key->public_seed, public_seed, set->public_seed_len);
  if (root) memcpy(key->root, root, set->n);
  key->has_seeds = 1;
  key->has_root = root != NULL;
  hbss_scheme_expand(key, row_of(key)->expand);
  hbss_secret_wipe_message();
  return HBSS_OK;
}

hbss_status hbss_key_from_public(hbss_key *key, const hbss_backend *backend, hbss_scheme scheme, const hbss_set *set,
                                 const uint8_t *public_key, size_t len)
{
  memset(key, 0, sizeof *key);
  if ((uint32_t)scheme > HBSS_SLHDSA || (set && set->scheme != scheme)) return HBSS_BAD_ARGUMENT;
  key->backend = backend;
  key->levels = 1;
  key->has_root = 1;
  const hbss_status status = hbss_scheme_rows[scheme]->read_public(key, set, public_key, len);
  if (status) memset(key, 0, sizeof *key);
  else hbss_scheme_expand(key, row_of(key)->expand);
  return status;
}

hbss_status hbss_key_public(uint8_t *public_key, const hbss_key *key)
{
  memset(public_key, 0, key->set->public_len);
  if (!key->has_root) return HBSS_BAD_ARGUMENT;
  row_of(key)->write_public(public_key, key);
  return HBSS_OK;
}

hbss_status hbss_key_child(uint8_t *secret, uint8_t *public_seed, const hbss_key *parent, uint32_t q,
                           const hbss_set *child)
{
  memset(secret, 0, child->secret_len);
  memset(public_seed, 0, child->public_seed_len);
  if (parent->set->scheme != HBSS_LMS || child->scheme != HBSS_LMS || !parent->has_seeds || q >> parent->height)
    return HBSS_BAD_ARGUMENT;
  hbss_hss_child(secret, public_seed, parent, q, child);
  hbss_secret_wipe_message();
  return HBSS_OK;
}

/* ---- trees ---- */

/* whether a layer has this tree, and the tree this node of this height */
static int exists(const hbss_key *key, uint32_t layer, uint64_t tree, uint32_t height, uint32_t index)
{
  if (layer >= key->set->d || height > key->height) return 0;
  const uint32_t bits = (key->set->d - 1 - layer) * key->height;
  return (bits >= 64 || !(tree >> bits)) && !((uint64_t)index >> (key->height - height));
}

/* whether the key can make this leaf */
static int can_make(const hbss_key *key, uint32_t layer, uint64_t tree, uint32_t leaf)
{
  return key->has_seeds && exists(key, layer, tree, 0, leaf);
}

hbss_status hbss_tree(uint8_t *nodes, const hbss_key *key, uint32_t layer, uint64_t tree, uint32_t first, uint32_t height)
{
  const hbss_adrs at = {.layer = layer, .tree = tree, .index = first};
  if (height > key->height) return HBSS_BAD_ARGUMENT; /* then how much to zero is not known */
  if (!can_make(key, layer, tree, first) || first & ((1u << height) - 1)) {
    memset(nodes, 0, (((size_t)2 << height) - 1) * key->n);
    return HBSS_BAD_ARGUMENT;
  }
  const hbss_spot spot = {key, at};
  hbss_merkle_leaves(nodes, &spot, height, 0, (size_t)1 << height);
  hbss_merkle_levels(nodes, key->tweak->nodes, &spot, 1, height);
  hbss_secret_wipe_stack();
  return HBSS_OK;
}

hbss_status hbss_tree_parents(uint8_t *parents, const hbss_key *key, uint32_t layer, uint64_t tree, uint32_t height,
                              uint32_t index, const uint8_t *children, size_t count)
{
  const hbss_spot first = {key, {.layer = layer, .tree = tree, .height = height, .index = index}};
  if (!height || !exists(key, layer, tree, height, index) || count > ((size_t)1 << (key->height - height)) - index) {
    memset(parents, 0, count * key->n);
    return HBSS_BAD_ARGUMENT;
  }
  hbss_merkle_parents(parents, key->tweak->nodes, &first, children, count);
  return HBSS_OK;
}

hbss_status hbss_tree_climb(uint8_t *root, const hbss_key *key, uint32_t layer, uint64_t tree, uint32_t leaf,
                            const uint8_t *node, const uint8_t *path)
{
  const hbss_spot at = {key, {.layer = layer, .tree = tree, .index = leaf}};
  if (!exists(key, layer, tree, 0, leaf)) {
    memset(root, 0, key->n);
    return HBSS_BAD_ARGUMENT;
  }
  memmove(root, node, key->n);
  hbss_merkle_climb(root, key->tweak->nodes, &at, &path, key->height, 1);
  return HBSS_OK;
}

/* ---- streams ---- */

static int has_index(const hbss_key *key, uint64_t index) { return key->set->h >= 64 || !(index >> key->set->h); }

/* Whether the key knows all that a message is hashed with. Without its root a key would sign another digest under the same
 * index, and that must not happen; LMS hashes I instead. */
static int can_digest(const hbss_key *key) { return key->has_root || key->set->scheme == HBSS_LMS; }

static int can_randomize(const hbss_key *key, uint64_t index)
{
  return row_of(key)->randomizer && key->has_seeds && has_index(key, index);
}

hbss_status hbss_randomizer(uint8_t *r, const hbss_key *key, uint64_t index)
{
  memset(r, 0, key->n);
  if (!can_randomize(key, index)) return HBSS_BAD_ARGUMENT;
  row_of(key)->randomizer(r, key, index);
  hbss_secret_reveal(r, key->n); /* C or r, a part of the signature */
  hbss_secret_wipe_message();
  return HBSS_OK;
}

hbss_status hbss_randomizer_start(hbss_stream *stream, const hbss_key *key, const uint8_t *opt_rand)
{
  memset(stream, 0, HBSS_STREAM_HEAD);
  if (key->set->scheme != HBSS_SLHDSA || !key->has_seeds) return HBSS_BAD_ARGUMENT;
  hbss_slhdsa_randomizer(stream, key, opt_rand);
  stream->keyed = 1;
  hbss_secret_wipe_message();
  return HBSS_OK;
}

hbss_status hbss_digest_start(hbss_stream *stream, const hbss_key *key, uint64_t index, const uint8_t *r)
{
  memset(stream, 0, HBSS_STREAM_HEAD);
  if (!has_index(key, index) || !can_digest(key)) return HBSS_BAD_ARGUMENT;
  row_of(key)->digest_start(stream, key, index, r);
  return HBSS_OK;
}

void hbss_stream_update(hbss_stream *stream, const uint8_t *data, size_t len)
{
  hbss_hash_update(&stream->message, data, len);
  if (stream->keyed) hbss_secret_wipe_message();
}

void hbss_stream_finish(uint8_t *out, hbss_stream *stream)
{
  stream->finish(out, stream);
  hbss_secret_wipe(stream, HBSS_STREAM_HEAD);
  hbss_secret_wipe_message();
}

/* ---- signing ---- */

/* LMS, whose step is one hash, goes no deeper than a message does */
static void wipe_after_leaf(const hbss_key *key)
{
  if (key->set->scheme == HBSS_LMS) hbss_secret_wipe_message();
  else hbss_secret_wipe_stack();
}

static void sign_leaf(uint8_t *signature, const hbss_key *key, const hbss_adrs *leaf, const uint8_t *r,
                      const uint8_t *digest, const uint8_t *path)
{
  if (row_of(key)->sign_leaf) row_of(key)->sign_leaf(signature, key, leaf, r, digest, path);
  else hbss_hypertree_sign_leaf(signature, key, leaf, digest, path);
}

hbss_status hbss_sign_leaf(uint8_t *signature, const hbss_key *key, uint32_t layer, uint64_t tree, uint32_t leaf,
                           const uint8_t *r, const uint8_t *digest, const uint8_t *path)
{
  const hbss_adrs at = {.layer = layer, .tree = tree, .index = leaf};
  memset(signature, 0, key->set->layer_len);
  if (!can_make(key, layer, tree, leaf)) return HBSS_BAD_ARGUMENT;
  sign_leaf(signature, key, &at, r, digest, path);
  wipe_after_leaf(key);
  return HBSS_OK;
}

static hbss_status sign_start(hbss_stream *stream, const hbss_key *key, uint64_t index)
{
  memset(stream, 0, HBSS_STREAM_HEAD);
  if (!can_randomize(key, index) || !can_digest(key)) return HBSS_BAD_ARGUMENT;
  row_of(key)->randomizer(stream->r, key, index);
  hbss_secret_reveal(stream->r, key->n);
  row_of(key)->digest_start(stream, key, index, stream->r);
  stream->index = index;
  stream->signs = 1;
  return HBSS_OK;
}

hbss_status hbss_sign_start(hbss_stream *stream, const hbss_key *key, uint64_t index)
{
  const hbss_status status = sign_start(stream, key, index);
  hbss_secret_wipe_message();
  return status;
}

static int is_way(const hbss_way *way, const hbss_key *key) { return way->base <= key->height && (!way->base || way->bottom); }

/* a leaf's path, and its node */
static const uint8_t *find_way(uint8_t *path, const hbss_way *way, const hbss_spot *leaf)
{
  const uint32_t n = leaf->key->n, height = leaf->key->height, base = way->base, q = leaf->at.index;
  const uint32_t within = q & ((1u << base) - 1);
  hbss_merkle_path(path + base * n, way->nodes, n, (size_t)1 << (height - base), height - base, q >> base);
  if (!base) return way->nodes + (size_t)q * n;
  hbss_merkle_path(path, way->bottom, n, (size_t)1 << base, base, within);
  return way->bottom + (size_t)within * n;
}

/* the height at which a leaf's way meets the last one that was seen to lead to the root, if above they are the same */
static uint32_t meets(const hbss_way *way, const hbss_spot *leaf, const uint8_t *path)
{
  const uint32_t n = leaf->key->n, height = leaf->key->height;
  uint32_t up = 1;
  while (up < height && leaf->at.index >> up != way->seen_leaf >> up) up++;
  const int same = way->seen && hbss_secret_equal(way->seen_nodes + (height - 1) * n, way->root, n) &&
                   hbss_secret_equal(way->seen_path + up * n, path + up * n, (height - up) * n);
  return same ? up : height;
}

/* whether a path leads from a leaf's node to the root */
static int leads_to_root(hbss_way *way, const hbss_spot *leaf, const uint8_t *node, const uint8_t *path)
{
  uint8_t goal[HBSS_MAX_N];
  const hbss_key *key = leaf->key;
  const uint32_t n = key->n, up = meets(way, leaf, path);
  memcpy(goal, up < key->height ? way->seen_nodes + (up - 1) * n : way->root, n);
  hbss_merkle_ancestors(way->seen_nodes, key->tweak->nodes, leaf, node, path, up);
  memcpy(way->seen_path, path, up * n);
  way->seen = (uint32_t)hbss_secret_equal(way->seen_nodes + (up - 1) * n, goal, n);
  way->seen_leaf = leaf->at.index;
  return (int)way->seen;
}

/* of the randomiser before the leaf's part; else it is in that */
static uint32_t r_len_of(const hbss_key *key) { return row_of(key)->sign_leaf ? 0 : key->n; }

static hbss_status sign_finish(uint8_t *signature, hbss_stream *stream, const hbss_key *key, hbss_way *way)
{
  const uint32_t r_len = r_len_of(key);
  const size_t len = r_len + key->set->layer_len;
  const uint64_t index = stream->index;
  const hbss_spot leaf = {key, {.tree = index >> key->height, .index = (uint32_t)(index & ((1u << key->height) - 1))}};
  uint8_t digest[HBSS_MAX_N], *path = signature + len - (size_t)key->height * key->n; /* where it belongs */
  const uint8_t *node = find_way(path, way, &leaf);
  stream->finish(digest, stream);
  memcpy(signature, stream->r, r_len);
  sign_leaf(signature + r_len, key, &leaf.at, stream->r, digest, path);
  const int good = leads_to_root(way, &leaf, node, path); /* the very bytes that would be released */
  hbss_secret_wipe(stream, HBSS_STREAM_HEAD);
  wipe_after_leaf(key);
  if (!good) memset(signature, 0, len);
  return good ? HBSS_OK : HBSS_BAD_SIGNATURE;
}

hbss_status hbss_sign_finish(uint8_t *signature, hbss_stream *stream, const hbss_key *key, hbss_way *way)
{
  memset(signature, 0, r_len_of(key) + key->set->layer_len);
  if (!stream->signs || stream->key != key || !is_way(way, key)) return HBSS_BAD_ARGUMENT;
  return sign_finish(signature, stream, key, way);
}

hbss_status hbss_sign(uint8_t *signature, hbss_stream *stream, const hbss_key *key, uint64_t index, const uint8_t *message,
                      size_t len, hbss_way *way)
{
  memset(signature, 0, r_len_of(key) + key->set->layer_len);
  const hbss_status status = is_way(way, key) ? sign_start(stream, key, index) : HBSS_BAD_ARGUMENT;
  if (status) return status;
  hbss_hash_update(&stream->message, message, len);
  return sign_finish(signature, stream, key, way);
}

uint32_t hbss_slhdsa_steps(const hbss_key *key, const uint8_t *top)
{
  return key->set->scheme == HBSS_SLHDSA ? hbss_slhdsa_sign_steps(key, top != NULL) : 0;
}

size_t hbss_slhdsa_scratch_len(const hbss_key *key)
{
  return key->set->scheme == HBSS_SLHDSA ? hbss_slhdsa_sign_scratch_len(key) : 0;
}

hbss_status hbss_slhdsa_sign(uint8_t *signature, const hbss_key *key, const uint8_t *r, const uint8_t *digest,
                             const uint8_t *top, uint32_t step, uint8_t *scratch)
{
  if (!key->has_seeds || step >= hbss_slhdsa_steps(key, top)) {
    memset(signature, 0, key->set->signature_len);
    return HBSS_BAD_ARGUMENT;
  }
  hbss_slhdsa_sign_step(signature, key, r, digest, step, top, scratch);
  hbss_secret_wipe_stack();
  return HBSS_OK;
}

/* ---- one-time signatures by themselves ---- */

static size_t ots_public_len(const hbss_key *key)
{
  return (size_t)key->n * (row_of(key)->ots_public ? 1 : key->len1 + key->len2);
}

static void write_ots_public(uint8_t *out, const hbss_key *key, const hbss_adrs *leaf, const uint8_t *ends)
{
  if (row_of(key)->ots_public) row_of(key)->ots_public(out, key, leaf, ends);
  else memcpy(out, ends, ots_public_len(key));
}

/* never inlined: the chains' values belong to the stack that is wiped */
static __attribute__((noinline)) void make_ots_public(uint8_t *out, const hbss_key *key, const hbss_adrs *leaf)
{
  uint8_t ends[HBSS_MAX_VALUES] __attribute__((aligned(64)));
  const hbss_spot spot = {key, *leaf};
  const uint8_t top = (uint8_t)((1u << key->lg_w) - 1);
  key->tweak->make(ends, &spot, &top, 0, 1);
  write_ots_public(out, key, leaf, ends);
  hbss_secret_reveal(out, ots_public_len(key));
}

hbss_status hbss_ots_public(uint8_t *ots_public, const hbss_key *key, uint32_t leaf)
{
  const hbss_adrs at = {.index = leaf};
  memset(ots_public, 0, ots_public_len(key));
  if (!can_make(key, 0, 0, leaf)) return HBSS_BAD_ARGUMENT;
  make_ots_public(ots_public, key, &at);
  hbss_secret_wipe_stack();
  return HBSS_OK;
}

hbss_status hbss_ots_sign(uint8_t *values, const hbss_key *key, uint32_t leaf, const uint8_t *digest)
{
  const hbss_adrs at = {.index = leaf};
  memset(values, 0, (size_t)(key->len1 + key->len2) * key->n);
  if (!can_make(key, 0, 0, leaf)) return HBSS_BAD_ARGUMENT;
  const hbss_spot spot = {key, at};
  hbss_winternitz_sign(values, 0, &spot, digest, 1);
  wipe_after_leaf(key);
  return HBSS_OK;
}

hbss_status hbss_ots_recover(uint8_t *ots_public, const hbss_key *key, uint32_t leaf, const uint8_t *digest,
                             const uint8_t *values)
{
  uint8_t room[HBSS_WINTERNITZ_ROOM] __attribute__((aligned(64)));
  const hbss_spot spot = {key, {.index = leaf}};
  memset(ots_public, 0, ots_public_len(key));
  if (!exists(key, 0, 0, 0, leaf)) return HBSS_BAD_ARGUMENT;
  hbss_winternitz_ends(room, &spot, &digest, &values, 1);
  write_ots_public(ots_public, key, &spot.at, room);
  return HBSS_OK;
}
