#include "CLinux.h"
#include <pthread.h>

int sallyport_epoll_ctl(int epoll, int operation, int descriptor, uint32_t events, uint64_t data) {
    struct epoll_event event = {.events = events, .data = {.u64 = data}};
    return epoll_ctl(epoll, operation, descriptor, &event);
}

int sallyport_pin_to_processor(int processor) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(processor, &set);
    return pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

int sallyport_allowed_processors(int *processors, int capacity) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return -1;
    int count = 0;
    for (int index = 0; index < CPU_SETSIZE && count < capacity; index++) {
        if (CPU_ISSET(index, &set)) processors[count++] = index;
    }
    return count;
}

int sallyport_open(const char *path, int flags, unsigned int mode) { return open(path, flags, mode); }

int sallyport_openat(int directory, const char *path, int flags, unsigned int mode) {
    return openat(directory, path, flags, mode);
}
