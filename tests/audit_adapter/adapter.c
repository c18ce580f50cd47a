/* adapter.c - hbss as pq-verify's auditor of stateful libraries wants to see it (its interface: pqv_hbs.h).
 *
 * Verifying, key generation and signing at a given index go straight to csrc. The three state functions run the Python
 * package in a child process (state.py), because the state of a key is kept there and nowhere else: every call is a
 * restart. For tests only; memory is not wiped. */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hbss.h"
#include "pqv_hbs.h"

static const hbss_scheme SCHEMES[] = {[PQV_HBS_LMS] = HBSS_LMS, [PQV_HBS_XMSS] = HBSS_XMSS, [PQV_HBS_XMSSMT] = HBSS_XMSSMT};

static const hbss_backend *best(void) {
  size_t i = 0;
  while (!hbss_backend_supported(hbss_backend_at(i))) i++;
  return hbss_backend_at(i);
}

static const hbss_set *find(uint32_t scheme, uint32_t type, uint32_t ots) {
  const hbss_set *set;
  if (scheme < PQV_HBS_LMS || scheme > PQV_HBS_XMSSMT) return NULL;
  for (size_t i = 0; (set = hbss_set_at(i)) != NULL; i++)
    if (set->scheme == SCHEMES[scheme] && set->code == type && set->ots_code == ots) return set;
  return NULL;
}

/* hbss wants its keys and streams aligned to 64 */
static void *room(size_t len) { return aligned_alloc(64, (len + 63) / 64 * 64); }

static void put_u32(uint8_t *out, uint32_t x) {
  for (int i = 0; i < 4; i++) out[i] = (uint8_t)(x >> (24 - 8 * i));
}

int pqv_hbs_abi(void) { return PQV_HBS_ABI; }
const char *pqv_hbs_name(void) { return "hbss"; }

int pqv_hbs_supports(uint32_t scheme, uint32_t type, uint32_t ots) {
  if (!find(scheme, type, ots)) return 0;
  return PQV_HBS_CAN_VERIFY | PQV_HBS_CAN_KEYGEN | PQV_HBS_CAN_SIGN | PQV_HBS_CAN_STATE;
}

int pqv_hbs_verify(uint32_t scheme, const uint8_t *pk, size_t pklen, const uint8_t *m, size_t mlen, const uint8_t *sig,
                   size_t siglen) {
  hbss_key *key = room(hbss_key_len());
  hbss_stream *stream = room(hbss_stream_len());
  hbss_status status = hbss_key_from_public(key, best(), SCHEMES[scheme], NULL, pk, pklen);
  if (status == HBSS_OK) status = hbss_verify_start(stream, key, sig, siglen);
  if (status == HBSS_OK) {
    hbss_stream_update(stream, m, mlen);
    status = hbss_verify_finish(stream, key, sig, siglen);
  }
  free(key);
  free(stream);
  return status != HBSS_OK;
}

/* All nodes of one tree, leaves first, root last. */
static uint8_t *tree(const hbss_key *key, uint32_t layer, uint64_t number) {
  const hbss_set *set = hbss_key_set(key);
  uint32_t height = set->h / set->d;
  uint8_t *nodes = malloc(((((size_t)2) << height) - 1) * set->n);
  if (hbss_tree(nodes, key, layer, number, 0, height) == HBSS_OK) return nodes;
  free(nodes);
  return NULL;
}

static const uint8_t *root_of(const uint8_t *nodes, const hbss_set *set) {
  return nodes + ((((size_t)2) << (set->h / set->d)) - 2) * set->n;
}

static void path_of(uint8_t *path, const uint8_t *nodes, const hbss_set *set, uint32_t leaf) {
  uint32_t height = set->h / set->d;
  for (uint32_t i = 0; i < height; i++, leaf >>= 1) {
    memcpy(path + i * set->n, nodes + (size_t)(leaf ^ 1) * set->n, set->n);
    nodes += ((size_t)set->n) << (height - i);
  }
}

/* A key that knows its root; NULL if the seeds do not fit. */
static hbss_key *whole_key(const hbss_set *set, const uint8_t *seed, size_t seedlen) {
  if (!set || seedlen != set->secret_len + set->public_seed_len) return NULL;
  hbss_key *key = room(hbss_key_len());
  const uint8_t *public_seed = seed + set->secret_len;
  uint8_t *nodes = NULL;
  int good = hbss_key_from_seeds(key, best(), set, seed, public_seed, NULL) == HBSS_OK &&
             (nodes = tree(key, set->d - 1, 0)) != NULL &&
             hbss_key_from_seeds(key, best(), set, seed, public_seed, root_of(nodes, set)) == HBSS_OK;
  free(nodes);
  if (good) return key;
  free(key);
  return NULL;
}

