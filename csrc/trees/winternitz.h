/* winternitz.h - Winternitz one-time signatures, for any standard and for many leaves at a time. */
#ifndef HBSS_TREES_WINTERNITZ_H
#define HBSS_TREES_WINTERNITZ_H
#include "tweak.h"

enum { HBSS_WINTERNITZ_ROOM = 10240 }; /* bytes: enough for one signature of any set, and mostly for several */

/* the len1 + len2 digits of an n-byte digest, checksum included */
void hbss_winternitz_digits(uint8_t *digits, const hbss_key *key, const uint8_t *digest);
/* `count` leaves of one key: n bytes each */
void hbss_winternitz_leaves(uint8_t *leaf, const hbss_spot *at, size_t count);
/* the values that sign the digests (n bytes each) at leaves of one key: (len1 + len2) * n bytes each, `stride` bytes apart */
void hbss_winternitz_sign(uint8_t *values, size_t stride, const hbss_spot *leaf, const uint8_t *digest, size_t count);
/* Signatures that are verified together go through a room of the caller's. This many fit; at least one. */
size_t hbss_winternitz_fit(const hbss_key *key, size_t room_len);
/* so many chains of so many signatures, by keys of one set, walked to their ends: (len1 + len2) * n bytes each, at the
 * beginning of the room */
void hbss_winternitz_ends(uint8_t *room, const hbss_spot *leaf, const uint8_t *const *digest,
                          const uint8_t *const *values, size_t count);
/* the leaves that they lead to: n bytes each */
void hbss_winternitz_verify(uint8_t *leaf, const hbss_spot *at, const uint8_t *const *digest,
                            const uint8_t *const *values, size_t count, uint8_t *room);
#endif
