/* SPDX-License-Identifier: MIT */
/*
 * Measures how many frames a second go through QEMU's network device, by the network driver and by two bare virtqueues.
 * The other end of each network is a socket of this process, where a datagram is a frame. The two variants take turns,
 * and the best turn of each counts: so what else the computer does meets both, and matters least.
 *
 * Prints a tab-separated line each: name, variant, metric, value, unit. Exits non-zero if a frame was lost.
 */
#define _GNU_SOURCE
#include <qtest.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <vpt/vpt.h>

#define TURNS    400u /* of each variant, in each direction */
#define FRAMES   256u /* of a turn */
#define AT_ONCE  8u   /* a socket holds ten datagrams, and QEMU has to wait if there are more */
#define BUFFERS  64u  /* for received frames */
#define LENGTH   1514u
#define HEADER   12u
#define ROOM     2048u /* bytes of a buffer */
#define PATIENCE 10u   /* seconds until a frame is lost */

enum direction { SEND, RECEIVE };

struct variant {
    const char *name;
    bool bare; /* two virtqueues without a driver */
    struct vpt_qtest *qtest;
    const struct vpt_port *port;
    void *slot;
    struct vpt_mmio mmio;
    struct vpt_memory memory; /* frames to send; of the bare queues also the buffers */
    int peer;
    struct sockaddr_un peer_address, device_address;

    struct vpt_net net;
    struct vpt_net_receiveq receiveq;
    struct vpt_net_transmitq transmitq;
    struct vpt_queue queues[2]; /* as the device numbers them: receiving, sending */

    double rate[2]; /* by direction: frames a second, at best */
    uint32_t lost[2];
};

static struct variant variants[] = { { .name = "driver" }, { .name = "virtqueue", .bare = true } };

static void check(enum vpt_status status)
{
    if (status != VPT_OK) {
        fprintf(stderr, "bench: network: %s\n", vpt_status_str(status));
        exit(1);
    }
}