int pqv_hbs_keygen(uint32_t scheme, uint32_t type, uint32_t ots, const uint8_t *seed, size_t seedlen, uint8_t *pk,
                   size_t *pklen) {
  const hbss_set *set = find(scheme, type, ots);
  hbss_key *key = whole_key(set, seed, seedlen);
  size_t header = scheme == PQV_HBS_LMS ? 4 : 0;
  if (!key || *pklen < header + set->public_len) return free(key), 1;
  if (header) put_u32(pk, 1);
  hbss_status status = hbss_key_public(pk + header, key);
  *pklen = header + set->public_len;
  free(key);
  return status != HBSS_OK;
}

/* Every layer's signature, the lowest first; `digest` is what the lowest signs. */
static int sign_layers(uint8_t *sig, const hbss_key *key, uint64_t index, const uint8_t *r, uint8_t *digest) {
  const hbss_set *set = hbss_key_set(key);
  uint32_t height = set->h / set->d;
  uint8_t path[64 * 25];
  for (uint32_t layer = 0; layer < set->d; layer++, sig += set->layer_len) {
    uint32_t leaf = (uint32_t)(index & ((UINT64_C(1) << height) - 1));
    index >>= height;
    uint8_t *nodes = tree(key, layer, index);
    if (!nodes) return 1;
    path_of(path, nodes, set, leaf);
    hbss_status status = hbss_sign_leaf(sig, key, layer, index, leaf, r, digest, path);
    memcpy(digest, root_of(nodes, set), set->n);
    free(nodes);
    if (status != HBSS_OK) return 1;
  }
  return 0;
}

int pqv_hbs_sign(uint32_t scheme, uint32_t type, uint32_t ots, const uint8_t *seed, size_t seedlen, uint64_t index,
                 const uint8_t *m, size_t mlen, uint8_t *sig, size_t *siglen) {
  const hbss_set *set = find(scheme, type, ots);
  hbss_key *key = whole_key(set, seed, seedlen);
  if (!key) return 1;
  hbss_stream *stream = room(hbss_stream_len());
  uint8_t r[64], digest[64];
  size_t header = 4; /* LMS: u32(0) of HSS; XMSS: the index */
  if (scheme == PQV_HBS_XMSSMT) header = (set->h + 7) / 8;
  size_t total = scheme == PQV_HBS_LMS ? 4 + set->signature_len : set->signature_len;
  int bad = *siglen < total || hbss_randomizer(r, key, index) != HBSS_OK ||
            hbss_digest_start(stream, key, index, r) != HBSS_OK;
  if (!bad) {
    hbss_stream_update(stream, m, mlen);
    hbss_stream_finish(digest, stream);
    for (size_t i = 0; i < header; i++)
      sig[i] = scheme == PQV_HBS_LMS ? 0 : (uint8_t)(index >> (8 * (header - 1 - i)));
    if (scheme != PQV_HBS_LMS) memcpy(sig + header, r, set->n), header += set->n;
    bad = sign_layers(sig + header, key, index, r, digest);
    *siglen = total;
  }
  free(stream);
  free(key);
  return bad;
}

/* ---- the state of a key: the Python package, in a child process ---- */

/* Runs `state.py verb state`, `in` as its standard input; its standard output must fit `out`. */
static int child(const char *verb, const char *set, const char *state, const uint8_t *in, size_t len, uint8_t *out,
                 size_t *outlen) {
  int down[2], up[2], status = 1;
  if (pipe(down) || pipe(up)) return 1;
  pid_t pid = fork();
  if (pid == 0) {
    dup2(down[0], 0), dup2(up[1], 1);
    close(down[0]), close(down[1]), close(up[0]), close(up[1]);
    execl(HBSS_PYTHON, HBSS_PYTHON, HBSS_STATE_PY, verb, set, state, (char *)NULL);
    _exit(127);
  }
  close(down[0]), close(up[1]);
  size_t sent = 0, got = 0;
  for (ssize_t n; sent < len && (n = write(down[1], in + sent, len - sent)) > 0; sent += (size_t)n) {}
  close(down[1]);
  for (ssize_t n; got < *outlen && (n = read(up[0], out + got, *outlen - got)) > 0; got += (size_t)n) {}
  close(up[0]);
  *outlen = got;
  return pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status);
}

int pqv_hbs_state_keygen(uint32_t scheme, uint32_t type, uint32_t ots, const uint8_t *seed, size_t seedlen,
                         const char *state, uint8_t *pk, size_t *pklen) {
  const hbss_set *set = find(scheme, type, ots);
  return set ? child("keygen", set->name, state, seed, seedlen, pk, pklen) : 1;
}

int pqv_hbs_state_sign(uint32_t scheme, const char *state, const uint8_t *m, size_t mlen, uint8_t *sig, size_t *siglen) {
  (void)scheme;
  return child("sign", "", state, m, mlen, sig, siglen);
}

int pqv_hbs_state_skip(uint32_t scheme, const char *state, uint64_t next) {
  (void)scheme;
  uint8_t number[8], none[1];
  size_t none_len = sizeof none;
  put_u32(number, (uint32_t)(next >> 32));
  put_u32(number + 4, (uint32_t)next);
  return child("skip", "", state, number, sizeof number, none, &none_len);
}
