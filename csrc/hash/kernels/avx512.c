/* avx512.c - 512-bit vectors on x86-64: one vector for few messages, two side by side for throughput. */
#include "../kernel.h"
#if defined(__GNUC__) && defined(__x86_64__)
#include <immintrin.h>
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512bw"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512vl,avx512bw,prefer-vector-width=512")
#endif

/* any function of three bits in one instruction, where the compilers make two of the plain form */
#define TERNARY32(a, b, c, table) ((vec)_mm512_ternarylogic_epi32((__m512i)(a), (__m512i)(b), (__m512i)(c), table))
#define TERNARY64(a, b, c, table) ((vec)_mm512_ternarylogic_epi64((__m512i)(a), (__m512i)(b), (__m512i)(c), table))
#define MAJ(a, b, c) TERNARY32(a, b, c, 0xe8)
#define XOR3(a, b, c) TERNARY64(a, b, c, 0x96)
#define CHI(a, b, c) TERNARY64(a, b, c, 0xd2)
#define BARRIER(x) __asm__("" : "+v"(x))

#define SHUFFLES_BYTES 1
#define FOLDS 1
#define KERNEL hbss_sha256_avx512
#define KERNEL_NAME "avx512"
#define NAME(x) sha256_##x
#define BITS 32
#define WIDTH 16
#define WAYS 1
#define LATENCY 1
#include "sha2.inc"
#undef LATENCY

#define KERNEL hbss_sha256_avx512x2
#define KERNEL_NAME "avx512x2"
#define NAME(x) sha256x2_##x
#define BITS 32
#define WIDTH 16
#define WAYS 2
#include "sha2.inc"

#undef FOLDS
#define KERNEL hbss_sha512_avx512
#define KERNEL_NAME "avx512"
#define NAME(x) sha512_##x
#define BITS 64
#define WIDTH 8
#define WAYS 1
#define LATENCY 1
#include "sha2.inc"
#undef LATENCY

#define KERNEL hbss_sha512_avx512x2
#define KERNEL_NAME "avx512x2"
#define NAME(x) sha512x2_##x
#define BITS 64
#define WIDTH 8
#define WAYS 2
#include "sha2.inc"

#define KERNEL hbss_keccak_avx512
#define KERNEL_NAME "avx512"
#define NAME(x) keccak_##x
#define WIDTH 8
#include "keccak.inc"

#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
