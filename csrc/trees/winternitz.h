/* winternitz.h - Winternitz one-time signatures, for any standard and for many leaves at a time. */
#ifndef HBSS_TREES_WINTERNITZ_H
#define HBSS_TREES_WINTERNITZ_H
#include "tweak.h"

/* the len1 + len2 digits of an n-byte digest, checksum included */
void hbss_winternitz_digits(uint8_t *digits, const hbss_key *key, const uint8_t *digest);
/* `count` leaves from `first` on: n bytes each */
void hbss_winternitz_leaves(uint8_t *leaf, const hbss_key *key, const hbss_adrs *first, size_t count);
/* the values that sign a digest at a leaf: (len1 + len2) * n bytes */
void hbss_winternitz_sign(uint8_t *values, const hbss_key *key, const hbss_adrs *leaf, const uint8_t *digest);
/* every chain of a signature walked to its end: (len1 + len2) * n bytes; x may be `values` */
void hbss_winternitz_ends(uint8_t *x, const hbss_key *key, const hbss_adrs *leaf, const uint8_t *digest,
                          const uint8_t *values);
/* the leaf that a signature over a digest leads to: n bytes */
void hbss_winternitz_leaf(uint8_t *leaf, const hbss_key *key, const hbss_adrs *at, const uint8_t *digest,
                          const uint8_t *values);
#endif
