#ifndef ALLOCATION_COUNTER_H
#define ALLOCATION_COUNTER_H

#include <stdint.h>

/// Calls of malloc, calloc, realloc and their aligned kin by this thread so far.
///
/// The program's own definitions of these functions take the place of glibc's, whose they call.
uint64_t allocation_count(void);

/// Processor time of this thread in nanoseconds, which other people's work does not add to.
uint64_t thread_nanoseconds(void);

/// Wall time in nanoseconds, to tell how much of it the processor was somebody else's.
uint64_t wall_nanoseconds(void);

#endif
