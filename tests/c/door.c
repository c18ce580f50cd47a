/* door.c - the door of the C core under sanitizers: bad arguments, truncated and random input for every set, and round
 * trips with every single truncation and many flipped bits. All memory has its exact length. */
#include "common.h"

static const char DATA[] = "what is signed here";
enum { DATA_LEN = sizeof DATA - 1 };

/* ---- arguments out of range: a status, and zeroed outputs ------------------------------------------------------- */

static void bad_arguments(const hbss_backend *backend, const hbss_set *set)
{
  hbss_key *key = seeded_key(backend, set, NULL);
  uint32_t height = set->h / set->d, n = set->n, chains = set->len1 + set->len2;
  uint8_t *out = exactly(set->layer_len), *ots = exactly((size_t)chains * n), *root = exactly(n);
  uint8_t *in = random_exactly((size_t)chains * n), *path = random_exactly((size_t)height * n), *small = random_exactly(2 * n);
  uint8_t *three = exactly(3 * n), *whole = exactly(set->signature_len), *scratch = exactly(hbss_slhdsa_scratch_len(key));
  size_t part_len = set->layer_len + (set->scheme == HBSS_LMS ? 0 : n); /* of what signs a message */
  uint8_t *part = exactly(part_len);
  hbss_way way = made_up_way(set), bottomless = way, high = way;
  bottomless.bottom = NULL;
  high.base = height + 1;
  void *stream = aligned(hbss_stream_len());

#define REFUSED(call, output, len) \
  do { \
    memset(output, 0xa5, len); \
    MUST((call) == HBSS_BAD_ARGUMENT); \
    MUST(all_zero(output, len)); \
  } while (0)
  REFUSED(hbss_tree(root, key, set->d, 0, 0, 0), root, n);
  REFUSED(hbss_tree(root, key, 0, 0, 1u << height, 0), root, n);
  MUST(hbss_tree(root, key, 0, 0, 0, 64) == HBSS_BAD_ARGUMENT);
  REFUSED(hbss_tree(three, key, 0, 0, 1, 1), three, 3 * n); /* not where a subtree of two leaves begins */
  REFUSED(hbss_tree_parents(root, key, 0, 0, 0, 0, small, 1), root, n);
  REFUSED(hbss_tree_parents(root, key, 0, 0, height + 1, 0, small, 1), root, n);
  REFUSED(hbss_tree_parents(root, key, 0, 0, height, 1, small, 1), root, n);
  REFUSED(hbss_tree_parents(root, key, set->d, 0, 1, 0, small, 1), root, n);
  REFUSED(hbss_tree_climb(root, key, 0, 0, 1u << height, in, path), root, n);
  REFUSED(hbss_tree_climb(root, key, set->d, 0, 0, in, path), root, n);
  if (set->h - height < 64) REFUSED(hbss_tree(root, key, 0, (uint64_t)1 << (set->h - height), 0, 0), root, n);

  if (set->scheme == HBSS_SLHDSA) {
    REFUSED(hbss_randomizer(root, key, 0), root, n);
    MUST(hbss_slhdsa_steps(key, NULL) > 0 && hbss_slhdsa_scratch_len(key) > 0);
    REFUSED(hbss_slhdsa_sign(whole, key, in, in, NULL, hbss_slhdsa_steps(key, NULL), scratch), whole, set->signature_len);
  } else {
    REFUSED(hbss_sign_leaf(out, key, 0, 0, 1u << height, in, in, path), out, set->layer_len);
    REFUSED(hbss_sign_leaf(out, key, set->d, 0, 0, in, in, path), out, set->layer_len);
    MUST(hbss_sign_start(stream, key, (uint64_t)1 << set->h) == HBSS_BAD_ARGUMENT);
    REFUSED(hbss_sign_finish(part, stream, key, &way), part, part_len); /* not begun */
    MUST(hbss_digest_start(stream, key, 0, in) == HBSS_OK);
    REFUSED(hbss_sign_finish(part, stream, key, &way), part, part_len); /* begun for something else */
    MUST(hbss_sign_start(stream, key, 0) == HBSS_OK);
    memset(part, 0xa5, part_len);
    MUST(hbss_sign_finish(part, stream, key, &way) == HBSS_BAD_SIGNATURE && all_zero(part, part_len));
    REFUSED(hbss_sign_finish(part, stream, key, &way), part, part_len); /* and ended */
    memset(part, 0xa5, part_len);
    MUST(hbss_sign(part, stream, key, 0, in, n, &way) == HBSS_BAD_SIGNATURE && all_zero(part, part_len));
    REFUSED(hbss_sign(part, stream, key, (uint64_t)1 << set->h, in, n, &way), part, part_len);
    REFUSED(hbss_sign(part, stream, key, 0, in, n, &bottomless), part, part_len);
    REFUSED(hbss_sign(part, stream, key, 0, in, n, &high), part, part_len);
    MUST(hbss_sign_start(stream, key, 0) == HBSS_OK);
    REFUSED(hbss_sign_finish(part, stream, key, &bottomless), part, part_len);
    REFUSED(hbss_ots_sign(ots, key, 1u << height, in), ots, (size_t)chains * n);
    REFUSED(hbss_randomizer(root, key, (uint64_t)1 << set->h), root, n);
    MUST(hbss_digest_start(stream, key, (uint64_t)1 << set->h, in) == HBSS_BAD_ARGUMENT);
    MUST(hbss_randomizer_start(stream, key, in) == HBSS_BAD_ARGUMENT);
    REFUSED(hbss_slhdsa_sign(whole, key, in, in, NULL, 0, scratch), whole, set->signature_len);
    size_t ots_len = set->scheme == HBSS_LMS ? n : (size_t)chains * n;
    REFUSED(hbss_ots_public(ots, key, 1u << height), ots, ots_len);
    REFUSED(hbss_ots_recover(ots, key, 1u << height, in, in), ots, ots_len);
  }

  hbss_key *public = public_key(backend, key); /* makes nothing that needs seeds */
  REFUSED(hbss_tree(root, public, 0, 0, 0, 0), root, n);
  REFUSED(hbss_sign_leaf(out, public, 0, 0, 0, in, in, path), out, set->layer_len);
  REFUSED(hbss_ots_sign(ots, public, 0, in), ots, (size_t)chains * n);
  REFUSED(hbss_randomizer(root, public, 0), root, n);
  MUST(hbss_ots_public(ots, public, 0) == HBSS_BAD_ARGUMENT && hbss_randomizer_start(stream, public, in) == HBSS_BAD_ARGUMENT);
  MUST(hbss_sign_start(stream, public, 0) == HBSS_BAD_ARGUMENT);
  REFUSED(hbss_sign(part, stream, public, 0, in, n, &way), part, part_len);
  if (set->scheme != HBSS_SLHDSA) {
    MUST(hbss_sign_start(stream, key, 0) == HBSS_OK);
    REFUSED(hbss_sign_finish(part, stream, public, &way), part, part_len); /* begun by another key */
  }
  hbss_key *rootless = aligned(hbss_key_len()); /* hashes no message, where the root goes in, and verifies none */
  uint8_t *secret = random_exactly(set->secret_len), *seed = random_exactly(set->public_seed_len);
  MUST(hbss_key_from_seeds(rootless, backend, set, secret, seed, NULL) == HBSS_OK);
  const hbss_status digests = set->scheme == HBSS_LMS ? HBSS_OK : HBSS_BAD_ARGUMENT;
  MUST(hbss_digest_start(stream, rootless, 0, in) == digests);
  MUST(hbss_sign_start(stream, rootless, 0) == (set->scheme == HBSS_SLHDSA ? HBSS_BAD_ARGUMENT : digests));
  MUST(hbss_verify_start(stream, rootless, whole, set->signature_len) == HBSS_BAD_ARGUMENT);
  free(rootless); free(secret); free(seed);
  MUST(hbss_tree_climb(root, key, 0, 0, 0, in, path) == HBSS_OK);
  MUST(hbss_tree_climb(in, key, 0, 0, 0, in, path) == HBSS_OK && !memcmp(in, root, n)); /* in place */
  if (set->scheme == HBSS_LMS) REFUSED(hbss_key_child(three, small, public, 0, set), three, set->secret_len);
  if (set->scheme == HBSS_SLHDSA) REFUSED(hbss_slhdsa_sign(whole, public, in, in, NULL, 0, scratch), whole, set->signature_len);
  MUST(hbss_key_from_seeds(public, backend, set, in, in, NULL) == HBSS_OK); /* no root, so no public key */
  uint8_t *bytes = exactly(set->public_len);
  REFUSED(hbss_key_public(bytes, public), bytes, set->public_len);
#undef REFUSED
  free(public); free(bytes);
  free(key); free(out); free(ots); free(root); free(in); free(path); free(small); free(stream);
  free(three); free(part); free(whole); free(scratch); free_way(&way);
}

