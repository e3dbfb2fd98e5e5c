/* SPDX-License-Identifier: MIT */
/* Two machines whose socket devices pass packets to each other: long streams both ways, compared byte by byte. */
#include <string.h>

#include "mock_socket.h"
#include "support.h"

TestSuite(socket_pair, .timeout = 120);

#define STREAMS 3u
#define PORT    100u
#define GUEST   3u         /* the address of the first machine; the other one's is the next */
#define BEFORE  0xffff8000 /* the counters of bytes begin here, so that they wrap soon */
#define MOST    6000u      /* bytes in one call */

struct stream {
    struct vpt_socket_connection connection;
    uint8_t buffer[7001];
    uint32_t sent;
    uint32_t received;
};

struct end {
    struct mock_machine machine;
    struct mock_socket model;
    struct vpt_mmio mmio;
    struct vpt_socket socket;
    struct stream streams[STREAMS];
    uint32_t connected; /* events */
    uint32_t ended;
    uint32_t aborted; /* with a status that is not VPT_OK */
};

static struct end ends[2]; /* the second one listens */
static uint32_t state;

static uint32_t random_below(uint32_t most)
{
    state = state * 1664525u + 1013904223u;
    return (state >> 8) % most;
}

/* The rings, and when packets go. */
static const struct {
    bool packed;
    bool in_order;
    bool slow;
} kinds[] = { { false, false, false },
              { true, false, false },
              { false, true, true },
              { true, true, false },
              { false, false, true } };

/* A device whose neighbour has no room for packets takes no more of its driver's. */
static void pass_on(void *ctx, const struct mock_socket_packet *packet, const uint8_t *bytes)
{
    struct end *from = ctx;
    struct end *to = &ends[from == ends ? 1 : 0];

    cr_assert(mock_socket_receive(&to->model, packet, bytes));
    from->model.deaf = to->model.waiting_count > MOCK_SOCKET_WAITING - 4u;
}

static void start(struct end *end, unsigned kind, uint64_t cid)
{
    struct mock_machine_options options = { .type = { &mock_socket_backend, &end->model } };
    const struct variant ring = { 2, true, true, kinds[kind].packed, kinds[kind].in_order };

    memset(end, 0, sizeof(*end));
    end->model.cid = cid;
    end->model.passes_on = pass_on;
    end->model.passes_on_ctx = end;
    variant_options(&ring, &options);
    if (kinds[kind].slow) {
        options.completion =
            (struct mock_completion){ .mode = MOCK_COMPLETE_BY_TICK, .delay = 2, .order = MOCK_ORDER_SHUFFLED };
    }
    cr_assert(mock_machine_init(&end->machine, &options));
    assert_status(vpt_mmio_probe(&end->mmio, end->machine.port, end->machine.mapping, end->machine.size), VPT_OK);
    assert_status(vpt_socket_open(&end->socket, &end->mmio.device), VPT_OK);
}

static void start_both(unsigned kind)
{
    for (unsigned i = 0; i < 2; i++) {
        start(&ends[i], kind, GUEST + i);
    }
}

static void release(struct end *end)
{
    struct vpt_socket_event event;

    assert_status(vpt_device_reset(&end->mmio.device), VPT_OK);
    assert_status(vpt_socket_drain(&end->socket), VPT_OK);
    while (vpt_socket_poll(&end->socket, &event) == VPT_OK) {
    }
    assert_status(vpt_driver_release(&end->socket.driver), VPT_OK);
    assert_same(mock_machine_finish(&end->machine), 0);
}

static void release_both(void)
{
    release(&ends[0]);
    release(&ends[1]);
}

/* ---- What the two ends do ---- */

static uint8_t byte_of(const struct end *from, size_t stream, uint32_t n)
{
    return (uint8_t)(n * 7u + (n >> 8) * 3u + (n >> 16) + stream * 31u + (from == ends ? 0u : 101u));
}

static void send_some(struct end *end, size_t n, uint32_t size)
{
    static uint8_t bytes[MOST];
    struct stream *stream = &end->streams[n];
    size_t sent = 0;

    for (uint32_t i = 0; i < size; i++) {
        bytes[i] = byte_of(end, n, stream->sent + i);
    }
    (void)vpt_socket_send(&stream->connection, bytes, size, &sent);
    stream->sent += (uint32_t)sent;
}

