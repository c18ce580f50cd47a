/* secrets.c - no branch and no index depends on a secret: run under valgrind's memcheck, with the core compiled with
 * HBSS_CHECK_SECRETS. Seeds count as uninitialised memory from where they enter a key, and so does all that is computed from
 * them; memcheck reports a jump or an address that comes of it. What is public must have been revealed, and nothing else.
 * With the argument `branch` or `index` it does what must be reported. */
#include <valgrind/memcheck.h>
#include "common.h"

/* whether any bit comes of a secret */
static int is_secret(const void *p, size_t len)
{
  uint8_t bits[4096], any = 0;
  for (size_t at = 0, here; at < len; at += here) {
    here = len - at < sizeof bits ? len - at : sizeof bits;
    MUST(VALGRIND_GET_VBITS((const uint8_t *)p + at, bits, here) == 1);
    for (size_t i = 0; i < here; i++) any |= bits[i];
  }
  return any != 0;
}
#define PUBLIC(p, len) MUST(!is_secret(p, len))

static void stateful(const hbss_key *key)
{
  const hbss_set *set = hbss_key_set(key);
  const uint32_t index = 5, chains_len = (set->len1 + set->len2) * set->n;
  uint8_t nodes[3 * 64], r[64], digest[64], path[64 * 64] = {0}, *signature = exactly(set->layer_len + 64), *ots = exactly(chains_len);
  hbss_stream *stream = aligned(hbss_stream_len());
  hbss_way way = made_up_way(set);
  MUST(hbss_tree(nodes, key, 0, 0, 4, 1) == HBSS_OK);
  PUBLIC(nodes, 3 * set->n);
  MUST(hbss_randomizer(r, key, index) == HBSS_OK);
  PUBLIC(r, set->n);
  MUST(hbss_digest_start(stream, key, index, r) == HBSS_OK);
  hbss_stream_finish(digest, stream);
  PUBLIC(digest, set->n);
  MUST(hbss_sign_leaf(signature, key, 0, 0, index, r, digest, path) == HBSS_OK);
  PUBLIC(signature, set->layer_len);
  MUST(hbss_sign_start(stream, key, index) == HBSS_OK); /* the way is a made-up one, so the signature is not given out */
  MUST(hbss_sign_finish(signature, stream, key, &way) == HBSS_BAD_SIGNATURE);
  MUST(hbss_sign(signature, stream, key, index, digest, set->n, &way) == HBSS_BAD_SIGNATURE);
  MUST(hbss_ots_public(ots, key, index) == HBSS_OK);
  PUBLIC(ots, set->scheme == HBSS_LMS ? set->n : chains_len);
  MUST(hbss_ots_sign(ots, key, index, digest) == HBSS_OK);
  PUBLIC(ots, chains_len);
  if (set->scheme == HBSS_LMS) {
    uint8_t secret[32], seed[16];
    MUST(hbss_key_child(secret, seed, key, index, set) == HBSS_OK);
    MUST(is_secret(secret, set->secret_len));
    PUBLIC(seed, sizeof seed);
  }
  free(signature); free(ots); free(stream); free_way(&way);
}

/* All steps, or with `few` the first of FORS and of the trees and the last: signing what is not there hashes as well. */
static void stateless(const hbss_key *key, int few)
{
  const hbss_set *set = hbss_key_set(key);
  uint8_t r[32], digest[64], zeros[32] = {0}, *signature = exactly(set->signature_len);
  uint8_t *scratch = exactly(hbss_slhdsa_scratch_len(key));
  memset(scratch, 0, hbss_slhdsa_scratch_len(key));
  hbss_stream *stream = aligned(hbss_stream_len());
  const uint32_t steps = hbss_slhdsa_steps(key, NULL);
  MUST(hbss_randomizer_start(stream, key, zeros) == HBSS_OK);
  hbss_stream_update(stream, zeros, sizeof zeros);
  hbss_stream_finish(r, stream);
  PUBLIC(r, set->n);
  MUST(hbss_digest_start(stream, key, 0, r) == HBSS_OK);
  hbss_stream_update(stream, zeros, sizeof zeros);
  hbss_stream_finish(digest, stream);
  PUBLIC(digest, set->m);
  memset(signature, 0, set->signature_len);
  for (uint32_t step = 0; step < steps; step++)
    if (!few || step == 0 || step + 2 >= steps)
      MUST(hbss_slhdsa_sign(signature, key, r, digest, NULL, step, scratch) == HBSS_OK);
  PUBLIC(signature, set->signature_len);
  free(signature); free(scratch); free(stream);
}

static const struct { const char *name; int few; } TRIED[] = {
  {"LMS_SHA256_M32_H5_W4", 0}, {"LMS_SHA256_M24_H5_W8", 0}, {"LMS_SHAKE_M32_H5_W4", 0}, {"XMSS-SHA2_10_256", 0},
  {"XMSS-SHA2_10_192", 0}, {"XMSS-SHA2_10_512", 0}, {"XMSS-SHAKE_10_256", 0}, {"XMSSMT-SHAKE256_20/4_192", 0},
  {"SLH-DSA-SHA2-128f", 0}, {"SLH-DSA-SHA2-192f", 1}, {"SLH-DSA-SHAKE-128f", 1}};

static const hbss_set *set_of(const char *name)
{
  const hbss_set *set;
  for (size_t i = 0; (set = hbss_set_at(i)); i++)
    if (!strcmp(set->name, name)) return set;
  MUST(!"a set of this name");
  return NULL;
}

/* A byte that the core derived from a secret decides. */
static int planted(const hbss_key *key, const char *what)
{
  static const char table[256] = {1};
  uint8_t secret[32], seed[16];
  volatile int sink = 0;
  MUST(hbss_key_child(secret, seed, key, 0, hbss_key_set(key)) == HBSS_OK);
  if (!strcmp(what, "branch") && secret[0] & 1) sink = 1;
  if (!strcmp(what, "index")) sink = table[secret[0]];
  return sink & 0;
}

int main(int count, char **words)
{
  const hbss_backend *backend;
  size_t tried = 0;
  MUST(RUNNING_ON_VALGRIND);
  for (size_t b = 0; (backend = hbss_backend_at(b)); b++) {
    if (!hbss_backend_supported(backend)) continue;
    if (count > 1) return planted(seeded_key(backend, set_of(TRIED[0].name), NULL), words[1]);
    for (size_t i = 0; i < sizeof TRIED / sizeof *TRIED; i++, tried++) {
      current = TRIED[i].name;
      hbss_key *key = seeded_key(backend, set_of(current), NULL);
      if (hbss_key_set(key)->scheme == HBSS_SLHDSA) stateless(key, TRIED[i].few);
      else stateful(key);
      free(key);
    }
    printf("%s ", hbss_backend_name(backend));
  }
  printf("%zu keys\n", tried);
  return 0;
}
