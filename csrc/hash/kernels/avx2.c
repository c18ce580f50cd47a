/* avx2.c - 256-bit vectors on x86-64. */
#include "../kernel.h"
#if defined(__GNUC__) && defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC target("avx2")
#endif

#define SHUFFLES_BYTES 1
#define FOLDS 1
#define KERNEL hbss_sha256_avx2
#define KERNEL_NAME "avx2"
#define NAME(x) sha256_##x
#define BITS 32
#define WIDTH 8
#define WAYS 1
#include "sha2.inc"

#undef FOLDS
#define KERNEL hbss_sha512_avx2
#define KERNEL_NAME "avx2"
#define NAME(x) sha512_##x
#define BITS 64
#define WIDTH 4
#define WAYS 1
#include "sha2.inc"

#define KERNEL hbss_keccak_avx2
#define KERNEL_NAME "avx2"
#define NAME(x) keccak_##x
#define WIDTH 4
#include "keccak.inc"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
