/* kernels.c - every kernel against the portable one, verb by verb. The text of the 512-bit kernels is compiled here without
 * AVX-512 as well, so that its lanes, ways and transposes are checked on any machine. Prints how many kernels agreed. */
#include "base/cpu.h"
#include "common.h"
#include "hash/hash.h"
#include "hash/kernel.h"

#define ALIGNED __attribute__((aligned(64)))

#define FOLDS 1
#define KERNEL plain_sha256_16
#define KERNEL_NAME "plain 16"
#define NAME(x) plain16_##x
#define BITS 32
#define WIDTH 16
#define WAYS 1
#define LATENCY 1
#define BARRIER(x) __asm__("" : "+m"(x))
#include "hash/kernels/sha2.inc"
#undef LATENCY

#define SHUFFLES_BYTES 1
#define KERNEL plain_sha256_2x16
#define KERNEL_NAME "plain 2x16"
#define NAME(x) plain2x16_##x
#define BITS 32
#define WIDTH 16
#define WAYS 2
#include "hash/kernels/sha2.inc"

#undef FOLDS
#undef SHUFFLES_BYTES
#define KERNEL plain_sha512_8
#define KERNEL_NAME "plain 8"
#define NAME(x) plain8_##x
#define BITS 64
#define WIDTH 8
#define WAYS 1
#include "hash/kernels/sha2.inc"

#define SHUFFLES_BYTES 1
#define KERNEL plain_sha512_2x8
#define KERNEL_NAME "plain 2x8"
#define NAME(x) plain2x8_##x
#define BITS 64
#define WIDTH 8
#define WAYS 2
#include "hash/kernels/sha2.inc"

#undef SHUFFLES_BYTES
#define KERNEL plain_keccak_8
#define KERNEL_NAME "plain 8"
#define NAME(x) plain_keccak_##x
#define WIDTH 8
#include "hash/kernels/keccak.inc"

typedef struct arrays {
  uint8_t in[HBSS_ARRAY] ALIGNED, out[HBSS_ARRAY] ALIGNED, block[HBSS_ARRAY] ALIGNED, fold[HBSS_FOLD] ALIGNED;
} arrays;

static uint8_t rows[HBSS_MAX_LANES][HBSS_MAX_BLOCK], states[HBSS_MAX_LANES][HBSS_MAX_DIGEST];

/* the kernel's lanes, or the portable kernel on lane `only`, from the same random rows and states */
static void fill(arrays *a, const hbss_kernel *k, const hbss_rules *r, int only)
{
  const uint8_t *from[HBSS_MAX_LANES];
  memset(a, 0, sizeof *a);
  for (uint32_t l = 0; l < k->lanes; l++) {
    from[l] = rows[only < 0 ? l : (uint32_t)only];
    k->set_state(a->in, l, states[only < 0 ? l : (uint32_t)only], r->state);
  }
  k->load(a->block, from, r->block);
}

/* PARTS: what a masked step is made of; `counter` then says from which byte of the state `place` takes */
typedef enum verb { COMPRESS, VALUE, CHAIN, FOLDED_CHAIN, FOLDED, PARTS } verb;
static void act(arrays *a, const hbss_kernel *k, verb v, const hbss_walk *walk, uint32_t steps)
{
  const int folded = (v == FOLDED || v == FOLDED_CHAIN) && k->fold && k->fold(a->fold, a->in, a->block, walk);
  if (k->fold && v == FOLDED) MUST(folded == (walk->counter >= 20 && walk->at >= 20)); /* as in all schemes' chains */
  if (v == FOLDED) { /* all that the walk may change */
    k->count(a->block, walk->counter, 1);
    for (uint32_t at = walk->at; at < walk->at + walk->n; at++) k->count(a->block, at, 1);
  }
  if (v == CHAIN || v == FOLDED_CHAIN) k->chain(a->out, a->block, a->in, folded ? a->fold : NULL, walk, steps);
  else if (v == VALUE) k->value(a->out, a->in, a->block);
  else if (folded) k->folded(a->out, a->in, a->block, a->fold);
  else k->compress(a->out, a->in, a->block);
  if (v != PARTS) return;
  k->place(a->block, walk->at, a->out, walk->counter, walk->n);
  k->count(a->block, 40, 1);
  k->count(a->block, 43, 4);
  k->count(a->block, 43, -5);
  k->mix(a->in, a->out);
  k->compress(a->out, a->in, a->block);
}

