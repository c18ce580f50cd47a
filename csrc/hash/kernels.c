/* kernels.c - the backends: which kernels suit which CPU, and from how many messages on. Best first. The order and the
 * counts come from measurement: a kernel of many lanes costs the same however few of them are used. */
#include "backend.h"
#include "../base/cpu.h"

#define CHOICES(name, ...) static const hbss_choice name[] = {__VA_ARGS__};

CHOICES(sha256_portable, {&hbss_sha256_portable, 0, 0})
CHOICES(sha512_portable, {&hbss_sha512_portable, 0, 0})
CHOICES(keccak_portable, {&hbss_keccak_portable, 0, 0})
#if defined(__GNUC__)
CHOICES(sha256_vec128, {&hbss_sha256_vec128, 3, 3}, {&hbss_sha256_portable, 0, 0})
CHOICES(sha512_vec128, {&hbss_sha512_vec128, 2, 2}, {&hbss_sha512_portable, 0, 0})
CHOICES(keccak_vec128, {&hbss_keccak_vec128, 2, 2}, {&hbss_keccak_portable, 0, 0})
#endif
#if defined(__GNUC__) && defined(__x86_64__)
CHOICES(sha256_avx2, {&hbss_sha256_avx2, 3, 3}, {&hbss_sha256_portable, 0, 0})
CHOICES(sha512_avx2, {&hbss_sha512_avx2, 2, 2}, {&hbss_sha512_portable, 0, 0})
CHOICES(keccak_avx2, {&hbss_keccak_avx2, 2, 2}, {&hbss_keccak_portable, 0, 0})
CHOICES(sha256_shani, {&hbss_sha256_shani4, 3, 2}, {&hbss_sha256_shani, 0, 0})
CHOICES(sha256_avx512, {&hbss_sha256_avx512x2, 24, 54}, {&hbss_sha256_avx512, 2, 2}, {&hbss_sha256_portable, 0, 0})
CHOICES(sha256_avx512_shani, {&hbss_sha256_avx512x2, 24, 54}, {&hbss_sha256_avx512, 5, 4},
        {&hbss_sha256_shani4, 2, 2}, {&hbss_sha256_shani, 0, 0})
CHOICES(sha512_avx512, {&hbss_sha512_avx512x2, 12, 12}, {&hbss_sha512_avx512, 3, 3}, {&hbss_sha512_portable, 0, 0})
CHOICES(keccak_avx512, {&hbss_keccak_avx512, 2, 2}, {&hbss_keccak_portable, 0, 0})
#endif

#define BACKEND(label, features, sha256, sha512, keccak) {label, features, { \
  [HBSS_SHA256] = {&hbss_sha256_rules, sha256}, [HBSS_SHA512] = {&hbss_sha512_rules, sha512}, \
  [HBSS_SHAKE128] = {&hbss_shake128_rules, keccak}, [HBSS_SHAKE256] = {&hbss_shake256_rules, keccak}}}

static const hbss_backend backends[] = {
#if defined(__GNUC__) && defined(__x86_64__)
  BACKEND("avx512-shani", HBSS_CPU_AVX512 | HBSS_CPU_SHANI, sha256_avx512_shani, sha512_avx512, keccak_avx512),
  BACKEND("avx512", HBSS_CPU_AVX512, sha256_avx512, sha512_avx512, keccak_avx512),
  BACKEND("avx2-shani", HBSS_CPU_AVX2 | HBSS_CPU_SHANI, sha256_shani, sha512_avx2, keccak_avx2),
  BACKEND("shani", HBSS_CPU_SHANI, sha256_shani, sha512_vec128, keccak_vec128),
  BACKEND("avx2", HBSS_CPU_AVX2, sha256_avx2, sha512_avx2, keccak_avx2),
#endif
#if defined(__GNUC__)
  BACKEND("vec128", 0, sha256_vec128, sha512_vec128, keccak_vec128),
#endif
  BACKEND("portable", 0, sha256_portable, sha512_portable, keccak_portable),
};

const hbss_backend *hbss_backend_at(size_t i) { return i < sizeof backends / sizeof *backends ? backends + i : NULL; }

const char *hbss_backend_name(const hbss_backend *backend) { return backend->name; }

int hbss_backend_supported(const hbss_backend *backend) { return (backend->needs & ~hbss_cpu_features()) == 0; }

static const hbss_kernel *kernel_at(const hbss_backend *backend, hbss_function function, size_t i)
{
  const hbss_choice *c = backend->hashes[function].choices;
  for (; i && c->from; i--) c++;
  return i ? NULL : c->kernel;
}

const char *hbss_backend_kernel(uint32_t *lanes, const hbss_backend *backend, hbss_function function, size_t i)
{
  const hbss_kernel *k = kernel_at(backend, function, i);
  *lanes = k ? k->lanes : 0;
  return k ? k->name : NULL;
}

void hbss_backend_run(const hbss_backend *backend, hbss_function function, size_t i, uint64_t calls)
{
  uint8_t state[HBSS_ARRAY] __attribute__((aligned(64))) = {0}, block[HBSS_ARRAY] __attribute__((aligned(64))) = {0};
  const hbss_kernel *k = kernel_at(backend, function, i);
  while (k && calls--) k->compress(state, state, block);
}
