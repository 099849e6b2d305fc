// The floor: a relay that looks at nothing and makes four data calls per request.
//
// usage: relay LISTEN_PORT UPSTREAM_PORT
//
// One thread, edge-triggered epoll, one upstream connection per client connection. A request costs
// read(client), write(upstream), read(upstream), write(client) and its share of epoll_wait; no
// proxy that passes bytes through user space makes fewer. It is a yardstick, not a proxy: messages
// must fit a socket's send buffer (a short write ends the pair).

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { limitDescriptors = 65536, limitEvents = 256, bufferBytes = 65536 };

static int peerOf[limitDescriptors];
static char buffer[bufferBytes];

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static struct sockaddr_in loopback(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static void closePair(int one) {
    int other = peerOf[one];
    peerOf[one] = peerOf[other] = -1;
    close(one);
    close(other);
}

static void watch(int poller, int descriptor) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.fd = descriptor};
    int on = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &event) != 0) fail("epoll_ctl");
}

static void acceptAll(int poller, int listener, int upstreamPort) {
    int client;
    while ((client = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct sockaddr_in address = loopback(upstreamPort);
        int upstream = socket(AF_INET, SOCK_STREAM, 0);
        if (upstream < 0 || client >= limitDescriptors || upstream >= limitDescriptors) {
            fail("descriptors");
        }
        if (connect(upstream, (struct sockaddr *)&address, sizeof address) != 0) fail("connect");
        peerOf[client] = upstream;
        peerOf[upstream] = client;
        watch(poller, client);
        watch(poller, upstream);
    }
}

static void relay(int source) {
    int target = peerOf[source];
    if (target < 0) return;
    for (;;) {
        // MSG_DONTWAIT, because the upstream's descriptor was connected blocking.
        ssize_t count = recv(source, buffer, sizeof buffer, MSG_DONTWAIT);
        if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (count <= 0 || send(target, buffer, (size_t)count, MSG_NOSIGNAL) != count) {
            closePair(source);
            return;
        }
        // A short read has drained the socket: edge-triggered epoll tells of what comes later.
        if (count < bufferBytes) return;
    }
}

int main(int count, char **arguments) {
    if (count != 3) {
        fprintf(stderr, "usage: relay LISTEN_PORT UPSTREAM_PORT\n");
        return 2;
    }
    for (int i = 0; i < limitDescriptors; i++) peerOf[i] = -1;
    struct sockaddr_in address = loopback(atoi(arguments[1]));
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0) fail("bind");
    if (listen(listener, 1024) != 0) fail("listen");
    int poller = epoll_create1(0);
    watch(poller, listener);

    struct epoll_event events[limitEvents];
    for (;;) {
        int ready = epoll_wait(poller, events, limitEvents, -1);
        if (ready < 0 && errno != EINTR) fail("epoll_wait");
        for (int i = 0; i < ready; i++) {
            if (events[i].data.fd == listener) {
                acceptAll(poller, listener, atoi(arguments[2]));
            } else {
                relay(events[i].data.fd);
            }
        }
    }
}
