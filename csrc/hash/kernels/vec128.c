/* vec128.c - 128-bit vectors: SSE2, NEON and WebAssembly's SIMD, by the compiler's vector types. */
#include "../kernel.h"
#if defined(__GNUC__)

#define KERNEL hbss_sha256_vec128
#define KERNEL_NAME "vec128"
#define NAME(x) sha256_##x
#define BITS 32
#define WIDTH 4
#define WAYS 1
#include "sha2.inc"

#define KERNEL hbss_sha512_vec128
#define KERNEL_NAME "vec128"
#define NAME(x) sha512_##x
#define BITS 64
#define WIDTH 2
#define WAYS 1
#include "sha2.inc"

#define KERNEL hbss_keccak_vec128
#define KERNEL_NAME "vec128"
#define NAME(x) keccak_##x
#define WIDTH 2
#include "keccak.inc"
#endif