/* ---- keys: every length but the right one, codes that belong to no set ------------------------------------------- */

static void bad_keys(const hbss_backend *backend, const hbss_set *set)
{
  hbss_key *key = seeded_key(backend, set, NULL), *found = aligned(hbss_key_len());
  size_t len;
  uint8_t *good = public_bytes(&len, key);
  for (size_t shorter = 0; shorter <= len + 1; shorter++) {
    uint8_t *bytes = random_exactly(shorter);
    memcpy(bytes, good, shorter < len ? shorter : len);
    hbss_status status = hbss_key_from_public(found, backend, set->scheme, set, bytes, shorter);
    MUST(shorter == len ? status == HBSS_OK : status != HBSS_OK);
    if (shorter != len) MUST(all_zero((uint8_t *)found, hbss_key_len()));
    free(bytes);
  }
  if (set->scheme != HBSS_SLHDSA) {
    for (int i = 0; i < 20; i++) { /* the four bytes before the seeds */
      uint8_t *bytes = exactly(len);
      memcpy(bytes, good, len);
      put32(bytes + (set->scheme == HBSS_LMS && i % 2 ? 4 : 0), 0x1000 + (uint32_t)(random_number() >> 40));
      MUST(hbss_key_from_public(found, backend, set->scheme, NULL, bytes, len) != HBSS_OK);
      free(bytes);
    }
  }
  free(key); free(found); free(good);
}

