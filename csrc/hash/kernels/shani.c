/* shani.c - SHA-256 on the SHA instructions of x86: a kernel for one stream and one for four.
 *
 * One stream waits for itself: every instruction needs the result of the one before. Two streams interleaved fill
 * those waits, and two such pairs, one after the other, also hide each other's beginnings and ends (three or four
 * streams interleaved run out of the sixteen registers). So the second kernel serves chains and batches, the first one
 * long messages and what is left over. Called by the engine through the two tables at the end. */
#include "../kernel.h"
#if defined(__GNUC__) && defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#define TARGET __attribute__((target("sha,sse4.1")))
#define INLINE TARGET __attribute__((always_inline)) static inline
#if defined(__clang__)
#define UNROLL(count) _Pragma("clang loop unroll(full)")
#else
#define PRAGMA(text) _Pragma(#text)
#define UNROLL(count) PRAGMA(GCC unroll count)
#endif

/* The arrays hold one of these a lane: words as numbers, in order. The caller's own state may be aligned to 8 only. */
typedef __m128i words __attribute__((aligned(8)));
typedef struct state { words abcd, efgh; } state;
typedef struct block { words w[4]; } block;

/* Byte j of a vector of numbers is byte j ^ 3 of a message: its words are big-endian. */
INLINE __m128i byte_order(void) { return _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3); }
INLINE __m128i get(const uint8_t *bytes)
{
  return _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)bytes), byte_order());
}
INLINE void put(uint8_t *bytes, __m128i x)
{
  _mm_storeu_si128((__m128i *)(void *)bytes, _mm_shuffle_epi8(x, byte_order()));
}

/* The instructions want a state as two vectors of their own order: A B E F and C D G H, from the top. */
INLINE state to_instruction_order(const state *s)
{
  const __m128i badc = _mm_shuffle_epi32(s->abcd, 0xb1), hgfe = _mm_shuffle_epi32(s->efgh, 0x1b);
  return (state){_mm_alignr_epi8(badc, hgfe, 8), _mm_blend_epi16(hgfe, badc, 0xf0)};
}
INLINE state to_word_order(__m128i abef, __m128i cdgh)
{
  const __m128i feba = _mm_shuffle_epi32(abef, 0x1b), dchg = _mm_shuffle_epi32(cdgh, 0xb1);
  return (state){_mm_blend_epi16(feba, dchg, 0xf0), _mm_alignr_epi8(dchg, feba, 8)};
}

/* Rounds 4q to 4q + 3 of one stream. w holds the last sixteen words of the schedule, w[q % 4] the oldest four. */
INLINE void four_rounds(__m128i *abef, __m128i *cdgh, __m128i *w, __m128i k, int q)
{
  __m128i *now = &w[q % 4];
  if (q >= 4) {
    const __m128i last = w[(q + 3) % 4], sum = _mm_sha256msg1_epu32(*now, w[(q + 1) % 4]);
    *now = _mm_sha256msg2_epu32(_mm_add_epi32(sum, _mm_alignr_epi8(last, w[(q + 2) % 4], 4)), last);
  }
  const __m128i kw = _mm_add_epi32(*now, k);
  *cdgh = _mm_sha256rnds2_epu32(*cdgh, *abef, kw);
  *abef = _mm_sha256rnds2_epu32(*abef, *cdgh, _mm_shuffle_epi32(kw, 0x0e));
}
INLINE void interleaved(state *out, const state *in, const block *b, const int streams)
{
  state first[2];
  __m128i abef[2], cdgh[2], w[2][4];
  UNROLL(2)
  for (int i = 0; i < streams; i++) {
    first[i] = to_instruction_order(&in[i]);
    abef[i] = first[i].abcd;
    cdgh[i] = first[i].efgh;
    UNROLL(4)
    for (int j = 0; j < 4; j++) w[i][j] = b[i].w[j];
  }
  UNROLL(16)
  for (int q = 0; q < 16; q++) {
    const __m128i k = _mm_loadu_si128((const __m128i *)(const void *)(hbss_sha256_k + 4 * q));
    UNROLL(2)
    for (int i = 0; i < streams; i++) four_rounds(&abef[i], &cdgh[i], w[i], k, q);
  }
  UNROLL(2)
  for (int i = 0; i < streams; i++)
    out[i] = to_word_order(_mm_add_epi32(abef[i], first[i].abcd), _mm_add_epi32(cdgh[i], first[i].efgh));
}

