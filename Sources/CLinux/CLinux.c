#define _GNU_SOURCE
#include "CLinux.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <unistd.h>

int sallyport_epoll_ctl(int epoll, int operation, int descriptor, uint32_t events, uint64_t data) {
    struct epoll_event event = {.events = events, .data = {.u64 = data}};
    return epoll_ctl(epoll, operation, descriptor, &event);
}

int sallyport_accept(int listener, struct sockaddr_storage *address, socklen_t *length) {
    return accept4(listener, (struct sockaddr *)address, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int sallyport_stream_socket(int family) {
    return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

int sallyport_local_datagram_socket(void) {
    return socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

ssize_t sallyport_send_local(int descriptor, const char *path, const void *bytes, size_t count) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(path);
    if (length >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, length);
    return sendto(descriptor, bytes, count, MSG_NOSIGNAL, (struct sockaddr *)&address,
                  sizeof address);
}

int sallyport_clock_is_synchronised(void) {
    struct timex state = {.modes = 0};
    int clock = adjtimex(&state);
    if (clock < 0) return -1;
    return clock != TIME_ERROR && !(state.status & STA_UNSYNC);
}

int sallyport_eventfd(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

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

int sallyport_fallocate(int descriptor, int mode, int64_t offset, int64_t length) {
    return fallocate(descriptor, mode, offset, length);
}

int sallyport_sync_filesystem(int descriptor) { return syncfs(descriptor); }

int sallyport_name_thread(const char *name) { return pthread_setname_np(pthread_self(), name); }

int sallyport_lower_priority(void) {
    return setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 10);
}

int sallyport_refuse_dumps(void) { return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }

// The address of a Unix socket is short; through /proc it is, however long the folder's path is.
static int local_address(struct sockaddr_un *address, int directory, const char *name) {
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    size_t room = sizeof address->sun_path;
    int count = directory < 0
                    ? snprintf(address->sun_path, room, "%s", name)
                    : snprintf(address->sun_path, room, "/proc/self/fd/%d/%s", directory, name);
    if (count > 0 && (size_t)count < room) return 0;
    errno = ENAMETOOLONG;
    return -1;
}

static int local_socket(void) {
    return socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static int fail(int descriptor, int code) {
    if (descriptor >= 0) close(descriptor);
    errno = code;
    return -1;
}

int sallyport_local_connect(int directory, const char *name) {
    struct sockaddr_un address;
    if (local_address(&address, directory, name) != 0) return -1;
    int descriptor = local_socket();
    if (descriptor < 0) return -1;
    if (connect(descriptor, (struct sockaddr *)&address, sizeof address) == 0) return descriptor;
    return fail(descriptor, errno);
}

// Removes a socket that refuses connections; 0 when it did.
static int remove_abandoned(int directory, const char *name, const char *path) {
    struct stat status;
    if (lstat(path, &status) != 0 || !S_ISSOCK(status.st_mode)) return -1;
    int probe = sallyport_local_connect(directory, name);
    if (probe >= 0) {
        close(probe);
        return -1;
    }
    return errno == ECONNREFUSED ? unlink(path) : -1;
}

int sallyport_local_listen(
    int directory, const char *name, unsigned int mode, uint32_t group, int backlog) {
    struct sockaddr_un address;
    if (local_address(&address, directory, name) != 0) return -1;
    int descriptor = local_socket();
    if (descriptor < 0) return -1;
    const char *path = address.sun_path;
    // The mode of the socket is that of the name, so that nobody may connect before they may.
    if (fchmod(descriptor, 0600) != 0) return fail(descriptor, errno);
    int result = bind(descriptor, (struct sockaddr *)&address, sizeof address);
    if (result != 0 && errno == EADDRINUSE) {
        if (remove_abandoned(directory, name, path) != 0) return fail(descriptor, EADDRINUSE);
        result = bind(descriptor, (struct sockaddr *)&address, sizeof address);
    }
    if (result != 0) return fail(descriptor, errno);
    if ((group != UINT32_MAX && chown(path, (uid_t)-1, group) != 0) || chmod(path, mode) != 0 ||
        listen(descriptor, backlog) != 0) {
        int code = errno;
        unlink(path);
        return fail(descriptor, code);
    }
    return descriptor;
}

int sallyport_local_peer(int descriptor, uint32_t *user, uint32_t *group, int32_t *process) {
    struct ucred credentials;
    socklen_t size = sizeof credentials;
    if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return -1;
    *user = credentials.uid;
    *group = credentials.gid;
    *process = credentials.pid;
    return 0;
}

int sallyport_has_kernel_tls(void) {
    int has = 0;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int stream = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    // The port is the kernel's choice; a protocol can be laid over a connected socket only.
    if (listener >= 0 && stream >= 0 && bind(listener, (struct sockaddr *)&address, length) == 0 &&
        listen(listener, 1) == 0 &&
        getsockname(listener, (struct sockaddr *)&address, &length) == 0 &&
        connect(stream, (struct sockaddr *)&address, length) == 0) {
        has = setsockopt(stream, IPPROTO_TCP, TCP_ULP, "tls", sizeof "tls") == 0;
    }
    if (stream >= 0) close(stream);
    if (listener >= 0) close(listener);
    return has;
}

int sallyport_message_socket(void) {
    return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

int sallyport_bind_local(int descriptor, const char *path) {
    struct sockaddr_un address;
    if (local_address(&address, -1, path) != 0) return -1;
    return bind(descriptor, (struct sockaddr *)&address, sizeof address);
}

int sallyport_connect_local(int descriptor, const char *path) {
    struct sockaddr_un address;
    if (local_address(&address, -1, path) != 0) return -1;
    return connect(descriptor, (struct sockaddr *)&address, sizeof address);
}

int sallyport_refuse_connections(int listener) {
    // Of what reaches a listening socket, only what asks for a connection has SYN set; the program
    // sees the TCP header first, whose flags are byte 13.
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, TH_SYN, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, 0xFFFFFFFF),
    };
    struct sock_fprog filter = {.len = sizeof program / sizeof program[0], .filter = program};
    return setsockopt(listener, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter);
}

int sallyport_wait_signal(
    const sigset_t *set, struct sallyport_signal_sender *sender, const struct timespec *timeout) {
    siginfo_t info = {0};
    int signal = sigtimedwait(set, &info, timeout);
    sender->user = info.si_uid;
    sender->process = info.si_pid;
    return signal;
}
