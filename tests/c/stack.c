/* stack.c - how deep the C core's stack gets, and what is left on it: every act of every set on a painted stack of its own,
 * with every backend. Prints the deepest call of each backend, and fails above 64 KiB, or where an act that uses secrets
 * leaves anything but zeros below the door's own frame. Compiled as the extension is, without sanitizers. */
#include <pthread.h>
#include "common.h"

enum { STACK = 1 << 18, LIMIT = 64 << 10, PAINT = 0xa5 };
/* Bytes at either end that are not looked at for what is left: above, the frames of the act and of the door; below, what the
 * wiping's own call of memset pushes. They hold addresses and lengths. */
enum { DOOR = 512, MEMSET = 256 };

typedef struct job {
  void (*act)(struct job *job);
  const hbss_backend *backend;
  hbss_key *key;
  uint8_t *in, *out, *scratch;
  void *stream, *other; /* `other`: room for another key */
  hbss_way way;
  size_t len;
  const uint8_t *top, *lowest; /* where the act began, and how far its stack went */
} job;

static void *run(void *of)
{
  job *j = of;
  j->top = __builtin_frame_address(0);
  j->act(j);
  return NULL;
}

/* bytes of stack that an act touches below its own frame's caller */
static size_t depth(job *j, uint8_t *stack)
{
  pthread_attr_t attributes;
  pthread_t thread;
  memset(stack, PAINT, STACK);
  MUST(pthread_attr_init(&attributes) == 0);
  MUST(pthread_attr_setstack(&attributes, stack, STACK) == 0);
  MUST(pthread_create(&thread, &attributes, run, j) == 0);
  MUST(pthread_join(thread, NULL) == 0);
  MUST(pthread_attr_destroy(&attributes) == 0);
  j->lowest = stack;
  while (*j->lowest == PAINT) j->lowest++;
  return (size_t)(j->top - j->lowest);
}

/* bytes other than zero between the two ends */
static size_t left_behind(const job *j)
{
  size_t found = 0;
  for (const uint8_t *p = j->lowest + MEMSET; p < j->top - DOOR; p++) found += *p != 0;
  return found;
}

static void do_nothing(job *j) { (void)j; }
static void do_tree(job *j)
{
  const hbss_set *set = hbss_key_set(j->key);
  uint32_t height = set->h / set->d;
  MUST(hbss_tree(j->out, j->key, 0, 0, 0, height < 2 ? height : 2) == HBSS_OK);
}
static void do_leaf(job *j) { MUST(hbss_tree(j->out, j->key, 0, 0, 0, 0) == HBSS_OK); }
static void do_sign(job *j) { MUST(hbss_sign_leaf(j->out, j->key, 0, 0, 0, j->in, j->in, j->in) == HBSS_OK); }
static void do_sign_message(job *j)
{
  MUST(hbss_sign_start(j->stream, j->key, 0) == HBSS_OK);
  hbss_stream_update(j->stream, j->in, 1000);
  MUST(hbss_sign_finish(j->out, j->stream, j->key, &j->way) == HBSS_BAD_SIGNATURE);
}
static void do_sign_whole(job *j)
{
  MUST(hbss_sign(j->out, j->stream, j->key, 0, j->in, 1000, &j->way) == HBSS_BAD_SIGNATURE);
}
static void do_sign_slhdsa(job *j)
{ /* FORS, trees, and the one-time signatures of all layers */
  uint32_t last = hbss_slhdsa_steps(j->key, NULL) - 1;
  MUST(hbss_slhdsa_sign(j->out, j->key, j->in, j->in, NULL, 0, j->scratch) == HBSS_OK);
  MUST(hbss_slhdsa_sign(j->out, j->key, j->in, j->in, NULL, last - 1, j->scratch) == HBSS_OK);
  MUST(hbss_slhdsa_sign(j->out, j->key, j->in, j->in, NULL, last, j->scratch) == HBSS_OK);
}
static void do_verify(job *j)
{
  if (hbss_verify_start(j->stream, j->key, j->in, j->len) != HBSS_OK) return;
  hbss_stream_update(j->stream, j->in, 1000);
  MUST(hbss_verify_finish(j->stream, j->key, j->in, j->len) == HBSS_BAD_SIGNATURE);
}
static void do_message(job *j)
{
  MUST(hbss_digest_start(j->stream, j->key, 0, j->in) == HBSS_OK);
  hbss_stream_update(j->stream, j->in, 1000);
  hbss_stream_finish(j->out, j->stream);
}
static void do_key(job *j)
{
  const hbss_set *set = hbss_key_set(j->key);
  MUST(hbss_key_from_seeds(j->other, j->backend, set, j->in, j->in, NULL) == HBSS_OK);
}
static void do_child(job *j) { MUST(hbss_key_child(j->out, j->scratch, j->key, 0, hbss_key_set(j->key)) == HBSS_OK); }
static void do_randomizer(job *j)
{
  if (hbss_key_set(j->key)->scheme != HBSS_SLHDSA) {
    MUST(hbss_randomizer(j->out, j->key, 0) == HBSS_OK);
    return;
  }
  MUST(hbss_randomizer_start(j->stream, j->key, j->in) == HBSS_OK);
  hbss_stream_update(j->stream, j->in, 1000);
  hbss_stream_finish(j->out, j->stream);
}
static void do_keyed_message(job *j) /* a message that never ends, as its source fails */
{
  MUST(hbss_randomizer_start(j->stream, j->key, j->in) == HBSS_OK);
  hbss_stream_update(j->stream, j->in, 1000);
}
static void do_ots_public(job *j) { MUST(hbss_ots_public(j->out, j->key, 0) == HBSS_OK); }
static void do_ots_sign(job *j) { MUST(hbss_ots_sign(j->out, j->key, 0, j->in) == HBSS_OK); }
static void do_ots_recover(job *j) { MUST(hbss_ots_recover(j->out, j->key, 0, j->in, j->in) == HBSS_OK); }