static void random_keys(const hbss_backend *backend)
{
  hbss_key *found = aligned(hbss_key_len());
  current = "random keys";
  for (int scheme = HBSS_LMS; scheme <= HBSS_XMSSMT; scheme++)
    for (size_t len = 0; len < 200; len++) {
      uint8_t *bytes = random_exactly(len);
      MUST(hbss_key_from_public(found, backend, (hbss_scheme)scheme, NULL, bytes, len) != HBSS_OK);
      free(bytes);
    }
  free(found);
}

/* ---- signatures that are none ------------------------------------------------------------------------------------ */

/* Random bytes, with whatever codes a verifier looks for in the right places, so that all of it is walked. */
static uint8_t *random_signature(const hbss_set *set, size_t len)
{
  uint8_t *bytes = random_exactly(len);
  if (set->scheme == HBSS_LMS && len >= set->signature_len + 4) { /* u32(0) || q || LM-OTS type || C, y || LMS type || path */
    put32(bytes, 0);
    put32(bytes + 4, 0);
    put32(bytes + 8, set->ots_code);
    put32(bytes + 4 + 8 + (size_t)set->n * (1 + set->len1 + set->len2), set->code);
  } else if (set->scheme == HBSS_XMSS && len >= 4) {
    put32(bytes, 3);
  } else if (set->scheme == HBSS_XMSSMT && len >= 8) {
    memset(bytes, 0, (set->h + 7) / 8);
  }
  return bytes;
}

static void bad_signatures(const hbss_backend *backend, const hbss_set *set)
{
  hbss_key *key = seeded_key(backend, set, NULL), *public = public_key(backend, key);
  size_t whole = set->signature_len + (set->scheme == HBSS_LMS ? 4 : 0);
  size_t lengths[] = {0, 1, 3, 4, 5, 7, 8, 9, 11, 12, 13, set->n, 4 + set->n, whole / 2, whole - set->n, whole - 4, whole - 1,
                      whole, whole + 1, whole + 4, 2 * whole};
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    uint8_t *bytes = random_signature(set, lengths[i]);
    MUST(verify(public, bytes, lengths[i], (const uint8_t *)DATA, DATA_LEN) == HBSS_BAD_SIGNATURE);
    free(bytes);
  }
  free(key); free(public);
}

