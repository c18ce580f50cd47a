/* hbss.h - the door: the whole public C interface of hbss, the standardised hash-based signatures.
 *
 * Pure functions: nothing here allocates, does I/O, starts a thread, draws randomness or keeps an index; seeds, indices
 * and randomisers are arguments. The deepest call needs less than 64 KiB of stack whatever the set; larger buffers (tree
 * nodes, scratch) belong to the caller. `hbss_key` and `hbss_stream` are opaque: the caller gives hbss_key_len() or
 * hbss_stream_len() bytes, aligned to 64, and wipes them with hbss_wipe(). An expanded key is const and may be shared by
 * threads; an `hbss_way` belongs to one key, one tree and one thread at a time. Outputs come first; a length follows its pointer; when a status is not HBSS_OK every output is zeroed. What has
 * used a secret leaves nothing of it on the stack; an output in the making may hold secret values, so it lies in memory of
 * the caller's own.
 *
 * Messages are streamed: to be signed, message -> digest -> signature, or all of it with one leaf of a stateful key. */
#ifndef HBSS_H
#define HBSS_H
#include <stddef.h>
#include <stdint.h>
#if defined(__GNUC__)
#define HBSS_CHECKED __attribute__((warn_unused_result))
#else
#define HBSS_CHECKED
#endif

/* cffi reads from here */
typedef enum hbss_status {
  HBSS_OK = 0,
  HBSS_BAD_SIGNATURE,  /* malformed or wrong: the caller need not know which */
  HBSS_BAD_KEY,        /* a public key of the wrong length, or with codes that do not belong together */
  HBSS_UNKNOWN_CODE,   /* a public key with a type code or OID that no set has */
  HBSS_BAD_ARGUMENT,   /* a mistake of the caller: something out of range, or a key without the seeds or the root needed */
} hbss_status;

typedef enum hbss_scheme { HBSS_LMS, HBSS_XMSS, HBSS_XMSSMT, HBSS_SLHDSA } hbss_scheme;
typedef enum hbss_function { HBSS_SHA256, HBSS_SHA512, HBSS_SHAKE128, HBSS_SHAKE256, HBSS_FUNCTIONS } hbss_function;

/* One parameter set. The letters are the standards': n bytes a node, h the total height, d layers, lg_w bits a digit,
 * len1 + len2 chains, k FORS trees of height a, m digest bytes. Lengths are in bytes; LMS lengths are those of a bare
 * LMS key and signature, without the HSS header of 4 bytes each. */
typedef struct hbss_set {
  const char *name;
  hbss_scheme scheme;
  hbss_function function;         /* of the chains */
  uint32_t code, ots_code;        /* LMS and LM-OTS type, or XMSS OID number; 0 for SLH-DSA */
  uint32_t approved, category;    /* by SP 800-208 or FIPS 205; NIST security category, 0 where none is defined */
  uint32_t n, h, d, lg_w, len1, len2, a, k, m;
  uint32_t public_len, secret_len, public_seed_len; /* secret: the seeds one after another; public seed: I or PK.seed */
  uint32_t signature_len, layer_len;                /* layer_len: what hbss_sign_leaf writes */
} hbss_set;

typedef struct hbss_backend hbss_backend; /* kernels for one kind of CPU */
typedef struct hbss_key hbss_key;         /* an expanded key: seeds, prefixes, the set and the backend */
typedef struct hbss_stream hbss_stream;   /* a message on its way to a digest */

/* Sets and backends, counted from 0; NULL after the last. Backends come in order of preference. */
const hbss_set *hbss_set_at(size_t i);
const hbss_backend *hbss_backend_at(size_t i);
const char *hbss_backend_name(const hbss_backend *backend);
int hbss_backend_supported(const hbss_backend *backend); /* by this CPU; no key checks it again: to ask takes long */
/* The i-th kernel a backend uses for a function, widest first: its name (NULL after the last) and lanes; and `calls`
 * dependent compressions of all its lanes, for benchmarks. */
const char *hbss_backend_kernel(uint32_t *lanes, const hbss_backend *backend, hbss_function function, size_t i);
void hbss_backend_run(const hbss_backend *backend, hbss_function function, size_t i, uint64_t calls);

