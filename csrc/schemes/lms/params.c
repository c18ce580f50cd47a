/* params.c - the parameter sets of LMS with LM-OTS: RFC 8554 sections 4.1 and 5.1, RFC 9858, SP 800-208 section 4. A row is
 * a pair of an LMS type (hash, n, height) and an LM-OTS type (the same hash and n, width w). */
#include "../scheme.h"

#define PAIR(hash, fn, M, H, W, lms, lmots, p1, p2) { \
  .name = "LMS_" #hash "_M" #M "_H" #H "_W" #W, .scheme = HBSS_LMS, .function = fn, .code = lms, .ots_code = lmots, \
  .approved = 1, .n = M, .h = H, .d = 1, .lg_w = W, .len1 = p1, .len2 = p2, \
  .public_len = 24 + M, .secret_len = M, .public_seed_len = 16, \
  .signature_len = 12 + M * (1 + p1 + p2 + H), .layer_len = 12 + M * (1 + p1 + p2 + H)},
#define WIDTHS_32(hash, fn, H, lms, ots) \
  PAIR(hash, fn, 32, H, 1, lms, ots, 256, 9) PAIR(hash, fn, 32, H, 2, lms, ots + 1, 128, 5) \
  PAIR(hash, fn, 32, H, 4, lms, ots + 2, 64, 3) PAIR(hash, fn, 32, H, 8, lms, ots + 3, 32, 2)
#define WIDTHS_24(hash, fn, H, lms, ots) \
  PAIR(hash, fn, 24, H, 1, lms, ots, 192, 8) PAIR(hash, fn, 24, H, 2, lms, ots + 1, 96, 5) \
  PAIR(hash, fn, 24, H, 4, lms, ots + 2, 48, 3) PAIR(hash, fn, 24, H, 8, lms, ots + 3, 24, 2)
#define HEIGHTS(WIDTHS, hash, fn, lms, ots) \
  WIDTHS(hash, fn, 5, lms, ots) WIDTHS(hash, fn, 10, lms + 1, ots) WIDTHS(hash, fn, 15, lms + 2, ots) \
  WIDTHS(hash, fn, 20, lms + 3, ots) WIDTHS(hash, fn, 25, lms + 4, ots)

const hbss_set hbss_lms_sets[80] = {
  HEIGHTS(WIDTHS_32, SHA256, HBSS_SHA256, 5, 1)
  HEIGHTS(WIDTHS_24, SHA256, HBSS_SHA256, 10, 5)
  HEIGHTS(WIDTHS_32, SHAKE, HBSS_SHAKE256, 15, 9)
  HEIGHTS(WIDTHS_24, SHAKE, HBSS_SHAKE256, 20, 13)
};
