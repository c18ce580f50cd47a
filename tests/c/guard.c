/* guard.c - a few acts of fixed seeds, whose work is counted and not timed (benchmarks/guard.py).
 *
 *     guard BACKEND  how often each kernel runs in each act, with the choices of that backend: "act function lanes runs"
 *     guard          the acts on the portable backend, for callgrind, which writes a file for each
 *
 * What counts runs are not the backend's kernels but the portable ones, lane by lane, so that every CPU and every compiler
 * counts the same. */
#include "common.h"
#include "hash/backend.h"
#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else /* then there are no instructions to be counted */
#define CALLGRIND_ZERO_STATS
#define CALLGRIND_DUMP_STATS_AT(name)
#endif

#define ACT __attribute__((noinline)) static void

/* ---- kernels of many lanes that count their runs ---- */

#define LANE(array, l, width) ((uint8_t *)(uintptr_t)(array) + (l) * (HBSS_ARRAY / (width)))
#define EACH(width) for (uint32_t l = 0; l < (width); l++)

#define WIDE(id, width, one, digest) \
  static uint64_t id##_runs; \
  static void id##_compress(void *out, const void *in, const void *block) \
  { \
    id##_runs++; \
    EACH(width) one.compress(LANE(out, l, width), LANE(in, l, width), LANE(block, l, width)); \
  } \
  static void id##_chain(void *value, void *block, const void *mid, const void *fold, const hbss_walk *walk, uint32_t steps) \
  { \
    id##_runs += steps; \
    EACH(width) one.chain(LANE(value, l, width), LANE(block, l, width), LANE(mid, l, width), fold, walk, steps); \
  } \
  static void id##_place(void *block, uint32_t at, const void *state, uint32_t from, uint32_t n) \
  { \
    EACH(width) one.place(LANE(block, l, width), at, LANE(state, l, width), from, n); \
  } \
  static void id##_count(void *block, uint32_t at, int by) { EACH(width) one.count(LANE(block, l, width), at, by); } \
  static void id##_mix(void *state, const void *other) { EACH(width) one.mix(LANE(state, l, width), LANE(other, l, width)); } \
  static void id##_load(void *block, const uint8_t *const *rows, uint32_t len) \
  { \
    EACH(width) one.load(LANE(block, l, width), rows + l, len); \
  } \
  static void id##_store(uint8_t *rows, const void *state) { EACH(width) one.store(rows + l * digest, LANE(state, l, width)); } \
  static void id##_set_block(void *block, uint32_t l, const uint8_t *bytes, uint32_t len) \
  { \
    one.set_block(LANE(block, l, width), 0, bytes, len); \
  } \
  static void id##_set_state(void *state, uint32_t l, const uint8_t *bytes, uint32_t len) \
  { \
    one.set_state(LANE(state, l, width), 0, bytes, len); \
  } \
  static void id##_get_state(uint8_t *bytes, uint32_t l, const void *state, uint32_t len) \
  { \
    one.get_state(bytes, 0, LANE(state, l, width), len); \
  } \
  static void id##_set_states(void *state, const uint8_t *bytes, uint32_t len) \
  { \
    EACH(width) one.set_states(LANE(state, l, width), bytes, len); \
  } \
  static const hbss_kernel id = { \
    .name = #id, .lanes = width, .compress = id##_compress, .value = id##_compress, .chain = id##_chain, \
    .place = id##_place, .count = id##_count, .mix = id##_mix, .load = id##_load, .store = id##_store, .set_block = id##_set_block, \
    .set_state = id##_set_state, .get_state = id##_get_state, \
    .set_states = id##_set_states};

WIDE(sha256_32, 32, hbss_sha256_portable, 32)
WIDE(sha256_16, 16, hbss_sha256_portable, 32)
WIDE(sha256_4, 4, hbss_sha256_portable, 32)
WIDE(sha256_1, 1, hbss_sha256_portable, 32)
WIDE(sha512_16, 16, hbss_sha512_portable, 64)
WIDE(sha512_8, 8, hbss_sha512_portable, 64)
WIDE(sha512_1, 1, hbss_sha512_portable, 64)
WIDE(keccak_8, 8, hbss_keccak_portable, 64)
WIDE(keccak_1, 1, hbss_keccak_portable, 64)

static const struct wide { const char *function; const hbss_kernel *kernel; uint64_t *runs; } wide[] = {
  {"SHA-256", &sha256_32, &sha256_32_runs}, {"SHA-256", &sha256_16, &sha256_16_runs}, {"SHA-256", &sha256_4, &sha256_4_runs},
  {"SHA-256", &sha256_1, &sha256_1_runs},
  {"SHA-512", &sha512_16, &sha512_16_runs}, {"SHA-512", &sha512_8, &sha512_8_runs}, {"SHA-512", &sha512_1, &sha512_1_runs},
  {"SHAKE", &keccak_8, &keccak_8_runs}, {"SHAKE", &keccak_1, &keccak_1_runs},
};
enum { KERNELS = sizeof wide / sizeof *wide };

static const hbss_backend *named(const char *name)
{
  const hbss_backend *b;
  for (size_t i = 0; (b = hbss_backend_at(i)); i++)
    if (!strcmp(hbss_backend_name(b), name)) return b;
  return NULL;
}

/* one hash function's choices, with kernels that count */
static hbss_choice *exchanged(const hbss_choice *from, const char *function)
{
  static hbss_choice choices[HBSS_FUNCTIONS * KERNELS];
  static size_t used;
  hbss_choice *first = choices + used;
  do {
    const struct wide *w = wide;
    while (w < wide + KERNELS && (strcmp(w->function, function) || w->kernel->lanes != from->kernel->lanes)) w++;
    MUST(w < wide + KERNELS && used < HBSS_FUNCTIONS * KERNELS);
    choices[used] = *from;
    choices[used++].kernel = w->kernel;
  } while ((from++)->from);
  return first;
}

static const hbss_backend *counting(const hbss_backend *backend)
{
  static const char *const functions[HBSS_FUNCTIONS] = {
    [HBSS_SHA256] = "SHA-256", [HBSS_SHA512] = "SHA-512", [HBSS_SHAKE128] = "SHAKE", [HBSS_SHAKE256] = "SHAKE"};
  static hbss_backend made;
  made = *backend;
  made.needs = 0;
  for (int f = 0; f < HBSS_FUNCTIONS; f++) made.hashes[f].choices = exchanged(backend->hashes[f].choices, functions[f]);
  return &made;
}

/* ---- a key, and what can be done with it ---- */

enum { BATCH = 32 };
typedef struct batch { hbss_claim claims[BATCH]; uint8_t messages[BATCH][32]; } batch;

typedef struct world {
  const hbss_set *set;
  hbss_key *key, *public;
  uint8_t *secret, *seed, *nodes, *signature;
  size_t signature_len;
  uint8_t message[32], r[64], digest[64];
  batch claimed;
} world;

static world opened(const hbss_backend *backend, const char *name)
{
  world w = {0};
  for (size_t i = 0; (w.set = hbss_set_at(i)) && strcmp(w.set->name, name); i++) { }
  MUST(w.set);
  const uint32_t height = w.set->h / w.set->d;
  random_bytes(w.message, sizeof w.message);
  w.secret = random_exactly(w.set->secret_len);
  w.seed = random_exactly(w.set->public_seed_len);
  w.nodes = exactly(((2u << height) - 1) * w.set->n);
  w.signature_len = w.set->signature_len + (w.set->scheme == HBSS_LMS ? 4 : 0);
  w.signature = exactly(w.signature_len);
  w.key = aligned(hbss_key_len());
  MUST(hbss_key_from_seeds(w.key, backend, w.set, w.secret, w.seed, NULL) == HBSS_OK);
  return w;
}

/* the whole tree under the public key, or the first leaves of it */
static void build(world *w, uint32_t height)
{
  MUST(hbss_tree(w->nodes, w->key, w->set->d - 1, 0, 0, height) == HBSS_OK);
}

/* the key again, now that its root is known */
static void complete(world *w, const hbss_backend *backend)
{
  const uint32_t height = w->set->h / w->set->d;
  const uint8_t *root = w->nodes + ((2u << height) - 2) * w->set->n;
  MUST(hbss_key_from_seeds(w->key, backend, w->set, w->secret, w->seed, root) == HBSS_OK);
  w->public = public_key(backend, w->key);
}

ACT act_lms_keygen(world *w) { build(w, 5); }
ACT act_xmss_leaves(world *w) { build(w, 2); }
ACT act_sha512_keygen(world *w) { build(w, 3); }
ACT act_shake_keygen(world *w) { build(w, 3); }

/* a signature of `message` by leaf `leaf` of the LMS tree */
static void lms_sign(uint8_t *signature, world *w, uint32_t leaf, const uint8_t *message)
{
  uint8_t path[5 * 32];
  for (uint32_t level = 0, start = 0; level < 5; start += 32u >> level, level++)
    memcpy(path + level * 32, w->nodes + (start + ((leaf >> level) ^ 1)) * 32, 32);
  MUST(hbss_randomizer(w->r, w->key, leaf) == HBSS_OK);
  hbss_stream *stream = aligned(hbss_stream_len());
  MUST(hbss_digest_start(stream, w->key, leaf, w->r) == HBSS_OK);
  hbss_stream_update(stream, message, 32);
  hbss_stream_finish(w->digest, stream);
  memset(signature, 0, 4);
  MUST(hbss_sign_leaf(signature + 4, w->key, 0, 0, leaf, w->r, w->digest, path) == HBSS_OK);
  free(stream);
}
ACT act_lms_sign(world *w) { lms_sign(w->signature, w, 0, w->message); }

ACT act_slhdsa_sign(world *w)
{
  hbss_stream *stream = aligned(hbss_stream_len());
  MUST(hbss_randomizer_start(stream, w->key, w->seed) == HBSS_OK);
  hbss_stream_update(stream, w->message, sizeof w->message);
  hbss_stream_finish(w->r, stream);
  MUST(hbss_digest_start(stream, w->key, 0, w->r) == HBSS_OK);
  hbss_stream_update(stream, w->message, sizeof w->message);
  hbss_stream_finish(w->digest, stream);
  uint8_t *scratch = exactly(hbss_slhdsa_scratch_len(w->key));
  for (uint32_t step = 0; step < hbss_slhdsa_steps(w->key, w->nodes); step++)
    MUST(hbss_slhdsa_sign(w->signature, w->key, w->r, w->digest, w->nodes, step, scratch) == HBSS_OK);
  free(stream); free(scratch);
}

static void verify_one(world *w)
{
  hbss_stream *stream = aligned(hbss_stream_len());
  MUST(hbss_verify_start(stream, w->public, w->signature, w->signature_len) == HBSS_OK);
  hbss_stream_update(stream, w->message, sizeof w->message);
  MUST(hbss_verify_finish(stream, w->public, w->signature, w->signature_len) == HBSS_OK);
  free(stream);
}
ACT act_lms_verify(world *w) { verify_one(w); }
ACT act_slhdsa_verify(world *w) { verify_one(w); }

/* as many signatures as the LMS tree has leaves; or, by SLH-DSA, one signature so many times */
static void claim(world *w)
{
  for (uint32_t i = 0; i < BATCH; i++) {
    uint8_t *signature = w->signature, *message = w->claimed.messages[i];
    if (w->set->scheme == HBSS_LMS) {
      random_bytes(message, 32);
      signature = exactly(w->signature_len);
      lms_sign(signature, w, i, message);
    } else {
      memcpy(message, w->message, 32);
    }
    w->claimed.claims[i] = (hbss_claim){w->public, signature, message, message, w->signature_len, 0, 32};
  }
}

static void verify_each(world *w)
{
  uint8_t good[BATCH], *scratch = aligned(hbss_verify_scratch_len());
  hbss_verify_each(good, w->claimed.claims, BATCH, scratch);
  for (int i = 0; i < BATCH; i++) MUST(good[i]);
  free(scratch);
}
ACT act_lms_verify_each(world *w) { verify_each(w); }
ACT act_slhdsa_verify_each(world *w) { verify_each(w); }

/* ---- the acts one after another ---- */

static void run(const char *name, void (*act)(world *), world *w)
{
  current = name;
  for (size_t i = 0; i < KERNELS; i++) *wide[i].runs = 0;
  CALLGRIND_ZERO_STATS;
  act(w);
  CALLGRIND_DUMP_STATS_AT(name);
  for (size_t i = 0; i < KERNELS; i++)
    if (*wide[i].runs) printf("%s %s %u %llu\n", name, wide[i].function, wide[i].kernel->lanes, (unsigned long long)*wide[i].runs);
}
#define RUN(act, w) run(#act, act_##act, w)

int main(int argc, char **argv)
{
  const hbss_backend *backend = named(argc > 1 ? argv[1] : "portable");
  if (!backend) return puts("this build has no such backend"), 2;
  if (argc > 1) backend = counting(backend);
  world lms = opened(backend, "LMS_SHA256_M32_H5_W4"), slhdsa = opened(backend, "SLH-DSA-SHA2-128f");
  world xmss = opened(backend, "XMSS-SHA2_10_256");
  world sha512 = opened(backend, "SLH-DSA-SHA2-192f"), shake = opened(backend, "SLH-DSA-SHAKE-128f");
  RUN(lms_keygen, &lms);
  complete(&lms, backend);
  RUN(lms_sign, &lms);
  RUN(lms_verify, &lms);
  claim(&lms);
  RUN(lms_verify_each, &lms);
  RUN(xmss_leaves, &xmss);
  build(&slhdsa, 3);
  complete(&slhdsa, backend);
  RUN(slhdsa_sign, &slhdsa);
  RUN(slhdsa_verify, &slhdsa);
  claim(&slhdsa);
  RUN(slhdsa_verify_each, &slhdsa);
  RUN(sha512_keygen, &sha512);
  RUN(shake_keygen, &shake);
  return 0;
}
