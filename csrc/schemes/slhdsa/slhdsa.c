/* slhdsa.c - SLH-DSA (FIPS 205 section 9 and the message functions of section 11): keys, randomisers, digests, signatures.
 * Called by the door, which gets M' from outside: contexts and pre-hashes are not known here. SK.seed and SK.prf (one
 * after the other in `secret`) are secret. */
#include "slhdsa.h"
#include <string.h>
#include "../../base/bytes.h"
#include "../../trees/hypertree.h"
#include "../../trees/merkle.h"
#include "../../trees/winternitz.h"

static int sha2(const hbss_key *key) { return key->set->function == HBSS_SHA256; }

static void expand(hbss_key *key)
{
  uint8_t block[128] = {0};
  key->tweak = &hbss_slhdsa_tweak;
  key->height = key->set->h / key->set->d;
  if (sha2(key) && key->n > 16) key->wide = &key->backend->hashes[HBSS_SHA512];
  memcpy(block, key->public_seed, key->n);
  hbss_hash_prefix(&key->prefix[HBSS_SLHDSA_AT_F], key->hash, block, sha2(key) ? 64 : key->n);
  hbss_hash_prefix(&key->prefix[HBSS_SLHDSA_AT_H], key->wide, block, sha2(key) ? key->wide->rules->block : key->n);
}

/* PK.seed || PK.root: the bytes name no set, so the caller does */
static hbss_status read_public(hbss_key *key, const hbss_set *set, const uint8_t *bytes, size_t len)
{
  if (!set) return HBSS_BAD_ARGUMENT;
  if (len != set->public_len) return HBSS_BAD_KEY;
  key->set = set;
  memcpy(key->public_seed, bytes, set->n);
  memcpy(key->root, bytes + set->n, set->n);
  return HBSS_OK;
}

static void write_public(uint8_t *bytes, const hbss_key *key)
{
  memcpy(bytes, key->public_seed, key->n);
  memcpy(bytes + key->n, key->root, key->n);
}

/* ---- PRF_msg and H_msg: section 11; the SHA-2 of both has 64-byte digests where n > 16 ---- */

/* HMAC's key block, with `pad` in every byte */
static void hmac_init(hbss_message *message, const hbss_key *key, uint8_t pad)
{
  uint8_t block[128];
  const uint32_t len = key->wide->rules->block;
  memset(block, pad, sizeof block);
  for (uint32_t i = 0; i < key->n; i++) block[i] ^= key->secret[key->n + i];
  hbss_hash_init(message, key->wide);
  hbss_hash_update(message, block, len);
}

static void hmac_finish(uint8_t *out, hbss_stream *stream)
{
  uint8_t inner[HBSS_MAX_DIGEST];
  const uint32_t len = stream->key->wide->rules->digest;
  hbss_hash_final(inner, len, &stream->message);
  hmac_init(&stream->message, stream->key, 0x5c);
  hbss_hash_update(&stream->message, inner, len);
  hbss_hash_final(out, stream->key->n, &stream->message);
  hbss_secret_reveal(out, stream->key->n); /* R, a part of the signature */
}

/* R = PRF_msg(SK.prf, opt_rand, M') */
void hbss_slhdsa_randomizer(hbss_stream *stream, const hbss_key *key, const uint8_t *opt_rand)
{
  stream->key = key;
  if (sha2(key)) {
    stream->finish = hmac_finish;
    hmac_init(&stream->message, key, 0x36);
  } else {
    stream->finish = hbss_scheme_finish_n;
    hbss_hash_init(&stream->message, key->hash);
    hbss_hash_update(&stream->message, key->secret + key->n, key->n);
  }
  hbss_hash_update(&stream->message, opt_rand, key->n);
}

static void shake_finish(uint8_t *out, hbss_stream *stream)
{
  hbss_hash_final(out, stream->key->set->m, &stream->message);
}

/* MGF1(R || PK.seed || SHA-X(R || PK.seed || PK.root || M'), m) */
static void mgf1_finish(uint8_t *out, hbss_stream *stream)
{
  const hbss_key *key = stream->key;
  const uint32_t n = key->n, digest = key->wide->rules->digest;
  uint8_t seed[2 * HBSS_MAX_N + HBSS_MAX_DIGEST + 4];
  memcpy(seed, stream->r, n);
  memcpy(seed + n, key->public_seed, n);
  hbss_hash_final(seed + 2 * n, digest, &stream->message);
  for (uint32_t counter = 0, at = 0; at < key->set->m; counter++, at += digest) {
    const uint32_t left = key->set->m - at;
    hbss_put32(seed + 2 * n + digest, counter);
    hbss_hash_init(&stream->message, key->wide);
    hbss_hash_update(&stream->message, seed, 2 * n + digest + 4);
    hbss_hash_final(out + at, left < digest ? left : digest, &stream->message);
  }
}

/* H_msg(R, PK.seed, PK.root, M') */
static void digest_start(hbss_stream *stream, const hbss_key *key, uint64_t index, const uint8_t *r)
{
  (void)index;
  stream->key = key;
  stream->finish = sha2(key) ? mgf1_finish : shake_finish;
  memcpy(stream->r, r, key->n);
  hbss_hash_init(&stream->message, key->wide);
  hbss_hash_update(&stream->message, r, key->n);
  hbss_hash_update(&stream->message, key->public_seed, key->n);
  hbss_hash_update(&stream->message, key->root, key->n);
}

