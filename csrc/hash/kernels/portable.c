/* portable.c - every hash function, one message at a time, in plain operators: for any CPU, and for single messages where
 * there is no special instruction. */
#include "../kernel.h"

#define KERNEL hbss_sha256_portable
#define KERNEL_NAME "portable"
#define NAME(x) sha256_##x
#define BITS 32
#define WIDTH 1
#define WAYS 1
#include "sha2.inc"

#define KERNEL hbss_sha512_portable
#define KERNEL_NAME "portable"
#define NAME(x) sha512_##x
#define BITS 64
#define WIDTH 1
#define WAYS 1
#include "sha2.inc"

#define KERNEL hbss_keccak_portable
#define KERNEL_NAME "portable"
#define NAME(x) keccak_##x
#define WIDTH 1
#include "keccak.inc"
