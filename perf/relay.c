// The floor: a single-threaded epoll relay that makes only the four data system calls of a
// forwarded keep-alive request (recv, send, recv, send) and looks at nothing. No parsing, no
// checks, no log. One upstream connection per client. Usage: relay PORT UPSTREAM_PORT
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static int peer[65536];
static char buffer[65536];

static struct sockaddr_in loopback(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static void watch(int epoll, int descriptor) {
    int one = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.fd = descriptor};
    epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
}

int main(int count, char **arguments) {
    if (count != 3) return 2;
    struct sockaddr_in own = loopback(atoi(arguments[1])), far = loopback(atoi(arguments[2]));
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&own, sizeof own) || listen(listener, 1024)) return 1;
    int epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        struct epoll_event events[256];
        int ready = epoll_wait(epoll, events, 256, -1);
        for (int index = 0; index < ready; index++) {
            int source = events[index].data.fd;
            if (source == listener) {
                int client;
                while ((client = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
                    int upstream = socket(AF_INET, SOCK_STREAM, 0);
                    if (connect(upstream, (struct sockaddr *)&far, sizeof far)) return 1;
                    peer[client] = upstream;
                    peer[upstream] = client;
                    watch(epoll, client);
                    watch(epoll, upstream);
                }
                continue;
            }
            if (!peer[source]) continue;
            ssize_t size = recv(source, buffer, sizeof buffer, MSG_DONTWAIT);
            if (size > 0) {
                if (send(peer[source], buffer, size, MSG_NOSIGNAL) == size) continue;
                return 1;
            }
            int other = peer[source];
            peer[source] = peer[other] = 0;
            close(source);
            close(other);
        }
    }
}