static void require(bool condition, const char *what)
{
    if (!condition) {
        perror(what);
        exit(1);
    }
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* ---- The machine ---- */

static void open_peer(struct variant *variant, const char *folder)
{
    struct sockaddr_un *address[] = { &variant->peer_address, &variant->device_address };
    const struct timeval limit = { .tv_sec = PATIENCE };

    for (unsigned i = 0; i < 2; i++) {
        address[i]->sun_family = AF_UNIX;
        (void)snprintf(address[i]->sun_path, sizeof(address[i]->sun_path), "%s/%s-%u", folder, variant->name, i);
    }
    variant->peer = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    require(variant->peer >= 0 &&
                bind(variant->peer, (const struct sockaddr *)&variant->peer_address, sizeof(*address[0])) == 0 &&
                setsockopt(variant->peer, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0,
            "socket");
}

static void start_machine(struct variant *variant)
{
    char netdev[300];
    const char *const arguments[] = {
        "-netdev", netdev, "-global", "virtio-mmio.force-legacy=off", "-device", "virtio-net-device,netdev=n0", NULL
    };
    const struct vpt_qtest_options options = { .machine = VPT_QTEST_MICROVM, .arguments = arguments, .log = stderr };
    const struct vpt_qtest_machine *machine;

    (void)snprintf(netdev, sizeof(netdev), "dgram,id=n0,local.type=unix,local.path=%s,remote.type=unix,remote.path=%s",
                   variant->device_address.sun_path, variant->peer_address.sun_path);
    check(vpt_qtest_start(&variant->qtest, &options));
    variant->port = vpt_qtest_port(variant->qtest);
    machine = vpt_qtest_machine_of(variant->qtest);
    check(variant->port->mmio_map(variant->port->ctx,
                                  vpt_qtest_slot_address(machine, vpt_qtest_slot_count(machine) - 1u), 0x200,
                                  VPT_MAP_REGISTERS, &variant->slot));
    check(vpt_mmio_probe(&variant->mmio, variant->port, variant->slot, 0x200));
    check(variant->port->dma_allocate(variant->port->ctx, (AT_ONCE + BUFFERS) * ROOM, 4096, UINT64_MAX, 0,
                                      &variant->memory));
}

static void start_driver(struct variant *variant)
{
    check(vpt_net_open(&variant->net, &variant->receiveq, &variant->transmitq, &variant->mmio.device));
    vpt_requests_notifications_off(&variant->receiveq.requests);
    vpt_requests_notifications_off(&variant->transmitq.requests);
}

static struct vpt_segment piece(const struct variant *variant, uint32_t n)
{
    return (struct vpt_segment){ variant->memory.device_address + n * ROOM, HEADER + LENGTH };
}

static uint8_t *piece_bytes(const struct variant *variant, uint32_t n)
{
    return (uint8_t *)variant->memory.address + n * ROOM;
}

static void start_queues(struct variant *variant)
{
    check(vpt_device_negotiate(&variant->mmio.device, NULL, NULL, NULL));
    for (uint16_t i = 0; i < 2; i++) {
        const struct vpt_queue_config config = { .index = i };

        check(vpt_queue_init(&variant->queues[i], &variant->mmio.device, &config));
        vpt_queue_notifications_off(&variant->queues[i]);
    }
    check(vpt_device_start(&variant->mmio.device));
    for (uint32_t n = AT_ONCE; n < AT_ONCE + BUFFERS; n++) {
        const struct vpt_segment segment = piece(variant, n);

        check(vpt_queue_add(&variant->queues[0], &segment, 0, 1, piece_bytes(variant, n)));
    }
    check(vpt_queue_kick(&variant->queues[0]));
}

/* ---- Sending ---- */

static void number_frame(uint8_t *frame, uint32_t number)
{
    memcpy(frame + 14, &number, sizeof(number));
}

static bool has_number(const uint8_t *frame, uint32_t length, uint32_t number)
{
    return length == LENGTH && memcmp(frame + 14, &number, sizeof(number)) == 0;
}

static void submit_driver(struct variant *variant, uint32_t number)
{
    struct vpt_segment segments[AT_ONCE];
    struct vpt_request frames[AT_ONCE];
    uint32_t done;

    for (uint32_t i = 0; i < AT_ONCE; i++) {
        number_frame(piece_bytes(variant, i), number + i);
        segments[i] = (struct vpt_segment){ piece(variant, i).address, LENGTH };
        frames[i] = (struct vpt_request){ .segments = &segments[i], .readable = 1 };
    }
    check(vpt_net_transmit_batch(&variant->transmitq, frames, NULL, AT_ONCE, &done));
    check(vpt_requests_kick(&variant->transmitq.requests));
}

static void submit_bare(struct variant *variant, uint32_t number)
{
    for (uint32_t i = 0; i < AT_ONCE; i++) {
        const struct vpt_segment segment = piece(variant, i);

        memset(piece_bytes(variant, i), 0, HEADER);
        number_frame(piece_bytes(variant, i) + HEADER, number + i);
        check(vpt_queue_add(&variant->queues[1], &segment, 1, 0, variant));
    }
    check(vpt_queue_kick(&variant->queues[1]));
}

static uint32_t complete(struct variant *variant)
{
    struct vpt_completion completions[AT_ONCE];
    uint32_t done = 0;
    uint32_t written;
    void *token;

    if (variant->bare) {
        while (vpt_queue_pop(&variant->queues[1], &token, &written) == VPT_OK) {
            done++;
        }
    } else {
        (void)vpt_requests_poll_batch(&variant->transmitq.requests, completions, AT_ONCE, &done);
    }
    return done;
}

static void send_some(struct variant *variant, uint32_t number)
{
    uint8_t bytes[ROOM];

    if (variant->bare) {
        submit_bare(variant, number);
    } else {
        submit_driver(variant, number);
    }
    for (uint32_t i = 0; i < AT_ONCE; i++) {
        ssize_t length = recv(variant->peer, bytes, sizeof(bytes), 0);

        variant->lost[SEND] += !has_number(bytes, length < 0 ? 0 : (uint32_t)length, number + i);
    }
    for (uint32_t left = AT_ONCE; left != 0;) {
        left -= complete(variant);
    }
}

/* ---- Receiving ---- */

/* Takes frames, the first of which has this number, and gives their buffers back. Returns how many. */
static uint32_t take_driver(struct variant *variant, uint32_t number)
{
    struct vpt_net_frame frames[AT_ONCE];
    uint32_t done;

    (void)vpt_net_receive(&variant->receiveq, frames, AT_ONCE, &done);
    for (uint32_t i = 0; i < done; i++) {
        variant->lost[RECEIVE] += !has_number(frames[i].bytes, frames[i].length, number + i);
    }
    if (done != 0) {
        check(vpt_net_recycle(&variant->receiveq, frames, done));
    }
    return done;
}

static uint32_t take_bare(struct variant *variant, uint32_t number)
{
    uint32_t done = 0;
    uint32_t written;
    void *token;

    while (vpt_queue_pop(&variant->queues[0], &token, &written) == VPT_OK) {
        uint32_t n = (uint32_t)((uint8_t *)token - (uint8_t *)variant->memory.address) / ROOM;
        const struct vpt_segment segment = piece(variant, n);

        variant->lost[RECEIVE] += !has_number((uint8_t *)token + HEADER, written - HEADER, number + done);
        check(vpt_queue_add(&variant->queues[0], &segment, 0, 1, token));
        done++;
    }
    if (done != 0) {
        check(vpt_queue_kick(&variant->queues[0]));
    }
    return done;
}

static void receive_some(struct variant *variant, uint32_t number)
{
    static uint8_t bytes[LENGTH] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    const double end = now() + PATIENCE;
    uint32_t taken = 0;

    for (uint32_t i = 0; i < AT_ONCE; i++) {
        number_frame(bytes, number + i);
        require(sendto(variant->peer, bytes, sizeof(bytes), 0, (const struct sockaddr *)&variant->device_address,
                       sizeof(variant->device_address)) == (ssize_t)sizeof(bytes),
                "sendto");
    }
    while (taken < AT_ONCE && now() < end) {
        taken += variant->bare ? take_bare(variant, number + taken) : take_driver(variant, number + taken);
    }
    variant->lost[RECEIVE] += AT_ONCE - taken;
}

/* ---- The run ---- */

static void take_turn(struct variant *variant, enum direction direction)
{
    double start = now();
    double rate;

    for (uint32_t number = 0; number < FRAMES; number += AT_ONCE) {
        if (direction == SEND) {
            send_some(variant, number);
        } else {
            receive_some(variant, number);
        }
    }
    rate = FRAMES / (now() - start);
    variant->rate[direction] = rate > variant->rate[direction] ? rate : variant->rate[direction];
}

static void report(enum direction direction)
{
    const char *name = direction == SEND ? "network-send" : "network-receive";

    for (unsigned i = 0; i < 2; i++) {
        const struct variant *variant = &variants[i];

        printf("%s\t%s batch=%u\trate\t%.0f\tframes/s\n", name, variant->name, AT_ONCE, variant->rate[direction]);
        printf("%s\t%s batch=%u\tlost\t%u\tframes of %u\n", name, variant->name, AT_ONCE, variant->lost[direction],
               TURNS * FRAMES);
    }
    printf("%s\tdriver/virtqueue batch=%u\trate\t%.0f\t%%\n", name, AT_ONCE,
           100.0 * variants[0].rate[direction] / variants[1].rate[direction]);
}

int main(void)
{
    char folder[] = "/tmp/vpt-bench-XXXXXX";
    uint32_t lost = 0;

    require(mkdtemp(folder) != NULL, "mkdtemp");
    for (unsigned i = 0; i < 2; i++) {
        open_peer(&variants[i], folder);
        start_machine(&variants[i]);
        (variants[i].bare ? start_queues : start_driver)(&variants[i]);
    }
    for (unsigned turn = 0; turn < TURNS; turn++) {
        for (unsigned i = 0; i < 4; i++) {
            take_turn(&variants[i % 2u], i < 2 ? SEND : RECEIVE);
        }
    }
    for (unsigned i = 0; i < 2; i++) {
        vpt_qtest_stop(variants[i].qtest);
        (void)unlink(variants[i].peer_address.sun_path);
        (void)unlink(variants[i].device_address.sun_path);
        lost += variants[i].lost[SEND] + variants[i].lost[RECEIVE];
    }
    (void)rmdir(folder);
    report(SEND);
    report(RECEIVE);
    return lost != 0;
}
