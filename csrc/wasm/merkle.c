/* merkle.c - trees/merkle.c where size_t has 32 bits. There hbss_merkle_parents shifts a size_t by 32, which here is not
 * defined; a tree of the core has no more than 2^25 leaves, so 31 says the same. */
#define hbss_merkle_parents hbss_merkle_parents_of_64_bits
#include "../trees/merkle.c"
#undef hbss_merkle_parents

void hbss_merkle_parents(uint8_t *parents, hbss_nodes *hash, const hbss_spot *first, const uint8_t *children, size_t count);

void hbss_merkle_parents(uint8_t *parents, hbss_nodes *hash, const hbss_spot *first, const uint8_t *children, size_t count)
{
  hash_level(parents, hash, first, 0, 31, children, count);
}