/* ---- round trips: made here, accepted; cut or flipped, refused ---------------------------------------------------- */

/* the nodes of a whole tree, and the path of one of its leaves out of them */
static uint8_t *tree_of(const hbss_key *key, uint32_t layer, uint64_t tree)
{
  const hbss_set *set = hbss_key_set(key);
  uint32_t height = set->h / set->d;
  uint8_t *nodes = exactly(((size_t)2 << height) * set->n - set->n);
  MUST(hbss_tree(nodes, key, layer, tree, 0, height) == HBSS_OK);
  return nodes;
}
static const uint8_t *root_of(const uint8_t *nodes, const hbss_set *set)
{
  return nodes + (((size_t)2 << (set->h / set->d)) - 2) * set->n;
}
static uint8_t *path_of(const uint8_t *nodes, const hbss_set *set, uint32_t leaf)
{
  uint32_t height = set->h / set->d, n = set->n;
  uint8_t *path = exactly((size_t)height * n);
  for (uint32_t level = 0; level < height; level++) {
    memcpy(path + (size_t)level * n, nodes + (size_t)((leaf >> level) ^ 1) * n, n);
    nodes += ((size_t)1 << (height - level)) * n;
  }
  return path;
}

static void digest_of(uint8_t *digest, const hbss_key *key, uint64_t index, const uint8_t *r, const void *data, size_t len)
{
  hbss_stream *stream = aligned(hbss_stream_len());
  MUST(hbss_digest_start(stream, key, index, r) == HBSS_OK);
  hbss_stream_update(stream, data, len);
  hbss_stream_finish(digest, stream);
  free(stream);
}

/* one LMS signature of data at a leaf, appended at `to`; returns the end */
static uint8_t *lms_sign(uint8_t *to, const hbss_key *key, const uint8_t *nodes, uint32_t leaf, const void *data, size_t len)
{
  const hbss_set *set = hbss_key_set(key);
  uint8_t r[64], digest[64], *path = path_of(nodes, set, leaf);
  MUST(hbss_randomizer(r, key, leaf) == HBSS_OK);
  digest_of(digest, key, leaf, r, data, len);
  MUST(hbss_sign_leaf(to, key, 0, 0, leaf, r, digest, path) == HBSS_OK);
  free(path);
  return to + set->layer_len;
}

/* The same seeds, now with the root of their top tree. */
static hbss_key *rooted_key(const hbss_backend *backend, const hbss_set *set)
{
  uint64_t seeds = random_state;
  hbss_key *unrooted = seeded_key(backend, set, NULL);
  uint8_t *nodes = tree_of(unrooted, set->d - 1, 0);
  random_state = seeds;
  hbss_key *key = seeded_key(backend, set, root_of(nodes, set));
  free(unrooted); free(nodes);
  return key;
}

static uint8_t *lms_whole(size_t *len, const hbss_key *key)
{
  uint8_t *nodes = tree_of(key, 0, 0), *signature = exactly(*len = 4 + hbss_key_set(key)->signature_len);
  put32(signature, 0);
  MUST(lms_sign(signature + 4, key, nodes, 31, DATA, DATA_LEN) == signature + *len);
  free(nodes);
  return signature;
}

static uint8_t *xmss_whole(size_t *len, const hbss_key *key)
{
  const hbss_set *set = hbss_key_set(key);
  uint32_t height = set->h / set->d, index_len = set->scheme == HBSS_XMSS ? 4 : (set->h + 7) / 8;
  uint64_t index = random_number() & (((uint64_t)1 << set->h) - 1), rest = index;
  uint8_t *signature = exactly(*len = set->signature_len), *at = signature + index_len + set->n, digest[64];
  for (uint32_t i = 0; i < index_len; i++) signature[i] = (uint8_t)(index >> (8 * (index_len - 1 - i)));
  MUST(hbss_randomizer(signature + index_len, key, index) == HBSS_OK);
  digest_of(digest, key, index, signature + index_len, DATA, DATA_LEN);
  for (uint32_t layer = 0; layer < set->d; layer++, at += set->layer_len) {
    uint32_t leaf = (uint32_t)(rest & (((uint64_t)1 << height) - 1));
    rest >>= height;
    uint8_t *nodes = tree_of(key, layer, rest), *path = path_of(nodes, set, leaf);
    MUST(hbss_sign_leaf(at, key, layer, rest, leaf, signature, digest, path) == HBSS_OK);
    memcpy(digest, root_of(nodes, set), set->n);
    free(nodes); free(path);
  }
  MUST(at == signature + *len);
  return signature;
}

