// A TLS client for what wrk cannot do: handshakes one after another, and idle connections.
//
// usage: handshakes -p PORT -m full|resumed -v 1.2|1.3 [-c OPEN] [-s SECONDS] [-n COUNT]
//        handshakes -p PORT -m hold -n COUNT -r REQUEST_FILE [-c OPEN]
//
// full, resumed: keeps OPEN connections under way; each makes its handshake, sends close_notify and
// reads to the end, so that the server has done all of its part, tickets included. `resumed` begins
// with a full one for a ticket and goes on with the newest. Prints one JSON object.
//
// hold: opens COUNT connections, OPEN at a time, each of which makes one request and stays. Prints
// a JSON object when all of them wait, and another one, with those still open, when its input ends.
//
// One thread, level-triggered epoll. Certificates are not verified: the server's work is measured.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { limitDescriptors = 65536, limitEvents = 256, limitRequest = 65536, sourceAddresses = 200 };

enum Phase { phaseHandshake, phaseRequest, phaseResponse, phaseHeld, phaseDrain };

struct Connection {
    SSL *ssl;
    enum Phase phase;
    uint32_t watched;  // what epoll watches it for
    int written;       // bytes of the request
    int read;          // bytes of the response
    int expected;      // bytes of the whole response; 0 until its head has come
};

static struct Connection connections[limitDescriptors];
static SSL_SESSION *session;
static SSL_CTX *context;
static int poller, port, isHolding, isResuming, limitOpen = 16;
static char request[limitRequest];
static int requestBytes;
static long wantedCount = -1;
static long started, completed, resumed, failures, held;
static int underWay;
static char firstFailure[256];

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int keepSession(SSL *ssl, SSL_SESSION *fresh) {
    (void)ssl;
    // A copy, and one of its own for each connection: OpenSSL takes a session for spoilt when a
    // connection of its ends without a close_notify from the server, as nginx ends them.
    SSL_SESSION_free(session);
    session = SSL_SESSION_dup(fresh);
    return 0;
}

static void open1(void) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    if (descriptor < 0 || descriptor >= limitDescriptors) fail("descriptors");
    // Ports of one address would run out: each closed connection holds its own for a minute.
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(started % sourceAddresses));
    setsockopt(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (bind(descriptor, (struct sockaddr *)&address, sizeof address) != 0) fail("bind");
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((uint16_t)port);
    if (connect(descriptor, (struct sockaddr *)&address, sizeof address) != 0 &&
        errno != EINPROGRESS) {
        fail("connect");
    }
    SSL *ssl = SSL_new(context);
    if (ssl == NULL || SSL_set_fd(ssl, descriptor) != 1) fail("SSL_new");
    SSL_set_connect_state(ssl);
    SSL_set_tlsext_host_name(ssl, "api.example.com");
    if (isResuming && session != NULL) {
        SSL_SESSION *copy = SSL_SESSION_dup(session);
        SSL_set_session(ssl, copy);
        SSL_SESSION_free(copy);
    }
    connections[descriptor] =
        (struct Connection){.ssl = ssl, .phase = phaseHandshake, .watched = EPOLLOUT};
    struct epoll_event event = {.events = EPOLLOUT, .data.fd = descriptor};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &event) != 0) fail("epoll_ctl");
    started++;
    underWay++;
}

static void end(int descriptor) {
    if (connections[descriptor].phase == phaseHeld) held--;
    else underWay--;
    SSL_free(connections[descriptor].ssl);
    connections[descriptor].ssl = NULL;
    close(descriptor);
}

static void failConnection(int descriptor, const char *where) {
    failures++;
    if (firstFailure[0] == 0) {
        char why[160] = "connection ended";
        unsigned long code = ERR_peek_error();
        if (code != 0) ERR_error_string_n(code, why, sizeof why);
        snprintf(firstFailure, sizeof firstFailure, "%s: %s", where, why);
    }
    end(descriptor);
}

static void watch(int descriptor, uint32_t events) {
    if (connections[descriptor].watched == events) return;
    connections[descriptor].watched = events;
    struct epoll_event event = {.events = events, .data.fd = descriptor};
    if (epoll_ctl(poller, EPOLL_CTL_MOD, descriptor, &event) != 0) fail("epoll_ctl");
}

// Waits for what OpenSSL asks for; 0 when it asks for nothing but has failed.
static int await(int descriptor, int result) {
    switch (SSL_get_error(connections[descriptor].ssl, result)) {
    case SSL_ERROR_WANT_READ: watch(descriptor, EPOLLIN); return 1;
    case SSL_ERROR_WANT_WRITE: watch(descriptor, EPOLLOUT); return 1;
    default: return 0;
    }
}

static void established(int descriptor) {
    struct Connection *it = &connections[descriptor];
    if (SSL_session_reused(it->ssl)) resumed++;
    if (isHolding) {
        it->phase = phaseRequest;
        return;
    }
    completed++;
    it->phase = phaseDrain;
    SSL_shutdown(it->ssl);
    shutdown(descriptor, SHUT_WR);
}

// Length of the whole response once its head is in `text`; 0 before, -1 when it is no 200.
static int responseBytes(const char *text) {
    const char *end = strstr(text, "\r\n\r\n");
    if (end == NULL) return 0;
    const char *length = strcasestr(text, "\r\ncontent-length:");
    if (strncmp(text, "HTTP/1.1 200 ", 13) != 0 || length == NULL || length > end) return -1;
    return (int)(end - text) + 4 + atoi(length + 17);
}