/* ---- signatures ---- */

/* algorithm 19, lines 6-10: md || tree || leaf out of the digest */
typedef struct place { const uint8_t *md; uint64_t tree; uint32_t leaf; } place;
static place place_of(const hbss_set *set, const uint8_t *digest)
{
  const uint32_t hp = set->h / set->d, md = (set->k * set->a + 7) / 8, tree = (set->h - hp + 7) / 8, leaf = (hp + 7) / 8;
  const uint64_t mask = ~(uint64_t)0 >> (64 - (set->h - hp)); /* 54 to 64 bits */
  return (place){digest, hbss_get_be(digest + md, tree) & mask,
                 (uint32_t)hbss_get_be(digest + md + tree, leaf) & ((1u << hp) - 1)};
}

static size_t fors_len(const hbss_set *set) { return (size_t)set->k * (1 + set->a) * set->n; }

/* One signature in steps (algorithm 19, with algorithm 12 layer by layer): first the groups of FORS trees, then each layer
 * of the hypertree in pieces of so many leaves, the last of which signs. */
enum { PIECE = 128, MOST_LEVELS = 9 };

static uint32_t pieces_of(const hbss_key *key) { return key->height > 7 ? 1u << (key->height - 7) : 1; }

uint32_t hbss_slhdsa_sign_steps(const hbss_key *key)
{
  return hbss_slhdsa_fors_groups(key) + key->set->d * pieces_of(key);
}

/* The head of the scratch holds what the next layer signs: the FORS key, then each tree's root. */
size_t hbss_slhdsa_sign_scratch_len(const hbss_key *key)
{
  const size_t tree = (size_t)key->n << (key->height + 1), fors = hbss_slhdsa_fors_scratch_len(key);
  return HBSS_MAX_N + (tree > fors ? tree : fors);
}

/* sign `next`, the root below, by the tree in `nodes`, whose root then is what the layer above signs */
static void sign_layer(uint8_t *part, const hbss_key *key, const hbss_adrs *leaf, uint8_t *next, uint8_t *nodes)
{
  const size_t leaves = (size_t)1 << key->height;
  const hbss_adrs first = {.layer = leaf->layer, .tree = leaf->tree};
  uint8_t path[MOST_LEVELS * 32];
  hbss_merkle_levels(nodes, key, &first, leaves, key->height);
  hbss_merkle_path(path, nodes, key->n, leaves, key->height, leaf->index);
  hbss_hypertree_sign_leaf(part, key, leaf, next, path);
  memcpy(next, nodes + hbss_merkle_level(leaves, key->height) * key->n, key->n);
}

void hbss_slhdsa_sign_step(uint8_t *signature, const hbss_key *key, const uint8_t *r, const uint8_t *digest, uint32_t step,
                           uint8_t *scratch)
{
  const hbss_set *set = key->set;
  const uint32_t groups = hbss_slhdsa_fors_groups(key), n = key->n, height = key->height;
  const place p = place_of(set, digest);
  uint8_t *fors = signature + n, *next = scratch, *nodes = scratch + HBSS_MAX_N;
  if (step == 0) memcpy(signature, r, n);
  if (step < groups) {
    hbss_slhdsa_fors_sign(fors, key, p.tree, p.leaf, p.md, step, nodes);
    return;
  }
  if (step == groups) hbss_slhdsa_fors_root(next, key, p.tree, p.leaf, p.md, fors);
  const uint32_t layer = (step - groups) / pieces_of(key), piece = (step - groups) % pieces_of(key);
  const uint32_t up = layer * height; /* 64 at the top of 256f, where one tree is left */
  const uint32_t leaves = 1u << height, here = leaves < PIECE ? leaves : PIECE;
  hbss_adrs at = {.layer = layer, .tree = up < 64 ? p.tree >> up : 0, .index = piece * PIECE};
  hbss_winternitz_leaves(nodes + (size_t)piece * PIECE * n, key, &at, here);
  if (piece + 1 < pieces_of(key)) return;
  at.index = layer ? (uint32_t)(p.tree >> (up - height)) & (leaves - 1) : p.leaf;
  sign_layer(fors + fors_len(set) + layer * set->layer_len, key, &at, next, nodes);
}

static hbss_status verify_start(hbss_stream *stream, const hbss_key *key, const uint8_t *signature, size_t len)
{
  if (len != key->set->signature_len) return HBSS_BAD_SIGNATURE;
  digest_start(stream, key, 0, signature);
  return HBSS_OK;
}

/* algorithm 20 */
static const hbss_key *verify_root(uint8_t *root, hbss_stream *stream, const hbss_key *key, const uint8_t *signature)
{
  uint8_t digest[HBSS_MAX_M], fors[HBSS_MAX_N];
  stream->finish(digest, stream);
  const place p = place_of(key->set, digest);
  hbss_slhdsa_fors_root(fors, key, p.tree, p.leaf, p.md, signature + key->n);
  hbss_hypertree_root(root, key, p.tree, p.leaf, fors, signature + key->n + fors_len(key->set));
  return key;
}

const hbss_scheme_row hbss_slhdsa_row = {
  .expand = expand,
  .read_public = read_public,
  .write_public = write_public,
  .digest_start = digest_start,
  .verify_start = verify_start,
  .verify_root = verify_root,
};
