/* common.h - what the C tests share: a stop with its place, pseudo-random bytes, memory of an exact length, keys. */
#ifndef HBSS_TESTS_COMMON_H
#define HBSS_TESTS_COMMON_H
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "hbss.h"

static const char *current = "start"; /* what is being tried, for the message of a failure */

#define MUST(condition) \
  do { \
    if (!(condition)) { \
      fprintf(stderr, "%s:%d: %s: not so: %s\n", __FILE__, __LINE__, current, #condition); \
      exit(1); \
    } \
  } while (0)

/* xorshift64*: the same bytes in every run */
static uint64_t random_state = 0x9e3779b97f4a7c15u;
static inline uint64_t random_number(void)
{
  random_state ^= random_state >> 12;
  random_state ^= random_state << 25;
  random_state ^= random_state >> 27;
  return random_state * 0x2545f4914f6cdd1du;
}
static inline void random_bytes(uint8_t *p, size_t len)
{
  while (len--) *p++ = (uint8_t)(random_number() >> 56);
}

/* memory of exactly `len` bytes, so that the sanitizer sees a read or write one byte beyond */
static inline uint8_t *exactly(size_t len)
{
  uint8_t *p = malloc(len ? len : 1);
  MUST(p != NULL);
  return p;
}
static inline uint8_t *random_exactly(size_t len)
{
  uint8_t *p = exactly(len);
  random_bytes(p, len);
  return p;
}
static inline void *aligned(size_t len) /* for keys and streams */
{
  void *p = aligned_alloc(64, (len + 63) / 64 * 64);
  MUST(p != NULL);
  memset(p, 0xa5, len);
  return p;
}
static inline int all_zero(const uint8_t *p, size_t len)
{
  uint8_t seen = 0;
  while (len--) seen |= *p++;
  return seen == 0;
}
static inline void put32(uint8_t *p, uint32_t v)
{
  for (int i = 3; i >= 0; i--, v >>= 8) p[i] = (uint8_t)v;
}

/* A key from pseudo-random seeds. Its root is pseudo-random too where none is given: nothing checks it but verifying. */
static inline hbss_key *seeded_key(const hbss_backend *backend, const hbss_set *set, const uint8_t *root)
{
  hbss_key *key = aligned(hbss_key_len());
  uint8_t *secret = random_exactly(set->secret_len), *seed = random_exactly(set->public_seed_len);
  uint8_t *invented = random_exactly(set->n);
  MUST(hbss_key_from_seeds(key, backend, set, secret, seed, root ? root : invented) == HBSS_OK);
  free(secret); free(seed); free(invented);
  return key;
}

/* The way of the leaves of a made-up tree, half of its levels at the bottom. Its root is not where they lead. */
static inline hbss_way made_up_way(const hbss_set *set)
{
  uint32_t height = set->h / set->d, base = height / 2;
  return (hbss_way){.nodes = random_exactly((((size_t)2 << (height - base)) - 1) * set->n), .root = random_exactly(set->n),
                    .bottom = random_exactly((((size_t)2 << base) - 1) * set->n), .base = base};
}
static inline void free_way(hbss_way *way)
{
  free((void *)(uintptr_t)way->nodes); free((void *)(uintptr_t)way->bottom); free((void *)(uintptr_t)way->root);
}

/* The public key as verifiers get it: the LMS family with its HSS header. */
static inline uint8_t *public_bytes(size_t *len, const hbss_key *key)
{
  const hbss_set *set = hbss_key_set(key);
  size_t header = set->scheme == HBSS_LMS ? 4 : 0;
  uint8_t *bytes = exactly(header + set->public_len);
  if (header) put32(bytes, 1);
  MUST(hbss_key_public(bytes + header, key) == HBSS_OK);
  *len = header + set->public_len;
  return bytes;
}
static inline hbss_key *public_key(const hbss_backend *backend, const hbss_key *key)
{
  size_t len;
  uint8_t *bytes = public_bytes(&len, key);
  hbss_key *found = aligned(hbss_key_len());
  const hbss_set *set = hbss_key_set(key);
  MUST(hbss_key_from_public(found, backend, set->scheme, set, bytes, len) == HBSS_OK);
  MUST(hbss_key_set(found) == set && hbss_key_levels(found) == 1);
  free(bytes);
  return found;
}

/* whether a batch of twice the same claim says so twice */
static inline void agree(const hbss_key *key, const uint8_t *signature, size_t len, const uint8_t *data, size_t data_len,
                         hbss_status status)
{
  static void *scratch;
  const size_t head = data_len / 2;
  const hbss_claim claim = {key, signature, data, data + head, len, head, data_len - head}, claims[2] = {claim, claim};
  uint8_t good[2] = {2, 2};
  if (!scratch) scratch = aligned(hbss_verify_scratch_len());
  hbss_verify_each(good, claims, 2, scratch);
  MUST(good[0] == (status == HBSS_OK) && good[1] == good[0]);
}

static inline hbss_status verify(const hbss_key *key, const uint8_t *signature, size_t len, const uint8_t *data, size_t data_len)
{
  hbss_stream *stream = aligned(hbss_stream_len());
  hbss_status status = hbss_verify_start(stream, key, signature, len);
  if (status == HBSS_OK) {
    hbss_stream_update(stream, data, data_len / 2);
    hbss_stream_update(stream, data + data_len / 2, data_len - data_len / 2);
    status = hbss_verify_finish(stream, key, signature, len);
  } else {
    MUST(hbss_verify_finish(stream, key, signature, len) == HBSS_BAD_SIGNATURE); /* also where the start is not heeded */
  }
  free(stream);
  agree(key, signature, len, data, data_len, status);
  return status;
}
#endif