/* What is received is what the other end has sent, from its beginning. */
static void read_some(struct end *end, size_t n, uint32_t size)
{
    static uint8_t bytes[MOST];
    struct stream *stream = &end->streams[n];
    size_t got = 0;

    (void)vpt_socket_receive(&stream->connection, bytes, size, &got);
    for (uint32_t i = 0; i < got; i++) {
        assert_same(bytes[i], byte_of(end == ends ? &ends[1] : ends, n, stream->received + i));
    }
    stream->received += (uint32_t)got;
}

static void look(struct end *end)
{
    struct vpt_socket_event event;

    while (vpt_socket_poll(&end->socket, &event) == VPT_OK) {
        end->connected += (event.what & VPT_SOCKET_CONNECTED) != 0 ? 1u : 0u;
        if ((event.what & VPT_SOCKET_ENDED) != 0) {
            end->ended++;
            end->aborted += event.connection->status != VPT_OK ? 1u : 0u;
        }
    }
}

static void go_on(void)
{
    for (unsigned i = 0; i < 2; i++) {
        if (ends[1u - i].model.waiting_count < MOCK_SOCKET_WAITING / 2u) {
            mock_socket_listen(&ends[i].model);
        }
        mock_hal_tick(&ends[i].machine.hal);
        mock_device_look(&ends[i].machine.device);
    }
}

static void settle(void)
{
    for (unsigned i = 0; i < 30; i++) {
        go_on();
        look(&ends[0]);
        look(&ends[1]);
    }
}

static void begin_server(size_t n)
{
    struct stream *stream = &ends[1].streams[n];

    stream->sent = stream->received = 0;
    assert_status(vpt_socket_listen(&ends[1].socket, &stream->connection, PORT + (uint32_t)n, stream->buffer,
                                    sizeof(stream->buffer) - 1000u * n),
                  VPT_OK);
}

static void begin_client(size_t n)
{
    struct stream *stream = &ends[0].streams[n];

    stream->sent = stream->received = 0;
    assert_status(vpt_socket_connect(&ends[0].socket, &stream->connection, GUEST + 1u, PORT + (uint32_t)n,
                                     stream->buffer, sizeof(stream->buffer)),
                  VPT_OK);
}

/* All counters of an open connection that has not been used go on from `BEFORE`: as after 4 GiB. */
static void age(struct end *end, size_t n)
{
    struct vpt_socket_connection *connection = &end->streams[n].connection;
    struct mock_socket_flow *flow =
        mock_socket_flow(&end->model, connection->local_port, connection->cid, connection->port);

    cr_assert(connection->state == VPT_SOCKET_OPEN && flow != NULL);
    connection->forwarded = connection->told = BEFORE;
    connection->sent = connection->peer_forwarded = BEFORE;
    flow->sent = flow->forwarded = flow->received = BEFORE;
}

static void do_something(void)
{
    struct end *end = &ends[random_below(2)];
    size_t n = random_below(STREAMS);

    switch (random_below(8)) {
    case 0:
    case 1: send_some(end, n, random_below(4) == 0 ? random_below(3) : random_below(MOST)); break;
    case 2:
    case 3:
    case 4: read_some(end, n, 1u + (random_below(3) == 0 ? random_below(20) : random_below(MOST - 1u))); break;
    case 5:
    case 6: look(end); break;
    default: go_on(); break;
    }
}

/* Reads until nothing comes any more. */
static void read_up(void)
{
    for (unsigned i = 0; i < 40u; i++) {
        settle();
        for (size_t n = 0; n < STREAMS; n++) {
            read_some(&ends[0], n, MOST);
            read_some(&ends[1], n, MOST);
        }
    }
}

/* ---- Tests ---- */

/*
 * Both ways, past the wrap of the counters; then the ends shut down one after the other, each first in its turn.
 */