/* Functions of their own, not inlined: one copy of the rounds stays in the cache, whichever verb runs. */
#define NOINLINE TARGET __attribute__((noinline)) static
NOINLINE void one_stream(state *out, const state *in, const block *b) { interleaved(out, in, b, 1); }
NOINLINE void two_streams(state *out, const state *in, const block *b) { interleaved(out, in, b, 2); }
INLINE void compress(state *out, const state *in, const block *b, const int lanes)
{
  if (lanes == 1) one_stream(out, in, b);
  else for (int i = 0; i < lanes; i += 2) two_streams(out + i, in + i, b + i);
}

/* How a block takes the next value in: the value may begin at any byte, so it touches up to three vectors. It gets
 * there by shuffles of registers, for unaligned stores and then aligned loads of the same bytes would stall. */
typedef struct step {
  uint32_t first, second, third, count;                         /* which vectors of the block */
  __m128i keep[3];                                              /* the bytes of those three that are not the value's */
  __m128i first_abcd, second_abcd, second_efgh, third_efgh;     /* the shuffles that bring the value's bytes there */
  __m128i one;                                                  /* what the counter counts on by */
} step;

/* `of` says for each byte of the message which byte of the value's half belongs there. Adding 0x70 with saturation sets
 * the top bit, which a shuffle takes for zero, unless it is 0 .. 15. */
INLINE __m128i shuffle_of(__m128i of, __m128i keep)
{
  return _mm_or_si128(_mm_xor_si128(_mm_adds_epu8(of, _mm_set1_epi8(0x70)), _mm_set1_epi8(3)), keep);
}
INLINE __m128i outside(__m128i of, uint32_t n) /* all but 0 .. n - 1 */
{
  const __m128i inside = _mm_cmpeq_epi8(_mm_min_epu8(of, _mm_set1_epi8((char)(n - 1))), of);
  return _mm_xor_si128(inside, _mm_set1_epi8(-1));
}
INLINE step plan(const hbss_walk *walk)
{
  const uint32_t v = walk->at / 16; /* the last two may not be reached: then nothing is put into the last vector */
  step p = {.first = v, .second = v < 3 ? v + 1 : 3, .third = v < 2 ? v + 2 : 3, .count = walk->counter / 16};
  const __m128i sixteen = _mm_set1_epi8(16), of0 = _mm_sub_epi8(byte_order(), _mm_set1_epi8((char)(walk->at % 16)));
  const __m128i of1 = _mm_add_epi8(of0, sixteen), of2 = _mm_add_epi8(of1, sixteen);
  p.keep[0] = outside(of0, walk->n);
  p.keep[1] = outside(of1, walk->n);
  p.keep[2] = outside(of2, walk->n);
  p.first_abcd = shuffle_of(of0, p.keep[0]);
  p.second_abcd = shuffle_of(of1, p.keep[1]);
  p.second_efgh = shuffle_of(of0, p.keep[1]);
  p.third_efgh = shuffle_of(of1, p.keep[2]);
  const __m128i here = _mm_cmpeq_epi8(byte_order(), _mm_set1_epi8((char)(walk->counter % 16)));
  p.one = _mm_and_si128(here, _mm_set1_epi8(1));
  return p;
}
INLINE void count_on(block *b, const step *p) { b->w[p->count] = _mm_add_epi8(b->w[p->count], p->one); }
INLINE void take_in(block *b, const state *value, const step *p)
{
  const __m128i x = value->abcd, y = value->efgh;
  words *first = &b->w[p->first], *second = &b->w[p->second], *third = &b->w[p->third];
  *first = _mm_or_si128(_mm_and_si128(*first, p->keep[0]), _mm_shuffle_epi8(x, p->first_abcd));
  *second = _mm_or_si128(_mm_and_si128(*second, p->keep[1]),
                         _mm_or_si128(_mm_shuffle_epi8(x, p->second_abcd), _mm_shuffle_epi8(y, p->second_efgh)));
  *third = _mm_or_si128(_mm_and_si128(*third, p->keep[2]), _mm_shuffle_epi8(y, p->third_efgh));
}
INLINE void chain(state *value, block *b, const state *mid, const hbss_walk *walk, uint32_t steps, const int lanes)
{
  const step p = plan(walk);
  while (steps--) {
    compress(value, mid, b, lanes);
    for (int i = 0; i < lanes; i++) count_on(&b[i], &p);
    for (int i = 0; i < lanes; i++) take_in(&b[i], &value[i], &p);
  }
}