static size_t deepest;
static const char *deepest_set, *deepest_act;

static void measure(job *j, uint8_t *stack, void (*act)(job *), const char *name, int secret)
{
  const char *set = hbss_key_set(j->key)->name;
  j->act = act;
  size_t found = depth(j, stack), left = secret ? left_behind(j) : 0;
  if (found > deepest) { deepest = found; deepest_set = set; deepest_act = name; }
  if (!left) return;
  fprintf(stderr, "%s, %s, %s: %zu bytes left on the stack\n", hbss_backend_name(j->backend), set, name, left);
  exit(1);
}

static void measure_set(const hbss_backend *backend, const hbss_set *set, uint8_t *stack)
{
  current = set->name;
  hbss_key *key = seeded_key(backend, set, NULL), *public = public_key(backend, key);
  size_t len = set->signature_len + (set->scheme == HBSS_LMS ? 4 : 0), out_len = len + 64 * 64 + 32768;
  job j = {.backend = backend, .key = key, .len = len, .way = made_up_way(set)};
  j.in = exactly(len + 4096); /* zeros: the longest chains in verifying */
  memset(j.in, 0, len + 4096);
  j.out = exactly(out_len);
  j.scratch = exactly(hbss_slhdsa_scratch_len(key) + 64);
  j.stream = aligned(hbss_stream_len());
  j.other = aligned(hbss_key_len());
  measure(&j, stack, do_key, "key", 1);
  measure(&j, stack, do_leaf, "one leaf", 1);
  if (set->lg_w < 8 || backend == hbss_backend_at(0)) measure(&j, stack, do_tree, "a tree of 4 leaves", 1);
  measure(&j, stack, do_randomizer, "randomizer", 1);
  measure(&j, stack, do_message, "digest", 1);
  measure(&j, stack, set->scheme == HBSS_SLHDSA ? do_sign_slhdsa : do_sign, "sign", 1);
  if (set->scheme == HBSS_SLHDSA) measure(&j, stack, do_keyed_message, "a part of a message for R", 1);
  else {
    measure(&j, stack, do_sign_message, "sign a message in parts", 1);
    measure(&j, stack, do_sign_whole, "sign a message", 1);
    measure(&j, stack, do_ots_public, "one-time public key", 1);
    measure(&j, stack, do_ots_sign, "one-time signature", 1);
    measure(&j, stack, do_ots_recover, "one-time verification", 0);
  }
  if (set->scheme == HBSS_LMS) { /* the codes that are read before anything is hashed */
    measure(&j, stack, do_child, "child", 1);
    put32(j.in + 8, set->ots_code);
    put32(j.in + 12 + (size_t)set->n * (1 + set->len1 + set->len2), set->code);
  }
  j.key = public;
  measure(&j, stack, do_verify, "verify", 0);
  free(j.in); free(j.out); free(j.scratch); free(j.stream); free(j.other); free_way(&j.way); free(key); free(public);
}

int main(void)
{
  const hbss_backend *backend;
  const hbss_set *set;
  int failed = 0;
  uint8_t *stack = aligned_alloc(1 << 16, STACK);
  MUST(stack != NULL);
  job nothing = {.act = do_nothing};
  size_t empty = depth(&nothing, stack); /* what a thread itself leaves below its first frame */

  for (size_t i = 0; (backend = hbss_backend_at(i)); i++) {
    if (!hbss_backend_supported(backend)) continue;
    deepest = 0;
    for (size_t k = 0; (set = hbss_set_at(k)); k++) measure_set(backend, set, stack);
    printf("%s: %zu bytes, %s, %s (an empty thread: %zu)\n", hbss_backend_name(backend), deepest, deepest_set, deepest_act, empty);
    failed |= deepest > LIMIT;
  }
  free(stack);
  return failed;
}