/* Keys. `secret` is SEED (LMS), SK_SEED || SK_PRF (XMSS), SK.seed || SK.prf (SLH-DSA); `root` is NULL while unknown.
 * A public key is read by its codes; `set` is needed for SLH-DSA only (else NULL, or the set it must be). LMS keys
 * are read and written in HSS form, u32(L) || LMS key. */
size_t hbss_key_len(void);
HBSS_CHECKED hbss_status hbss_key_from_seeds(hbss_key *key, const hbss_backend *backend, const hbss_set *set,
                                             const uint8_t *secret, const uint8_t *public_seed, const uint8_t *root);
HBSS_CHECKED hbss_status hbss_key_from_public(hbss_key *key, const hbss_backend *backend, hbss_scheme scheme,
                                              const hbss_set *set, const uint8_t *public_key, size_t len);
HBSS_CHECKED hbss_status hbss_key_public(uint8_t *public_key, const hbss_key *key); /* bare; set->public_len bytes */
const hbss_set *hbss_key_set(const hbss_key *key);
uint32_t hbss_key_levels(const hbss_key *key); /* of HSS; 1 for every other scheme */
/* The seeds of the HSS tree under leaf q of a parent (RFC 8554, appendix A). */
HBSS_CHECKED hbss_status hbss_key_child(uint8_t *secret, uint8_t *public_seed, const hbss_key *parent, uint32_t q,
                                        const hbss_set *child);
void hbss_wipe(void *memory, size_t len);

/* Trees. Layer 0 is the lowest; a tree has 2^(h/d) leaves. The subtree over leaves first .. first + 2^height - 1 is
 * written level by level, leaves first, its root last: (2^(height + 1) - 1) * n bytes (not zeroed if the height itself is
 * out of range). */
HBSS_CHECKED hbss_status hbss_tree(uint8_t *nodes, const hbss_key *key, uint32_t layer, uint64_t tree, uint32_t first,
                                   uint32_t height);
/* `count` parents, nodes index .. of this height, from their 2 * count children */
HBSS_CHECKED hbss_status hbss_tree_parents(uint8_t *parents, const hbss_key *key, uint32_t layer, uint64_t tree,
                                           uint32_t height, uint32_t index, const uint8_t *children, size_t count);
/* the root that a leaf's node and its path (h/d nodes) lead to */
HBSS_CHECKED hbss_status hbss_tree_climb(uint8_t *root, const hbss_key *key, uint32_t layer, uint64_t tree,
                                         uint32_t leaf, const uint8_t *node, const uint8_t *path);

/* Streams: start, and if that was HBSS_OK update any number of times and finish (which wipes). A stream stays where it is:
 * it points into itself. */
size_t hbss_stream_len(void);
/* stateful keys: the randomiser of an index, derived from the seeds: C (LMS, index = q) or r (XMSS); n bytes */
HBSS_CHECKED hbss_status hbss_randomizer(uint8_t *r, const hbss_key *key, uint64_t index);
/* SLH-DSA: R = PRF_msg(SK.prf, opt_rand, message); n bytes */
HBSS_CHECKED hbss_status hbss_randomizer_start(hbss_stream *stream, const hbss_key *key, const uint8_t *opt_rand);
/* the digest to be signed at an index under a randomiser: n bytes, SLH-DSA m bytes (index is not used) */
HBSS_CHECKED hbss_status hbss_digest_start(hbss_stream *stream, const hbss_key *key, uint64_t index, const uint8_t *r);
void hbss_stream_update(hbss_stream *stream, const uint8_t *data, size_t len);
void hbss_stream_finish(uint8_t *out, hbss_stream *stream);

/* Signing one leaf of one tree: the one-time signature and its path. LMS: a whole LMS signature, q || type || C || y ||
 * type || path; XMSS, XMSS^MT and SLH-DSA: chain values || path. set->layer_len bytes. */
HBSS_CHECKED hbss_status hbss_sign_leaf(uint8_t *signature, const hbss_key *key, uint32_t layer, uint64_t tree,
                                        uint32_t leaf, const uint8_t *r, const uint8_t *digest, const uint8_t *path);
/* Where the leaves of one tree find their ways to its root. nodes: the tree's, as hbss_tree() writes them, but from level
 * `base` up; bottom: those below, of the subtree of height `base` that the leaf lies in; root: the trusted one. The rest,
 * zeros at first, is kept from call to call: what the last way that was good has shown of the nodes above its leaf. */
