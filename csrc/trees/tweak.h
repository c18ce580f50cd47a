/* tweak.h - everything a tree knows about hashing: four verbs, each for `count` leaves or nodes.
 *
 * The standards' trees differ in the bytes of their hashes and in nothing else, so winternitz.c, merkle.c and hypertree.c
 * know numbers only; each scheme's tweak turns an address into bytes. */
#ifndef HBSS_TREES_TWEAK_H
#define HBSS_TREES_TWEAK_H
#include "../hash/backend.h"
#include "../hash/hash.h"

enum { HBSS_MAX_N = 64, HBSS_MAX_CHAINS = 265, HBSS_MAX_VALUES = 265 * 32 }; /* LM-OTS with w = 1 and n = 32 */

/* A node of a tree, a leaf being one of height 0. `keypair` is used by FORS only: the leaf that its forest hangs under. */
typedef struct hbss_adrs { uint32_t layer; uint64_t tree; uint32_t keypair, height, index; } hbss_adrs;

typedef struct hbss_spot { const hbss_key *key; hbss_adrs at; } hbss_spot; /* a node, and under which key */

/* `count` nodes, wherever each stands, from their 2 * count children; parent may be children */
typedef void hbss_nodes(uint8_t *parent, const hbss_spot *node, const uint8_t *children, size_t count);

/* x is [count][len1 + len2][n]; the spots of one call are of one parameter set, and in `make` of one key */
typedef struct hbss_tweak {
  /* all chains: from the seeds up to value to[i * stride], which for stride 0 is to[0]; and from one value up to another */
  void (*make)(uint8_t *x, const hbss_spot *leaf, const uint8_t *to, size_t stride, size_t count);
  void (*chains)(uint8_t *x, const hbss_spot *leaf, const uint8_t *from, const uint8_t *to, size_t count);
  void (*pack)(uint8_t *out, const hbss_spot *leaf, uint8_t *x, size_t count); /* chain ends -> leaf; uses x up */
  hbss_nodes *nodes;
} hbss_tweak;

/* An expanded key: made once, then const. What the prefixes are for is each scheme's affair. */
struct hbss_key {
  const hbss_tweak *tweak;
  const hbss_set *set;
  const hbss_backend *backend;
  const hbss_hash *hash, *wide;            /* of the chains; of everything above them (SLH-DSA: H and T) */
  uint32_t n, lg_w, len1, len2, height;    /* the shape of one tree */
  uint32_t levels;                         /* of HSS; else 1 */
  int has_seeds, has_root;                 /* a public key has no seeds; a key from seeds may have no root yet */
  uint8_t secret[2 * HBSS_MAX_N], public_seed[HBSS_MAX_N], root[HBSS_MAX_N];
  hbss_prefix prefix[4];
};
#endif
