/* params.c - the parameter sets of SLH-DSA: FIPS 205 section 11, table 2. */
#include "../scheme.h"

#define SET(hash, label, fn, N, H, D, A, K, M, cat) { \
  .name = "SLH-DSA-" hash "-" label, .scheme = HBSS_SLHDSA, .function = fn, .approved = 1, .category = cat, \
  .n = N, .h = H, .d = D, .lg_w = 4, .len1 = 2 * N, .len2 = 3, .a = A, .k = K, .m = M, \
  .public_len = 2 * N, .secret_len = 2 * N, .public_seed_len = N, \
  .signature_len = N * (1 + K * (1 + A) + H + D * (2 * N + 3)), .layer_len = N * (2 * N + 3 + H / D)},
#define SETS(hash, fn) \
  SET(hash, "128s", fn, 16, 63, 7, 12, 14, 30, 1) SET(hash, "128f", fn, 16, 66, 22, 6, 33, 34, 1) \
  SET(hash, "192s", fn, 24, 63, 7, 14, 17, 39, 3) SET(hash, "192f", fn, 24, 66, 22, 8, 33, 42, 3) \
  SET(hash, "256s", fn, 32, 64, 8, 14, 22, 47, 5) SET(hash, "256f", fn, 32, 68, 17, 9, 35, 49, 5)

const hbss_set hbss_slhdsa_sets[12] = {SETS("SHA2", HBSS_SHA256) SETS("SHAKE", HBSS_SHAKE256)};