static void proceed(int descriptor) {
    static char text[16384];
    struct Connection *it = &connections[descriptor];
    ERR_clear_error();
    if (it->phase == phaseHandshake) {
        int result = SSL_do_handshake(it->ssl);
        if (result != 1) {
            if (!await(descriptor, result)) failConnection(descriptor, "handshake");
            return;
        }
        established(descriptor);
    }
    while (it->phase == phaseRequest) {
        int result = SSL_write(it->ssl, request + it->written, requestBytes - it->written);
        if (result <= 0) {
            if (!await(descriptor, result)) failConnection(descriptor, "request");
            return;
        }
        it->written += result;
        if (it->written == requestBytes) it->phase = phaseResponse;
    }
    for (;;) {
        int result = SSL_read(it->ssl, text, sizeof text - 1);
        if (result <= 0) {
            if (await(descriptor, result)) return;
            if (it->phase == phaseDrain &&
                SSL_get_error(it->ssl, result) != SSL_ERROR_SSL) {
                end(descriptor);
            } else if (it->phase == phaseDrain && SSL_get_shutdown(it->ssl) & SSL_RECEIVED_SHUTDOWN) {
                end(descriptor);
            } else {
                failConnection(descriptor, it->phase == phaseDrain ? "close" : "response");
            }
            return;
        }
        if (it->phase != phaseResponse) continue;
        text[result] = 0;
        if (it->expected == 0) it->expected = responseBytes(text);
        it->read += result;
        if (it->expected < 0) {
            failConnection(descriptor, "answer other than 200");
            return;
        }
        if (it->expected > 0 && it->read >= it->expected) {
            it->phase = phaseHeld;
            underWay--;
            held++;
            completed++;
            // Silence is what is measured: nothing is watched until the end.
            epoll_ctl(poller, EPOLL_CTL_DEL, descriptor, NULL);
            return;
        }
    }
}

static void turn(int milliseconds) {
    struct epoll_event events[limitEvents];
    int ready = epoll_wait(poller, events, limitEvents, milliseconds);
    if (ready < 0 && errno != EINTR) fail("epoll_wait");
    for (int i = 0; i < ready; i++) {
        if (connections[events[i].data.fd].ssl != NULL) proceed(events[i].data.fd);
    }
}

static void runUntil(double deadline) {
    while (now() < deadline) {
        while (underWay < limitOpen && (wantedCount < 0 || started < wantedCount)) open1();
        if (underWay == 0) return;
        turn(100);
    }
}

static void readRequest(const char *path) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) fail(path);
    requestBytes = (int)fread(request, 1, sizeof request, file);
    fclose(file);
}

static void makeContext(int version) {
    context = SSL_CTX_new(TLS_client_method());
    if (context == NULL) fail("SSL_CTX_new");
    if (version != 0) {
        SSL_CTX_set_min_proto_version(context, version);
        SSL_CTX_set_max_proto_version(context, version);
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set1_groups_list(context, "X25519:P-256");
    SSL_CTX_set_session_cache_mode(
        context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    if (isResuming) SSL_CTX_sess_set_new_cb(context, keepSession);
}

static void hold(void) {
    char byte;
    printf("{\"held\": %ld, \"failures\": %ld, \"failure\": \"%s\"}\n", held, failures,
           firstFailure);
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
    long open = 0;
    for (int i = 0; i < limitDescriptors; i++) {
        if (connections[i].ssl == NULL) continue;
        ssize_t count = recv(i, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        if (count > 0 || (count < 0 && errno == EAGAIN)) open++;
    }
    printf("{\"open\": %ld}\n", open);
}

int main(int count, char **arguments) {
    double seconds = 3600;
    int version = 0, option;
    while ((option = getopt(count, arguments, "p:m:v:c:s:n:r:")) != -1) {
        switch (option) {
        case 'p': port = atoi(optarg); break;
        case 'm':
            isHolding = strcmp(optarg, "hold") == 0;
            isResuming = strcmp(optarg, "resumed") == 0;
            break;
        case 'v': version = strcmp(optarg, "1.2") == 0 ? TLS1_2_VERSION : TLS1_3_VERSION; break;
        case 'c': limitOpen = atoi(optarg); break;
        case 's': seconds = atof(optarg); break;
        case 'n': wantedCount = atol(optarg); break;
        case 'r': readRequest(optarg); break;
        default: fprintf(stderr, "handshakes.c says how to call it\n"); return 2;
        }
    }
    if (port == 0 || limitOpen < 1 || (isHolding && (requestBytes == 0 || wantedCount < 1))) {
        fprintf(stderr, "handshakes.c says how to call it\n");
        return 2;
    }
    poller = epoll_create1(EPOLL_CLOEXEC);
    makeContext(version);
    if (isResuming) {
        // The ticket; its handshake counts for nothing.
        int wantedOpen = limitOpen;
        long wanted = wantedCount;
        limitOpen = 1;
        wantedCount = 1;
        runUntil(now() + 10);
        if (session == NULL) {
            fprintf(stderr, "no ticket came: %s\n", firstFailure);
            return 1;
        }
        limitOpen = wantedOpen;
        wantedCount = wanted;
        started = completed = resumed = failures = 0;
    }
    double began = now();
    runUntil(began + seconds);
    double spent = now() - began;
    if (isHolding) {
        hold();
    } else {
        printf("{\"handshakes\": %ld, \"resumed\": %ld, \"failures\": %ld, \"seconds\": %.3f, "
               "\"failure\": \"%s\"}\n",
               completed, resumed, failures, spent, firstFailure);
    }
    return 0;
}