/* `from` is always 0: no value of SHA-256 spans two blocks */
INLINE void place(block *b, uint32_t at, const state *s, uint32_t n, const int lanes)
{
  if (at % 16 == 0 && n == 32) {
    for (int i = 0; i < lanes; i++) memcpy(&b[i].w[at / 16], &s[i], sizeof s[i]);
    return;
  }
  const hbss_walk walk = {at, n, 0};
  const step p = plan(&walk);
  for (int i = 0; i < lanes; i++) take_in(&b[i], &s[i], &p);
}
INLINE void count(block *b, uint32_t at, int by, const int lanes)
{
  const __m128i here = _mm_cmpeq_epi8(byte_order(), _mm_set1_epi8((char)(at % 16)));
  const __m128i one = _mm_and_si128(here, _mm_set1_epi8((char)by));
  for (int i = 0; i < lanes; i++) b[i].w[at / 16] = _mm_add_epi8(b[i].w[at / 16], one);
}
INLINE void mix(state *s, const state *other, const int lanes)
{
  for (int i = 0; i < lanes; i++) {
    s[i].abcd = _mm_xor_si128(s[i].abcd, other[i].abcd);
    s[i].efgh = _mm_xor_si128(s[i].efgh, other[i].efgh);
  }
}

INLINE void load(block *b, const uint8_t *const *rows, const int lanes)
{
  for (int i = 0; i < lanes; i++) {
    UNROLL(4)
    for (int j = 0; j < 4; j++) b[i].w[j] = get(rows[i] + 16 * j);
  }
}
INLINE void store(uint8_t *rows, const state *s, const int lanes)
{
  for (int i = 0; i < lanes; i++) {
    put(rows + 32 * i, s[i].abcd);
    put(rows + 32 * i + 16, s[i].efgh);
  }
}
TARGET static void set_block(void *array, uint32_t lane, const uint8_t *bytes, uint32_t len)
{
  (void)len; /* always 64 */
  load((block *)array + lane, &bytes, 1);
}
TARGET static void set_state(void *array, uint32_t lane, const uint8_t *bytes, uint32_t len)
{
  uint8_t all[32] = {0};
  memcpy(all, bytes, len);
  ((state *)array)[lane] = (state){get(all), get(all + 16)};
}
TARGET static void get_state(uint8_t *bytes, uint32_t lane, const void *array, uint32_t len)
{
  uint8_t all[32];
  store(all, (const state *)array + lane, 1);
  memcpy(bytes, all, len);
}

/* The verbs for one number of lanes, and their table. */
#define KERNEL(name, lanes) \
  TARGET static void name##_compress(void *out, const void *in, const void *b) { compress(out, in, b, lanes); } \
  TARGET static void name##_chain(void *value, void *b, const void *mid, const void *fold, const hbss_walk *walk, \
                                  uint32_t steps) \
  { \
    (void)fold; \
    chain(value, b, mid, walk, steps, lanes); \
  } \
  TARGET static void name##_place(void *b, uint32_t at, const void *s, uint32_t from, uint32_t n) \
  { \
    (void)from; \
    place(b, at, s, n, lanes); \
  } \
  TARGET static void name##_count(void *b, uint32_t at, int by) { count(b, at, by, lanes); } \
  TARGET static void name##_mix(void *s, const void *other) { mix(s, other, lanes); } \
  TARGET static void name##_load(void *b, const uint8_t *const *rows, uint32_t len) \
  { \
    (void)len; \
    load(b, rows, lanes); \
  } \
  TARGET static void name##_store(uint8_t *rows, const void *s) { store(rows, s, lanes); } \
  TARGET static void name##_set_states(void *array, const uint8_t *bytes, uint32_t len) \
  { \
    for (uint32_t i = 0; i < (lanes); i++) set_state(array, i, bytes, len); \
  } \
  const hbss_kernel hbss_sha256_##name = {#name, lanes, name##_compress, name##_compress, NULL, NULL, name##_chain, \
                                          name##_place, name##_count, name##_mix, name##_load, name##_store, set_block, \
                                          set_state, get_state, name##_set_states};
KERNEL(shani, 1)
KERNEL(shani4, 4)
#endif