Test(socket_pair, D_VSOCK_7_D_VSOCK_9_streams_arrive_whole_and_past_4_GiB)
{
    for (unsigned kind = 0; kind < COUNT_OF(kinds); kind++) {
        start_both(kind);
        state = kind;
        for (size_t n = 0; n < STREAMS; n++) {
            begin_server(n);
            begin_client(n);
        }
        settle();
        for (size_t n = 0; n < STREAMS; n++) {
            age(&ends[0], n);
            age(&ends[1], n);
        }
        for (uint32_t i = 0; i < 20000u / (test_stride() < 8u ? 1u : 2u); i++) {
            do_something();
        }
        read_up();
        for (size_t n = 0; n < STREAMS; n++) {
            struct end *first = &ends[n % 2u];
            struct end *second = &ends[1u - n % 2u];

            send_some(first, n, 500);
            assert_status(vpt_socket_shutdown(&first->streams[n].connection, VPT_SOCKET_SEND), VPT_OK);
            settle();
            assert_same(second->streams[n].connection.peer_shut, VPT_SOCKET_SEND);
            send_some(second, n, 700); /* the other half is open */
            read_up();
            for (unsigned i = 0; i < 2; i++) {
                assert_same(ends[i].streams[n].received, ends[1u - i].streams[n].sent);
                cr_assert(ends[i].streams[n].sent > 0x20000u, "%u", ends[i].streams[n].sent);
            }
            assert_status(vpt_socket_shutdown(&second->streams[n].connection, 3), VPT_OK);
            settle();
            assert_status(first->streams[n].connection.status, VPT_OK);
            assert_status(second->streams[n].connection.status, VPT_OK);
            assert_same(ends[0].ended + ends[1].ended, 2u * n + 2u);
        }
        release_both();
    }
}

/* Begins what has ended anew. An end whose peer is gone for good has to find out by itself, or is told. */
static void renew(size_t n)
{
    struct vpt_socket_connection *client = &ends[0].streams[n].connection;
    struct vpt_socket_connection *server = &ends[1].streams[n].connection;

    if (server->state == VPT_SOCKET_CLOSED) {
        begin_server(n);
    } else if (client->state == VPT_SOCKET_CLOSED && server->state == VPT_SOCKET_LISTENING) {
        begin_client(n);
    } else if (client->state == VPT_SOCKET_CLOSED && random_below(8) == 0) {
        (void)vpt_socket_abort(server);
    } else if (server->state == VPT_SOCKET_LISTENING && random_below(64) == 0) {
        (void)vpt_socket_abort(client);
    }
}

static void restart(struct end *end)
{
    struct vpt_socket_event event;

    assert_status(vpt_device_reset(&end->mmio.device), VPT_OK);
    assert_status(vpt_socket_drain(&end->socket), VPT_OK);
    while (vpt_socket_poll(&end->socket, &event) == VPT_OK) {
        end->ended++;
    }
    assert_status(vpt_driver_restart(&end->socket.driver, NULL), VPT_OK);
}

/* Connections are aborted, devices reset, and guests moved, in the middle: what comes is always the stream so far. */
Test(socket_pair, resets_in_the_middle)
{
    for (unsigned kind = 0; kind < COUNT_OF(kinds); kind++) {
        start_both(kind);
        state = 77u + kind;
        ends[0].model.trusting = true; /* the devices forget, too, when they are reset */
        ends[1].model.trusting = true;
        for (uint32_t i = 0; i < 40000u / (test_stride() < 8u ? 1u : 2u); i++) {
            struct end *end = &ends[random_below(2)];

            do_something();
            renew(random_below(STREAMS));
            switch (random_below(2000)) {
            case 0:
            case 1:
            case 2:
            case 3:
            case 4:
            case 5: (void)vpt_socket_abort(&end->streams[random_below(STREAMS)].connection); break;
            case 6: restart(end); break;
            case 7: mock_socket_happens(&end->model, 0, mock_config_get(&end->machine.device.config, 0, 8)); break;
            default: break;
            }
        }
        cr_assert(ends[0].connected > 20u && ends[1].connected > 20u && ends[0].ended > 20u && ends[0].aborted > 5u,
                  "%u %u %u %u", ends[0].connected, ends[1].connected, ends[0].ended, ends[0].aborted);
        release_both();
    }
}
