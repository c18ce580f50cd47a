/* scheme.h - what a scheme gives to the door: one row of functions, listed in hbss.c. A scheme sees the floors below and
 * never another scheme. */
#ifndef HBSS_SCHEMES_SCHEME_H
#define HBSS_SCHEMES_SCHEME_H
#include "../base/secret.h"
#include "../hbss.h"
#include "../trees/hypertree.h"

enum { HBSS_MAX_LEVELS = 8 }; /* of HSS */

/* A message on its way to a digest, and, in verification, to a decision. */
struct hbss_stream {
  hbss_message message;
  void (*finish)(uint8_t *out, hbss_stream *stream); /* message -> digest */
  uint8_t r[HBSS_MAX_N];    /* the randomiser: in signing by a leaf, and for SLH-DSA's MGF1 */
  const hbss_key *key;
  uint64_t index;           /* that is signed at */
  int signs;                /* whether that is what the stream is for */
  int keyed;                /* whether it began with a secret, SK.prf */
  size_t signature_len;     /* of a signature to be verified, that the start found well-formed; else 0 */
  hbss_key level[HBSS_MAX_LEVELS - 1]; /* HSS: the keys below the top, as the signature gives them; public */
};
enum { HBSS_STREAM_HEAD = offsetof(struct hbss_stream, level) }; /* what every stream needs */

typedef struct hbss_scheme_row {
  /* the rest of a key that has its set's shape, its seeds and its root */
  void (*expand)(hbss_key *key);
  /* reads a public key: finds the set, fills public_seed, root and levels */
  hbss_status (*read_public)(hbss_key *key, const hbss_set *set, const uint8_t *bytes, size_t len);
  void (*write_public)(uint8_t *bytes, const hbss_key *key);
  void (*randomizer)(uint8_t *r, const hbss_key *key, uint64_t index);           /* NULL for SLH-DSA */
  void (*digest_start)(hbss_stream *stream, const hbss_key *key, uint64_t index, const uint8_t *r);
  /* NULL: a layer's part of hypertree.c, which has no r of its own */
  void (*sign_leaf)(uint8_t *signature, const hbss_key *key, const hbss_adrs *leaf, const uint8_t *r,
                    const uint8_t *digest, const uint8_t *path);
  hbss_status (*verify_start)(hbss_stream *stream, const hbss_key *key, const uint8_t *signature, size_t len);
  /* What is to be walked up, at most HBSS_MAX_LEVELS: each must lead to the root of its key, which may be the stream's. The
   * stream's message is used up. */
  uint32_t (*verify_ascents)(hbss_ascent *ascent, hbss_stream *stream, const hbss_key *key, const uint8_t *signature);
  /* NULL, or: what stands below the lowest layer of signatures by keys of one set */
  void (*verify_below)(hbss_ascent *ascent, size_t count, uint8_t *room, size_t room_len);
  /* chain ends -> one-time public key; NULL: the ends themselves */
  void (*ots_public)(uint8_t *out, const hbss_key *key, const hbss_adrs *leaf, const uint8_t *ends);
} hbss_scheme_row;

extern const hbss_scheme_row hbss_lms_row, hbss_xmss_row, hbss_xmssmt_row, hbss_slhdsa_row;
extern const hbss_scheme_row *const hbss_scheme_rows[HBSS_SLHDSA + 1]; /* by hbss_scheme; in hbss.c */

/* the seeds of the LMS tree that hangs under leaf q of a parent */
void hbss_hss_child(uint8_t *secret, uint8_t *public_seed, const hbss_key *parent, uint32_t q, const hbss_set *child);

/* SLH-DSA alone: PRF_msg, and signing in steps of bounded work */
void hbss_slhdsa_randomizer(hbss_stream *stream, const hbss_key *key, const uint8_t *opt_rand);
uint32_t hbss_slhdsa_sign_steps(const hbss_key *key, int has_top);
size_t hbss_slhdsa_sign_scratch_len(const hbss_key *key);
void hbss_slhdsa_sign_step(uint8_t *signature, const hbss_key *key, const uint8_t *r, const uint8_t *digest, uint32_t step,
                           const uint8_t *top, uint8_t *scratch);

/* What every key takes from its set, then what its scheme makes of its seeds and root, which are in place. */
static inline void hbss_scheme_expand(hbss_key *key, void (*expand)(hbss_key *key))
{
  const hbss_set *set = key->set;
  key->n = set->n;
  key->lg_w = set->lg_w;
  key->len1 = set->len1;
  key->len2 = set->len2;
  key->hash = key->wide = &key->backend->hashes[set->function];
  expand(key);
}

/* A stream whose digest is the first n bytes of one hash. */
static inline void hbss_scheme_finish_n(uint8_t *out, hbss_stream *stream)
{
  hbss_hash_final(out, stream->key->n, &stream->message);
  hbss_secret_reveal(out, stream->key->n); /* of SHAKE's PRF_msg: R, a part of the signature */
}

/* the parameter sets, in the order in which the library lists them */
extern const hbss_set hbss_lms_sets[80], hbss_xmss_sets[77], hbss_slhdsa_sets[12];
#endif
