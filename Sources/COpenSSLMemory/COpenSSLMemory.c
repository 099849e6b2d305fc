#include "COpenSSLMemory.h"
#include <malloc.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

// What OpenSSL allocates for each record, so that one written and one read call malloc six times:
//
//   record  one buffer to read and one to write, just over 16 KiB each. With
//           SSL_MODE_RELEASE_BUFFERS they are freed after each use, and an idle connection has none
//   packet  up to three pieces of 40 bytes for a record's head, type and body (WPACKET_SUB)
//
// Each thread keeps a few blocks of both kinds for its next call. All blocks of a kind have one
// size, so that one serves for all; a block is known again by its usable size.
enum { recordLeast = 16385, recordBytes = 18432, recordSlack = 64, recordLimit = 8 };
enum { packetLeast = 25, packetBytes = 40, packetLimit = 16 };

struct Shelf {
    int count;
    void *blocks[recordLimit > packetLimit ? recordLimit : packetLimit];
};

static __thread struct Shelf records, packets;
static __thread int isWatched;
// How many callers handle a secret on this thread.
static __thread int secretsAtHand;

void sallyport_begin_secret(void) { secretsAtHand++; }

void sallyport_end_secret(void) { secretsAtHand--; }

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static int hasKey;

// A thread that ends gives back what it kept.
static void release(void *unused) {
    (void)unused;
    while (records.count > 0) free(records.blocks[--records.count]);
    while (packets.count > 0) free(packets.blocks[--packets.count]);
    isWatched = 0;
}

static void make_key(void) { hasKey = pthread_key_create(&key, release) == 0; }

// Once per thread. Apart from the rest, so that a free saves no registers for it.
static __attribute__((noinline, cold)) int watch(void) {
    pthread_once(&once, make_key);
    isWatched = hasKey && pthread_setspecific(key, &records) == 0;
    return isWatched;
}

static int is_watched(void) { return isWatched || watch(); }

static void *take(struct Shelf *shelf, size_t size) {
    return shelf->count > 0 ? shelf->blocks[--shelf->count] : malloc(size);
}

static int keep(struct Shelf *shelf, int limit, void *block) {
    if (shelf->count >= limit || !is_watched()) return 0;
    shelf->blocks[shelf->count++] = block;
    return 1;
}

void *sallyport_block_allocate(size_t size, const char *file, int line) {
    (void)file, (void)line;
    if (size >= packetLeast && size <= packetBytes) return take(&packets, packetBytes);
    if (size >= recordLeast && size <= recordBytes) return take(&records, recordBytes);
    return size > 0 ? malloc(size) : NULL;
}

void *sallyport_block_resize(void *block, size_t size, const char *file, int line) {
    if (!block) return sallyport_block_allocate(size, file, line);
    if (size > 0 && secretsAtHand == 0) return realloc(block, size);
    void *moved = sallyport_block_allocate(size, file, line);
    if (!moved && size > 0) return NULL;
    size_t usable = malloc_usable_size(block);
    if (moved) memcpy(moved, block, usable < size ? usable : size);
    sallyport_block_free(block, file, line);
    return moved;
}

void sallyport_block_free(void *block, const char *file, int line) {
    (void)file, (void)line;
    if (!block) return;
    size_t usable = malloc_usable_size(block);
    if (secretsAtHand > 0) OPENSSL_cleanse(block, usable);
    if (usable == packetBytes && keep(&packets, packetLimit, block)) return;
    if (usable >= recordBytes && usable < recordBytes + recordSlack &&
        keep(&records, recordLimit, block)) {
        return;
    }
    free(block);
}

int sallyport_blocks_kept(void) { return records.count; }

int sallyport_cache_record_blocks(void) {
    return CRYPTO_set_mem_functions(sallyport_block_allocate, sallyport_block_resize,
                                    sallyport_block_free);
}
