// Memory for OpenSSL that keeps its record buffers for the next use, and clears what held secrets.
// Only Crypto and TLS import this.
#pragma once
#include <stddef.h>

/// Makes OpenSSL allocate here. Before anything else of OpenSSL is used: afterwards it refuses,
/// and this returns 0.
int sallyport_cache_record_blocks(void);

/// Between these, which may be nested, the calling thread clears every block that it frees.
void sallyport_begin_secret(void);
void sallyport_end_secret(void);

/// What OpenSSL calls; tests call them too.
void *sallyport_block_allocate(size_t size, const char *file, int line);
void *sallyport_block_resize(void *block, size_t size, const char *file, int line);
void sallyport_block_free(void *block, const char *file, int line);
/// How many blocks the calling thread keeps.
int sallyport_blocks_kept(void);
