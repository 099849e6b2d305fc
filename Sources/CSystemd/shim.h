// libsystemd.
#pragma once
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
// The place in the source is given as fields, not as that of this file.
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-daemon.h>
#include <systemd/sd-journal.h>

/// What a passed descriptor is; DescriptorKind has the same numbers.
static inline int sallyport_descriptor_kind(int descriptor) {
    if (sd_is_socket(descriptor, AF_UNSPEC, 0, -1) <= 0) return 5;
    if (sd_is_socket(descriptor, AF_UNIX, 0, -1) > 0) return 3;
    if (sd_is_socket(descriptor, AF_UNSPEC, SOCK_DGRAM, -1) > 0) return 2;
    if (sd_is_socket_inet(descriptor, AF_UNSPEC, SOCK_STREAM, -1, 0) <= 0) return 4;
    return sd_is_socket(descriptor, AF_UNSPEC, 0, 1) > 0 ? 0 : 1;
}

/// The `index`th of the names that sd_listen_fds_with_names allocated.
static inline const char *sallyport_name_at(char **names, int index) { return names[index]; }

static inline void sallyport_free_names(char **names, int count) {
    for (int index = 0; names && index < count; index++) free(names[index]);
    free(names);
}

/// sd_journal_sendv of `count` fields that lie one behind the other in `bytes`.
static inline int sallyport_journal_send(const void *bytes, const size_t *lengths, int count) {
    struct iovec fields[32];
    if (count > 32) return -7; // E2BIG
    char *place = (char *)bytes;
    for (int index = 0; index < count; index++) {
        fields[index].iov_base = place;
        fields[index].iov_len = lengths[index];
        place += lengths[index];
    }
    return sd_journal_sendv(fields, count);
}
