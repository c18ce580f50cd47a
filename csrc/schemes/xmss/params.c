/* params.c - the parameter sets of XMSS and XMSS^MT: RFC 8391 sections 5.3 and 5.4, SP 800-208 section 5. The two schemes'
 * OID numbers overlap. SP 800-208 approves SHA-256 and SHAKE256 with n = 32 and 24. */
#include "../scheme.h"

#define SET(label, height, layers, fn, N, oid, yes, kind, index_len) { \
  .name = label, .scheme = kind, .function = fn, .code = oid, .approved = yes, .n = N, .h = height, .d = layers, .lg_w = 4, \
  .len1 = 2 * N, .len2 = 3, .public_len = 4 + 2 * N, .secret_len = 2 * N, .public_seed_len = N, \
  .signature_len = index_len + N * (1 + (2 * N + 3) * layers + height), .layer_len = N * (2 * N + 3 + height / layers)},

#define TREE(hash, size, h, fn, n, oid, yes) SET("XMSS-" hash "_" #h "_" size, h, 1, fn, n, oid, yes, HBSS_XMSS, 4)
#define TREES(hash, size, fn, n, oid, yes) \
  TREE(hash, size, 10, fn, n, oid, yes) TREE(hash, size, 16, fn, n, oid + 1, yes) TREE(hash, size, 20, fn, n, oid + 2, yes)

#define TOWER(hash, size, h, d, fn, n, oid, yes) \
  SET("XMSSMT-" hash "_" #h "/" #d "_" size, h, d, fn, n, oid, yes, HBSS_XMSSMT, (h + 7) / 8)
#define TOWERS(hash, size, fn, n, oid, yes) \
  TOWER(hash, size, 20, 2, fn, n, oid, yes) TOWER(hash, size, 20, 4, fn, n, oid + 1, yes) \
  TOWER(hash, size, 40, 2, fn, n, oid + 2, yes) TOWER(hash, size, 40, 4, fn, n, oid + 3, yes) \
  TOWER(hash, size, 40, 8, fn, n, oid + 4, yes) TOWER(hash, size, 60, 3, fn, n, oid + 5, yes) \
  TOWER(hash, size, 60, 6, fn, n, oid + 6, yes) TOWER(hash, size, 60, 12, fn, n, oid + 7, yes)

const hbss_set hbss_xmss_sets[77] = {
  TREES("SHA2", "256", HBSS_SHA256, 32, 1, 1)
  TREES("SHA2", "512", HBSS_SHA512, 64, 4, 0)
  TREES("SHAKE", "256", HBSS_SHAKE128, 32, 7, 0)
  TREES("SHAKE", "512", HBSS_SHAKE256, 64, 10, 0)
  TREES("SHA2", "192", HBSS_SHA256, 24, 13, 1)
  TREES("SHAKE256", "256", HBSS_SHAKE256, 32, 16, 1)
  TREES("SHAKE256", "192", HBSS_SHAKE256, 24, 19, 1)
  TOWERS("SHA2", "256", HBSS_SHA256, 32, 1, 1)
  TOWERS("SHA2", "512", HBSS_SHA512, 64, 9, 0)
  TOWERS("SHAKE", "256", HBSS_SHAKE128, 32, 17, 0)
  TOWERS("SHAKE", "512", HBSS_SHAKE256, 64, 25, 0)
  TOWERS("SHA2", "192", HBSS_SHA256, 24, 33, 1)
  TOWERS("SHAKE256", "256", HBSS_SHAKE256, 32, 41, 1)
  TOWERS("SHAKE256", "192", HBSS_SHAKE256, 24, 49, 1)
};
