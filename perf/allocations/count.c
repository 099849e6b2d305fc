// Counts allocations per thread, for a program started with LD_PRELOAD.
//
// ALLOCATION_COUNTS names a file that the reader made, `tableBytes` long and zero; it is mapped
// shared, so that counts are read while the program runs, with no signal and no call into it.
//
//   bytes 0..7       threads registered
//   bytes 8..15      1: keep call stacks of what is allocated from now on
//   bytes 16..23     call stacks kept
//   bytes 64..       64 bytes per thread: tid, malloc, calloc, realloc, aligned, free, bytes, 0
//   bytes 16448..    136 bytes per call stack: tid, 16 return addresses (0 ends them)
//
// Calls go on to glibc's own names, so that nothing needs dlsym, which allocates.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <unwind.h>

enum { limitThreads = 256, limitStacks = 8192, stackFrames = 16 };

struct Counts {
    uint64_t tid, mallocs, callocs, reallocs, aligned, frees, bytes, unused;
};

struct Stack {
    uint64_t tid, frames[stackFrames];
};

struct Table {
    _Atomic uint64_t threads, keepsStacks, stacks;
    uint64_t unused[5];
    struct Counts counts[limitThreads];
    struct Stack kept[limitStacks];
};

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

static struct Table *table;
// initial-exec: another model allocates a thread's memory at its first use.
static __thread struct Counts *mine __attribute__((tls_model("initial-exec")));
static __thread int isInside __attribute__((tls_model("initial-exec")));
static struct Counts uncounted;

__attribute__((constructor)) static void open_table(void) {
    const char *path = getenv("ALLOCATION_COUNTS");
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *memory = mmap(NULL, sizeof(struct Table), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (memory != MAP_FAILED) table = memory;
}

static struct Counts *counts(void) {
    if (mine) return mine;
    if (!table) return &uncounted;
    uint64_t index = atomic_fetch_add(&table->threads, 1);
    mine = index < limitThreads ? &table->counts[index] : &uncounted;
    mine->tid = (uint64_t)syscall(SYS_gettid);
    return mine;
}

struct Walk {
    struct Stack *stack;
    int depth;
};

static _Unwind_Reason_Code keep_frame(struct _Unwind_Context *context, void *argument) {
    struct Walk *walk = argument;
    // The first two frames are this file's.
    int index = walk->depth++ - 2;
    if (index >= stackFrames) return _URC_END_OF_STACK;
    if (index >= 0) walk->stack->frames[index] = _Unwind_GetIP(context);
    return _URC_NO_REASON;
}

static __attribute__((noinline)) void keep_stack(void) {
    if (isInside) return;
    isInside = 1;
    uint64_t index = atomic_fetch_add(&table->stacks, 1);
    if (index < limitStacks) {
        struct Walk walk = {.stack = &table->kept[index], .depth = 0};
        walk.stack->tid = mine->tid;
        _Unwind_Backtrace(keep_frame, &walk);
    }
    isInside = 0;
}

static inline struct Counts *note(size_t bytes) {
    struct Counts *all = counts();
    all->bytes += bytes;
    if (table && atomic_load_explicit(&table->keepsStacks, memory_order_relaxed)) keep_stack();
    return all;
}

void *malloc(size_t bytes) {
    note(bytes)->mallocs++;
    return __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes) {
    note(count * bytes)->callocs++;
    return __libc_calloc(count, bytes);
}

void *realloc(void *old, size_t bytes) {
    note(bytes)->reallocs++;
    return __libc_realloc(old, bytes);
}

void *memalign(size_t alignment, size_t bytes) {
    note(bytes)->aligned++;
    return __libc_memalign(alignment, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes) {
    note(bytes)->aligned++;
    return __libc_memalign(alignment, bytes);
}

int posix_memalign(void **result, size_t alignment, size_t bytes) {
    note(bytes)->aligned++;
    void *memory = __libc_memalign(alignment, bytes);
    if (!memory) return ENOMEM;
    *result = memory;
    return 0;
}

void free(void *memory) {
    counts()->frees++;
    __libc_free(memory);
}
