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

/* the leaf that signs on a layer */
static hbss_spot leaf_of(const hbss_key *key, const place *p, uint32_t layer)
{
  const uint32_t up = layer * key->height; /* 64 at the top of 256f, where one tree is left */
  const uint32_t below = layer ? (uint32_t)(p->tree >> (up - key->height)) & ((1u << key->height) - 1) : p->leaf;
  return (hbss_spot){key, {.layer = layer, .tree = up < 64 ? p->tree >> up : 0, .index = below}};
}

/* ---- signing (algorithm 19, with algorithm 12): no tree waits for another's root, only the chain values that sign it do.
 * So first come the groups of FORS trees, then the trees of the layers, a piece of one or several small ones at a time,
 * and in the end all layers sign together. ---- */

enum { MOST_LAYERS = 22, PIECE = 128, MOST_LEAVES = 192 }; /* leaves of a piece of one tree, or of several trees */

/* The layers whose trees are built: all, or all but the top one. `together` are, in `pieces` pieces each time. */
typedef struct plan { uint32_t forests, layers, turns, pieces; } plan;
static plan plan_of(const hbss_key *key, int has_top)
{
  const uint32_t layers = key->set->d - (has_top ? 1 : 0), leaves = 1u << key->height;
  const uint32_t together = leaves > MOST_LEAVES ? 1 : MOST_LEAVES / leaves;
  return (plan){hbss_slhdsa_fors_groups(key), layers, (layers + together - 1) / together, leaves > MOST_LEAVES ? leaves / PIECE : 1};
}

uint32_t hbss_slhdsa_sign_steps(const hbss_key *key, int has_top)
{
  const plan p = plan_of(key, has_top);
  return p.forests + p.turns * p.pieces + 1;
}

/* The head of the scratch holds what each layer signs: the FORS key, then the roots. */
static size_t head_len(const hbss_key *key) { return (size_t)(key->set->d + 1) * key->n; }

size_t hbss_slhdsa_sign_scratch_len(const hbss_key *key)
{
  const size_t trees = (size_t)key->n << (key->height + 1), many = 2 * (size_t)MOST_LEAVES * key->n;
  const size_t nodes = trees > many ? trees : many, fors = hbss_slhdsa_fors_scratch_len(key);
  return head_len(key) + (nodes > fors ? nodes : fors);
}

typedef struct signing { const hbss_key *key; place at; uint8_t *fors, *parts, *head, *nodes; } signing;

/* the path of the leaf that signs on a layer, out of trees of which the layer's is number `tree` */
static void show_path(const signing *s, uint32_t layer, const uint8_t *nodes, size_t trees, uint32_t tree)
{
  const hbss_key *key = s->key;
  uint8_t *path = s->parts + layer * key->set->layer_len + (size_t)(key->len1 + key->len2) * key->n;
  const uint32_t leaf = leaf_of(key, &s->at, layer).at.index;
  hbss_merkle_path(path, nodes, key->n, trees << key->height, key->height, (tree << key->height) + leaf);
}

/* one piece of some layers' trees, and with the last piece their nodes */
static void build(const signing *s, const plan *p, uint32_t step)
{
  const hbss_key *key = s->key;
  const uint32_t turn = step / p->pieces, piece = step % p->pieces, n = key->n, height = key->height;
  const uint32_t low = turn * p->layers / p->turns, trees = (turn + 1) * p->layers / p->turns - low;
  const size_t leaves = (size_t)trees << height, here = leaves / p->pieces;
  hbss_spot first[MOST_LAYERS];
  for (uint32_t i = 0; i < trees; i++) {
    first[i] = leaf_of(key, &s->at, low + i);
    first[i].at.index = 0;
  }
  hbss_merkle_leaves(s->nodes + piece * here * n, first, height, piece * here, here);
  if (piece + 1 < p->pieces) return;
  hbss_merkle_levels(s->nodes, key->tweak->nodes, first, trees, height);
  for (uint32_t i = 0; i < trees; i++) show_path(s, low + i, s->nodes, trees, i);
  memcpy(s->head + (low + 1) * n, s->nodes + hbss_merkle_level(leaves, height) * n, trees * n);
}