static uint8_t *slhdsa_whole(size_t *len, const hbss_key *key)
{
  const hbss_set *set = hbss_key_set(key);
  uint8_t *signature = exactly(*len = set->signature_len), *scratch = exactly(hbss_slhdsa_scratch_len(key));
  uint8_t r[64], digest[64], opt_rand[64] = {0};
  hbss_stream *stream = aligned(hbss_stream_len());
  MUST(hbss_randomizer_start(stream, key, opt_rand) == HBSS_OK);
  hbss_stream_update(stream, (const uint8_t *)DATA, DATA_LEN);
  hbss_stream_finish(r, stream);
  digest_of(digest, key, 0, r, DATA, DATA_LEN);
  for (uint32_t step = 0; step < hbss_slhdsa_steps(key, NULL); step++)
    MUST(hbss_slhdsa_sign(signature, key, r, digest, NULL, step, scratch) == HBSS_OK);

  /* the same with the top tree at hand */
  const uint32_t height = set->h / set->d;
  uint8_t *again = exactly(*len), *top = exactly(((2u << height) - 1) * set->n);
  MUST(hbss_tree(top, key, set->d - 1, 0, 0, height) == HBSS_OK);
  for (uint32_t step = 0; step < hbss_slhdsa_steps(key, top); step++)
    MUST(hbss_slhdsa_sign(again, key, r, digest, top, step, scratch) == HBSS_OK);
  MUST(memcmp(signature, again, *len) == 0);
  free(scratch); free(stream); free(again); free(top);
  return signature;
}

/* Accepted as it is; refused for other data, at every other length and with any of many bits flipped. */
static void only_this(const hbss_key *public, const uint8_t *signature, size_t len)
{
  MUST(verify(public, signature, len, (const uint8_t *)DATA, DATA_LEN) == HBSS_OK);
  MUST(verify(public, signature, len, (const uint8_t *)DATA, DATA_LEN - 1) == HBSS_BAD_SIGNATURE);
  for (size_t shorter = 0; shorter < len; shorter += shorter < 64 ? 1 : 1 + len / 200) {
    uint8_t *bytes = exactly(shorter);
    memcpy(bytes, signature, shorter);
    MUST(verify(public, bytes, shorter, (const uint8_t *)DATA, DATA_LEN) == HBSS_BAD_SIGNATURE);
    free(bytes);
  }
  uint8_t *bytes = exactly(len + 1);
  memcpy(bytes, signature, len);
  bytes[len] = 0;
  MUST(verify(public, bytes, len + 1, (const uint8_t *)DATA, DATA_LEN) == HBSS_BAD_SIGNATURE);
  for (size_t i = 0; i < 12; i++) { /* the first 16 bytes hold what is read before it is hashed */
    size_t bit = i < 8 ? random_number() % 128 : random_number() % (8 * len);
    bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    uint8_t *flipped = exactly(len);
    memcpy(flipped, bytes, len);
    MUST(verify(public, flipped, len, (const uint8_t *)DATA, DATA_LEN) == HBSS_BAD_SIGNATURE);
    bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    free(flipped);
  }
  free(bytes);
}

static void round_trip(const hbss_backend *backend, const hbss_set *set)
{
  size_t len;
  hbss_key *key = rooted_key(backend, set), *public = public_key(backend, key);
  uint8_t *signature = set->scheme == HBSS_LMS ? lms_whole(&len, key)
                       : set->scheme == HBSS_SLHDSA ? slhdsa_whole(&len, key) : xmss_whole(&len, key);
  only_this(public, signature, len);
  free(signature); free(key); free(public);
}