static void compare(const hbss_kernel *k, const hbss_kernel *portable, const hbss_rules *r, verb v, const hbss_walk *walk,
                    uint32_t steps)
{
  static arrays all, one;
  static uint8_t digests[HBSS_ARRAY];
  const uint32_t counts = v == CHAIN || v == FOLDED_CHAIN ? walk->n : v == VALUE ? 32 : r->digest;
  uint8_t want[HBSS_MAX_DIGEST], got[HBSS_MAX_DIGEST];
  random_bytes(rows[0], sizeof rows);
  random_bytes(states[0], sizeof states);
  for (int l = 0; walk && l < HBSS_MAX_LANES; l += 2) rows[l][walk->counter] = 255; /* overflows, and into nothing */
  fill(&all, k, r, -1);
  act(&all, k, v, walk, steps);
  k->store(digests, all.out);
  for (uint32_t l = 0; l < k->lanes; l++) {
    fill(&one, portable, r, (int)l);
    act(&one, portable, v, walk, steps);
    portable->get_state(want, 0, one.out, r->digest);
    k->get_state(got, l, all.out, r->digest);
    MUST(!memcmp(want, got, counts));
    MUST(!memcmp(want, digests + l * r->digest, counts));
  }
}

/* one state in all lanes */
static void spread(const hbss_kernel *k, const hbss_rules *r)
{
  static arrays all;
  uint8_t got[HBSS_MAX_DIGEST];
  random_bytes(states[0], sizeof states);
  k->set_states(all.in, states[0], r->state);
  for (uint32_t l = 0; l < k->lanes; l++) {
    k->get_state(got, l, all.in, r->state);
    MUST(!memcmp(got, states[0], r->state));
  }
}

static int check(const hbss_kernel *k, const hbss_kernel *portable, const hbss_rules *r, uint32_t needs)
{
  if (needs & ~hbss_cpu_features()) return 0;
  current = k->name;
  spread(k, r);
  for (int i = 0; i < 20; i++) compare(k, portable, r, i % 2 ? COMPRESS : VALUE, NULL, 0);
  for (uint32_t at = 1; at <= r->block - 33; at++)
    for (uint32_t n = 16; n <= 32; n += 8) {
      const hbss_walk walk = {at, n, at - 1};
      if (at % 8 == 0 || r->block != 128)
        for (verb v = CHAIN; v <= FOLDED; v++) compare(k, portable, r, v, &walk, 1 + at % 4);
    }
  const hbss_walk prf = {31, 1, 27}, key = {32, 32, 32}; /* XMSS's two messages: an address, and K in F */
  const hbss_walk most = {24, 8, 20};                    /* all that may change where word 8 and the later ones do not */
  compare(k, portable, r, FOLDED, &prf, 1);
  compare(k, portable, r, FOLDED, &key, 1);
  compare(k, portable, r, FOLDED, &most, 1);
  for (uint32_t at = 0; at <= 32; at += 4) /* a second part of a value begins at a whole word; SHA-256 has no such */
    for (uint32_t from = 0; from <= (r->block == 64 ? 0u : 32u); from += 8) {
      const hbss_walk walk = {at, 24, from};
      if (at % 8 == 0 || r->block != 128) compare(k, portable, r, PARTS, &walk, 1);
    }
  return 1;
}

int main(void)
{
  int agreed = 0;
  const hbss_kernel *s256 = &hbss_sha256_portable, *s512 = &hbss_sha512_portable, *keccak = &hbss_keccak_portable;
  agreed += check(&plain_sha256_16, s256, &hbss_sha256_rules, 0) + check(&plain_sha256_2x16, s256, &hbss_sha256_rules, 0);
  agreed += check(&plain_sha512_8, s512, &hbss_sha512_rules, 0) + check(&plain_sha512_2x8, s512, &hbss_sha512_rules, 0);
  agreed += check(&plain_keccak_8, keccak, &hbss_shake128_rules, 0) + check(&plain_keccak_8, keccak, &hbss_shake256_rules, 0);
#if defined(__GNUC__)
  agreed += check(&hbss_sha256_vec128, s256, &hbss_sha256_rules, 0) + check(&hbss_sha512_vec128, s512, &hbss_sha512_rules, 0);
  agreed += check(&hbss_keccak_vec128, keccak, &hbss_shake256_rules, 0);
#endif
#if defined(__x86_64__)
  agreed += check(&hbss_sha256_shani, s256, &hbss_sha256_rules, HBSS_CPU_SHANI) + check(&hbss_sha256_shani4, s256, &hbss_sha256_rules, HBSS_CPU_SHANI);
  agreed += check(&hbss_sha256_avx2, s256, &hbss_sha256_rules, HBSS_CPU_AVX2) + check(&hbss_sha512_avx2, s512, &hbss_sha512_rules, HBSS_CPU_AVX2);
  agreed += check(&hbss_keccak_avx2, keccak, &hbss_shake256_rules, HBSS_CPU_AVX2);
  agreed += check(&hbss_sha256_avx512, s256, &hbss_sha256_rules, HBSS_CPU_AVX512) + check(&hbss_sha256_avx512x2, s256, &hbss_sha256_rules, HBSS_CPU_AVX512);
  agreed += check(&hbss_sha512_avx512, s512, &hbss_sha512_rules, HBSS_CPU_AVX512) + check(&hbss_sha512_avx512x2, s512, &hbss_sha512_rules, HBSS_CPU_AVX512);
  agreed += check(&hbss_keccak_avx512, keccak, &hbss_shake128_rules, HBSS_CPU_AVX512);
#endif
  printf("%d kernels agree with portable\n", agreed);
  return 0;
}
