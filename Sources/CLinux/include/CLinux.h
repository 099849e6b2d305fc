// What Swift's Glibc module lacks. Only LinuxIO imports this. The header defines no feature
// macro, so that its view of the C library is the same as the Glibc module's.
#pragma once
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <time.h>

/// Adds or changes an epoll registration; `data` comes back with each event.
int sallyport_epoll_ctl(int epoll, int operation, int descriptor, uint32_t events, uint64_t data);
/// accept4(2), non-blocking and close-on-exec.
int sallyport_accept(int listener, struct sockaddr_storage *address, socklen_t *length);
/// Drops what asks for a connection at a listening TCP socket (SO_ATTACH_FILTER, socket(7)).
int sallyport_refuse_connections(int listener);
/// socket(2), a stream, non-blocking and close-on-exec.
int sallyport_stream_socket(int family);
/// socket(2), datagrams between processes of this machine, non-blocking and close-on-exec.
int sallyport_local_datagram_socket(void);
/// sendto(2) without SIGPIPE to the local socket at `path`, shorter than 108 bytes.
ssize_t sallyport_send_local(int descriptor, const char *path, const void *bytes, size_t count);
/// eventfd(2), non-blocking and close-on-exec.
int sallyport_eventfd(void);
/// Pins the calling thread to one processor. Returns an errno value, 0 for success.
int sallyport_pin_to_processor(int processor);
/// Processors that this process may run on, written to `processors`; returns how many, or -1.
int sallyport_allowed_processors(int *processors, int capacity);
/// open(2) and openat(2) with a mode: variadic functions are not imported.
int sallyport_open(const char *path, int flags, unsigned int mode);
int sallyport_openat(int directory, const char *path, int flags, unsigned int mode);
/// fallocate(2).
int sallyport_fallocate(int descriptor, int mode, int64_t offset, int64_t length);
/// syncfs(2).
int sallyport_sync_filesystem(int descriptor);
/// adjtimex(2): 1 when something keeps the clock right, 0 when not, -1 when the kernel is silent.
int sallyport_clock_is_synchronised(void);
/// prctl(2), PR_SET_DUMPABLE 0: no core dump of this process.
int sallyport_refuse_dumps(void);
/// Lets other threads run before the calling one.
int sallyport_lower_priority(void);
/// Names the calling thread. Returns an errno value, 0 for success.
int sallyport_name_thread(const char *name);
/// A listening Unix socket at `name` in the folder `directory`, or at the path `name` when that is
/// -1; `group` UINT32_MAX leaves the group. A socket there that nobody listens at is replaced.
int sallyport_local_listen(
    int directory, const char *name, unsigned int mode, uint32_t group, int backlog);
/// A connection to the Unix socket at such a place.
int sallyport_local_connect(int directory, const char *name);
/// SO_PEERCRED of a Unix socket.
int sallyport_local_peer(int descriptor, uint32_t *user, uint32_t *group, int32_t *process);
/// Whether the kernel can encrypt the records of a TCP connection: tried on one to this process.
int sallyport_has_kernel_tls(void);
/// socket(2) for whole messages between processes of this machine, non-blocking, close-on-exec.
int sallyport_message_socket(void);
/// bind(2) and connect(2) at a path of at most 107 bytes.
int sallyport_bind_local(int descriptor, const char *path);
int sallyport_connect_local(int descriptor, const char *path);
/// Who sent a signal.
struct sallyport_signal_sender {
    uint32_t user;
    int32_t process;
};
/// sigtimedwait(2), and si_uid and si_pid of what came.
int sallyport_wait_signal(
    const sigset_t *set, struct sallyport_signal_sender *sender, const struct timespec *timeout);
