/* kernel.h - what one instruction set can do with one hash function's compression (or Keccak's permutation).
 *
 * A kernel works on `lanes` messages at a time, in arrays whose layout is its own secret: `block` (one block a lane) and
 * `state` (one chaining state a lane; also `mid` and `value`). The engine gives HBSS_ARRAY bytes for each,
 * aligned to 64 (for one lane, to 8), and touches them only through the verbs below; an idle lane may hold anything. No
 * padding, no scheme here. */
#ifndef HBSS_HASH_KERNEL_H
#define HBSS_HASH_KERNEL_H
#include <stddef.h>
#include <stdint.h>

enum {
  HBSS_MAX_LANES = 32,
  HBSS_ARRAY = 2048, /* bytes: 32 lanes of 64-byte blocks, 16 of 128, 8 of Keccak's 200-byte states */
  HBSS_FOLD = 3136,  /* bytes: 32 lanes of 24 words, and what kind of fold it is */
};

/* A word of an array that was declared as bytes or as other words. */
#if defined(__GNUC__)
#define HBSS_ALIAS __attribute__((may_alias))
#else
#define HBSS_ALIAS
#endif
typedef uint32_t HBSS_ALIAS hbss_word32;
typedef uint64_t HBSS_ALIAS hbss_word64;

/* How a chain walks: its value of n bytes lies in the block from byte `at`, byte `counter` counts the steps. */
typedef struct hbss_walk { uint32_t at, n, counter; } hbss_walk;

typedef struct hbss_kernel {
  const char *name;
  uint32_t lanes;
  /* out = compression of the block from the state `in`; Keccak: the permutation of in ^ block. out may be in. */
  void (*compress)(void *out, const void *in, const void *block);
  /* the same where 32 bytes of what it gives are enough */
  void (*value)(void *out, const void *in, const void *block);
  /* Blocks that differ only where a walk changes them need not be compressed from the beginning. fold = what all else in
   * them, and the state they are compressed from, have to give, once for all; 0: nothing. Then folded = compress, for such
   * a block and that state. NULL where that is no gain. */
  int (*fold)(void *fold, const void *in, const void *block, const hbss_walk *walk);
  void (*folded)(void *out, const void *in, const void *block, const void *fold);
  /* `steps` times: value = compress(mid, block), of which n bytes (32 at most) count; the block's counter counts on, from
   * 255 to 0, and the block takes the value in. fold: of mid and block, or NULL */
  void (*chain)(void *value, void *block, const void *mid, const void *fold, const hbss_walk *walk, uint32_t steps);
  /* the parts of longer steps: bytes from .. from + n - 1 of the state into the block at byte `at` (from: whole words);
   * byte `at` of the block, and no other, changes by `by`; state = state ^ other */
  void (*place)(void *block, uint32_t at, const void *state, uint32_t from, uint32_t n);
  void (*count)(void *block, uint32_t at, int by);
  void (*mix)(void *state, const void *other);
  void (*load)(void *block, const uint8_t *const *rows, uint32_t len); /* one block of len bytes a lane */
  void (*store)(uint8_t *rows, const void *state);  /* a digest a lane, one after another: 32 bytes (SHA-256), else 64 */
  /* one lane: `len` bytes into a block (the whole of it) or into a state, and out of a state */
  void (*set_block)(void *block, uint32_t lane, const uint8_t *bytes, uint32_t len);
  void (*set_state)(void *state, uint32_t lane, const uint8_t *bytes, uint32_t len);
  void (*get_state)(uint8_t *bytes, uint32_t lane, const void *state, uint32_t len);
  /* all lanes: the same bytes into a state */
  void (*set_states)(void *state, const uint8_t *bytes, uint32_t len);
} hbss_kernel;

/* Which kernel for how many items: the first whose `from` is not above the count (`from_uneven`: chains of unequal
 * lengths). The last one takes any count and has one lane: it also does single long messages. */
typedef struct hbss_choice { const hbss_kernel *kernel; uint32_t from, from_uneven; } hbss_choice;

extern const uint32_t hbss_sha256_iv[8], hbss_sha256_k[64];
extern const uint64_t hbss_sha512_iv[8], hbss_sha512_k[80];
extern const uint64_t hbss_keccak_k[24];

extern const hbss_kernel hbss_sha256_portable, hbss_sha512_portable, hbss_keccak_portable;
#if defined(__GNUC__)
extern const hbss_kernel hbss_sha256_vec128, hbss_sha512_vec128, hbss_keccak_vec128;
#endif
#if defined(__GNUC__) && defined(__x86_64__)
extern const hbss_kernel hbss_sha256_avx2, hbss_sha512_avx2, hbss_keccak_avx2;
extern const hbss_kernel hbss_sha256_avx512, hbss_sha256_avx512x2, hbss_sha512_avx512, hbss_sha512_avx512x2;
extern const hbss_kernel hbss_keccak_avx512;
extern const hbss_kernel hbss_sha256_shani, hbss_sha256_shani4;
#endif
#endif
