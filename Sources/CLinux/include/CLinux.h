// What Swift's Glibc module lacks. Only LinuxIO imports this.
#pragma once
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>

/// Adds or changes an epoll registration; `data` comes back with each event.
int sallyport_epoll_ctl(int epoll, int operation, int descriptor, uint32_t events, uint64_t data);
/// Pins the calling thread to one processor. Returns an errno value, 0 for success.
int sallyport_pin_to_processor(int processor);
/// Processors that this process may run on, written to `processors`; returns how many, or -1.
int sallyport_allowed_processors(int *processors, int capacity);
/// open(2) with a mode: variadic functions are not imported.
int sallyport_open(const char *path, int flags, unsigned int mode);
int sallyport_openat(int directory, const char *path, int flags, unsigned int mode);