static void sign_all(const signing *s)
{
  const hbss_key *key = s->key;
  const uint32_t layers = key->set->d;
  const hbss_slhdsa_few few = {key, s->at.md, s->fors, s->at.tree, s->at.leaf};
  hbss_spot leaf[MOST_LAYERS];
  for (uint32_t layer = 0; layer < layers; layer++) leaf[layer] = leaf_of(key, &s->at, layer);
  hbss_slhdsa_fors_keys(s->head, &few, 1, s->nodes);
  hbss_winternitz_sign(s->parts, key->set->layer_len, leaf, s->head, layers);
}

void hbss_slhdsa_sign_step(uint8_t *signature, const hbss_key *key, const uint8_t *r, const uint8_t *digest, uint32_t step,
                           const uint8_t *top, uint8_t *scratch)
{
  const hbss_set *set = key->set;
  const plan p = plan_of(key, top != NULL);
  const signing s = {key, place_of(set, digest), signature + key->n, signature + key->n + fors_len(set), scratch,
                     scratch + head_len(key)};
  if (step == 0) memcpy(signature, r, key->n);
  if (step < p.forests) {
    const hbss_slhdsa_few few = {key, s.at.md, NULL, s.at.tree, s.at.leaf};
    hbss_slhdsa_fors_sign(s.fors, &few, step, s.nodes);
  } else if (step < p.forests + p.turns * p.pieces) {
    build(&s, &p, step - p.forests);
  } else {
    if (top) show_path(&s, set->d - 1, top, 1, 0);
    sign_all(&s);
  }
}

/* ---- verifying ---- */

static hbss_status verify_start(hbss_stream *stream, const hbss_key *key, const uint8_t *signature, size_t len)
{
  if (len != key->set->signature_len) return HBSS_BAD_SIGNATURE;
  digest_start(stream, key, 0, signature);
  return HBSS_OK;
}

/* algorithm 20; the digest is the ascent's node until `below` has made a FORS key of it */
static uint32_t verify_ascents(hbss_ascent *ascent, hbss_stream *stream, const hbss_key *key, const uint8_t *signature)
{
  *ascent = (hbss_ascent){.key = key, .parts = signature + key->n};
  stream->finish(ascent->node, stream);
  return 1;
}

enum { ABREAST = 64 };
static void verify_below(hbss_ascent *ascent, size_t count, uint8_t *room, size_t room_len)
{
  const hbss_key *key = ascent->key;
  const uint32_t n = key->n;
  const size_t most = room_len / (key->set->k * n) < ABREAST ? room_len / (key->set->k * n) : ABREAST;
  hbss_slhdsa_few few[ABREAST];
  uint8_t keys[ABREAST * 32];
  while (count) {
    const size_t here = count < most ? count : most;
    for (size_t i = 0; i < here; i++) {
      hbss_ascent *a = ascent + i;
      const place p = place_of(key->set, a->node);
      few[i] = (hbss_slhdsa_few){a->key, p.md, a->parts, p.tree, p.leaf};
      a->tree = p.tree;
      a->leaf = p.leaf;
      a->parts += fors_len(key->set);
    }
    hbss_slhdsa_fors_keys(keys, few, here, room);
    for (size_t i = 0; i < here; i++) memcpy(ascent[i].node, keys + i * n, n);
    ascent += here;
    count -= here;
  }
}

const hbss_scheme_row hbss_slhdsa_row = {
  .expand = expand,
  .read_public = read_public,
  .write_public = write_public,
  .digest_start = digest_start,
  .verify_start = verify_start,
  .verify_ascents = verify_ascents,
  .verify_below = verify_below,
};