typedef struct hbss_way {
  const uint8_t *nodes, *bottom, *root; /* bottom: NULL if base is 0 */
  uint32_t base;
  uint32_t seen, seen_leaf;                  /* seen: whether there was one */
  uint8_t seen_path[1280], seen_nodes[1280]; /* at most 20 * 64 or 25 * 32 bytes */
} hbss_way;
/* Signing a message at an index of a stateful key: what the leaf of that index makes, a whole LMS signature, or r || chain
 * values || path (n more than set->layer_len bytes). It is HBSS_BAD_SIGNATURE unless its path leads to way->root, or to a
 * node that an earlier one has led there from, by siblings that have not changed since.
 * In parts: start derives the randomiser, the message follows (hbss_stream_update), and finish, which wipes the stream,
 * writes the signature. */
HBSS_CHECKED hbss_status hbss_sign(uint8_t *signature, hbss_stream *stream, const hbss_key *key, uint64_t index,
                                   const uint8_t *message, size_t len, hbss_way *way);
HBSS_CHECKED hbss_status hbss_sign_start(hbss_stream *stream, const hbss_key *key, uint64_t index);
HBSS_CHECKED hbss_status hbss_sign_finish(uint8_t *signature, hbss_stream *stream, const hbss_key *key, hbss_way *way);
/* SLH-DSA, in hbss_slhdsa_steps() steps of bounded work on the same `signature` and `scratch`. top: all nodes of the top
 * tree as hbss_tree() writes them, which then is not built again; or NULL. */
uint32_t hbss_slhdsa_steps(const hbss_key *key, const uint8_t *top);
size_t hbss_slhdsa_scratch_len(const hbss_key *key);
HBSS_CHECKED hbss_status hbss_slhdsa_sign(uint8_t *signature, const hbss_key *key, const uint8_t *r,
                                          const uint8_t *digest, const uint8_t *top, uint32_t step, uint8_t *scratch);

/* Verifying: start reads the signature (and, for HSS, checks its upper levels), the message follows, finish decides. The key
 * is the same in both, and so is the signature's length. Of the signature itself start needs what the message does not
 * change: numbers, types, the randomiser, and for HSS all upper levels; the rest may be written in between, by a signer
 * who checks himself. */
HBSS_CHECKED hbss_status hbss_verify_start(hbss_stream *stream, const hbss_key *key, const uint8_t *signature,
                                           size_t len);
HBSS_CHECKED hbss_status hbss_verify_finish(hbss_stream *stream, const hbss_key *key, const uint8_t *signature,
                                            size_t len);

/* Verifying many side by side: good[i] = 1 where the signature is one of head || message, else 0. Claims of one set fill
 * lanes together if they are neighbours. scratch: hbss_verify_scratch_len() bytes, aligned to 64. */
typedef struct hbss_claim {
  const hbss_key *key;
  const uint8_t *signature, *head, *message; /* head: SLH-DSA's domain and context */
  size_t signature_len, head_len, message_len;
} hbss_claim;
size_t hbss_verify_scratch_len(void);
void hbss_verify_each(uint8_t *good, const hbss_claim *claims, size_t count, void *scratch);

/* One-time signatures by themselves, at a leaf of layer 0, tree 0. A signature is the chain values, len * n bytes; a
 * public key is K (LM-OTS, n bytes) or the chain ends (WOTS+, len * n bytes). */
HBSS_CHECKED hbss_status hbss_ots_public(uint8_t *ots_public, const hbss_key *key, uint32_t leaf);
HBSS_CHECKED hbss_status hbss_ots_sign(uint8_t *values, const hbss_key *key, uint32_t leaf, const uint8_t *digest);
HBSS_CHECKED hbss_status hbss_ots_recover(uint8_t *ots_public, const hbss_key *key, uint32_t leaf, const uint8_t *digest,
                                          const uint8_t *values);

/* SHA-256 of tag || body for `count` bodies of one length, `stride` bytes apart (RFC 9162's leaves and nodes) */
void hbss_tagged_many(uint8_t *digests, const hbss_backend *backend, uint8_t tag, const uint8_t *bodies, size_t body_len,
                      size_t stride, size_t count);
/* cffi reads to here */
#endif