/* HSS of `levels` levels, each of another set than the one above where there are several. */
static void hss(const hbss_backend *backend, const hbss_set *const *sets, uint32_t levels)
{
  current = "HSS";
  size_t len = 4, at = 4;
  for (uint32_t i = 0; i < levels; i++) len += sets[i]->signature_len + (i ? sets[i]->public_len : 0);
  uint8_t *signature = exactly(len);
  put32(signature, levels - 1);
  hbss_key *key = rooted_key(backend, sets[0]);

  uint8_t *bytes = exactly(4 + sets[0]->public_len);
  put32(bytes, levels);
  MUST(hbss_key_public(bytes + 4, key) == HBSS_OK);
  hbss_key *public = aligned(hbss_key_len());
  MUST(hbss_key_from_public(public, backend, HBSS_LMS, NULL, bytes, 4 + sets[0]->public_len) == HBSS_OK);
  MUST(hbss_key_levels(public) == levels);
  free(bytes);

  for (uint32_t i = 0; i + 1 < levels; i++) {
    const hbss_set *below = sets[i + 1];
    uint8_t *secret = exactly(below->secret_len), *seed = exactly(below->public_seed_len), *nodes = tree_of(key, 0, 0);
    MUST(hbss_key_child(secret, seed, key, i, below) == HBSS_OK);
    hbss_key *child = aligned(hbss_key_len());
    MUST(hbss_key_from_seeds(child, backend, below, secret, seed, NULL) == HBSS_OK);
    uint8_t *child_nodes = tree_of(child, 0, 0), *child_public = exactly(below->public_len);
    MUST(hbss_key_from_seeds(child, backend, below, secret, seed, root_of(child_nodes, below)) == HBSS_OK);
    MUST(hbss_key_public(child_public, child) == HBSS_OK);
    at = (size_t)(lms_sign(signature + at, key, nodes, i, child_public, below->public_len) - signature);
    memcpy(signature + at, child_public, below->public_len);
    at += below->public_len;
    free(secret); free(seed); free(nodes); free(child_nodes); free(child_public); free(key);
    key = child;
  }
  uint8_t *nodes = tree_of(key, 0, 0);
  MUST(lms_sign(signature + at, key, nodes, 7, DATA, DATA_LEN) == signature + len);
  only_this(public, signature, len);
  free(nodes); free(signature); free(key); free(public);
}

/* Sets whose trees are small enough to be built under a sanitizer; of the tall XMSS^MT towers only those of SHA-256. */
static int is_small(const hbss_set *set)
{
  return set->h / set->d <= 5 && (set->scheme != HBSS_XMSSMT || set->h == 20 || (set->function == HBSS_SHA256 && set->n == 32));
}
/* Every hash function and every n once more, on every other backend. */
static int is_smallest(const hbss_set *set)
{
  return is_small(set) && set->lg_w == 4 && (set->scheme == HBSS_SLHDSA ? set->n == 16 : set->h <= 20);
}

int main(void)
{
  const hbss_set *set, *levels[8];
  const hbss_backend *backend;
  const hbss_backend *best = NULL;
  size_t sets = 0, tried = 0, lms = 0;
  for (size_t i = 0; (backend = hbss_backend_at(i)); i++)
    if (!best && hbss_backend_supported(backend)) best = backend;
  MUST(best != NULL);

  for (; (set = hbss_set_at(sets)); sets++) {
    current = set->name;
    bad_arguments(best, set);
    bad_keys(best, set);
    bad_signatures(best, set);
    if (set->scheme == HBSS_LMS && set->h == 5 && set->lg_w != 8 && lms < 8) levels[lms++] = set;
  }
  random_keys(best);
  for (size_t i = 0; (backend = hbss_backend_at(i)); i++) {
    if (!hbss_backend_supported(backend)) continue;
    for (size_t j = 0; (set = hbss_set_at(j)); j++) {
      current = set->name;
      if (backend == best ? is_small(set) : is_smallest(set)) { round_trip(backend, set); tried++; }
    }
  }
  MUST(lms == 8);
  for (uint32_t count = 2; count <= 8; count += 3) hss(best, levels, count);
  printf("%zu sets, %zu round trips\n", sets, tried);
  return 0;
}
