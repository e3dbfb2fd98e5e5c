/* SPDX-License-Identifier: MIT */
/*
 * The sound driver on the virtio-sound of QEMU 10: what is played is what a WAV file has, byte by byte. QEMU 7.2 has no
 * such device, so this is a program of its own, which tools/sound.sh runs.
 */
#define _XOPEN_SOURCE 700

#include "qemu_place.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

TestSuite(device_sound, .timeout = 60);

#define PERIOD  4096u /* 23 ms */
#define PERIODS 4u
#define HEADER  44u /* of the file */
#define PLAYED  24u /* periods */

#define WAV  "wav,id=a,out.frequency=44100,path="
#define NONE "none,id=a"

static struct vpt_sound sound;
static struct vpt_sound_stream streams[2];
static struct vpt_memory samples; /* PERIODS for each stream */
static char name[64];
static char tokens[2][PERIODS];

static const struct vpt_sound_params params = { .buffer_bytes = PERIODS * PERIOD,
                                                .period_bytes = PERIOD,
                                                .channels = 2,
                                                .format = VPT_SOUND_S16,
                                                .rate = VPT_SOUND_44100 };

/* Those on x86, since no other QEMU 10 is fetched; QEMU offers no legacy interface behind PCI. */
static struct place x86[PLACES_COUNT];

static struct criterion_test_params x86_places(void)
{
    size_t count = 0;

    for (unsigned i = 0; i < PLACES_COUNT; i++) {
        bool here = places[i].machine == VPT_QTEST_MICROVM || places[i].machine == VPT_QTEST_PC ||
                    places[i].machine == VPT_QTEST_Q35;

        if (here && places[i].transport != PCI_LEGACY) {
            x86[count++] = places[i];
        }
    }
    return cr_make_param_array(struct place, x86, count);
}

#define SOUND_TEST(name)                            \
    ParameterizedTestParameters(device_sound, name) \
    {                                               \
        return x86_places();                        \
    }                                               \
    ParameterizedTest(const struct place *place, device_sound, name)

/* ---- The machine ---- */

/* False: the interface is a legacy one, for which there is no such device. */
static bool start(const struct place *place, const char *host)
{
    struct fixture_options options = { .image_size = 0 };
    char audio[160];

    (void)snprintf(name, sizeof(name), "/tmp/vpt-sound-%ld.wav", (long)getpid());
    (void)snprintf(audio, sizeof(audio), "%s%s", host, strcmp(host, WAV) == 0 ? name : "");
    options.arguments[0] = "-audiodev";
    options.arguments[1] = audio;
    place_start(place, "virtio-sound", ",audiodev=a,streams=2", &options);
    if (place_is_legacy(place)) {
        assert_status(vpt_sound_open(&sound, streams, 2, placed.device), VPT_UNSUPPORTED_FEATURE);
        assert_status(vpt_device_reset(placed.device), VPT_OK);
        place_finish();
        (void)unlink(name);
        return false;
    }
    assert_status(vpt_sound_open(&sound, streams, 2, placed.device), VPT_OK);
    fixture_check_ring(placed.device);
    samples = memory_of((size_t)2u * PERIODS * PERIOD, place->iommu ? VPT_DMA_ACCESS_PLATFORM : 0);
    (void)vpt_device_interrupt(placed.device);
    place_intercept();
    return true;
}

static void end(void)
{
    assert_that((place_status() & VPT_STATUS_DEVICE_NEEDS_RESET) == 0);
    assert_status(vpt_device_reset(placed.device), VPT_OK);
    assert_status(vpt_sound_drain(&sound), VPT_OK);
    assert_status(vpt_driver_release(&sound.driver), VPT_OK);
    fixture.port->dma_free(fixture.port->ctx, &samples, placed.place.iommu ? VPT_DMA_ACCESS_PLATFORM : 0);
    place_finish();
    (void)unlink(name);
}

static void prepare(uint32_t stream)
{
    assert_status(vpt_sound_describe(&streams[stream]), VPT_OK);
    assert_status(vpt_sound_set_params(&streams[stream], &params), VPT_OK);
    assert_status(vpt_sound_prepare(&streams[stream]), VPT_OK);
}

/* ---- Periods ---- */

static uint8_t *bytes_of(uint32_t stream, uint32_t n)
{
    return (uint8_t *)samples.address + ((size_t)stream * PERIODS + n % PERIODS) * PERIOD;
}

/* Two segments, the second of which is a part of a frame longer. */
static void submit(uint32_t stream, uint32_t n)
{
    const uint64_t address = samples.device_address + ((uint64_t)stream * PERIODS + n % PERIODS) * PERIOD;
    const struct vpt_segment segments[] = { { address, 1023 }, { address + 1023u, PERIOD - 1023u } };

    assert_status(vpt_sound_submit(&streams[stream], segments, 2, &tokens[stream][n % PERIODS]), VPT_OK);
}

static void play(uint32_t n, bool silent)
{
    if (silent) {
        memset(bytes_of(0, n), 0, PERIOD);
    } else {
        fill(bytes_of(0, n), PERIOD, n + 1u);
    }
    submit(0, n);
}

/* Waits by interrupt for a period, which has to be the n-th. */
static void take(uint32_t stream, uint32_t n)
{
    struct vpt_completion completion;
    enum vpt_status status;

    for (;;) {
        uint32_t raises = vpt_qtest_line_raises(fixture.qtest, place_line());

        (void)vpt_device_interrupt(placed.device);
        status = vpt_requests_poll(streams[stream].requests, &completion);
        if (status != VPT_EMPTY) {
            break;
        }
        assert_status(vpt_qtest_wait_line(fixture.qtest, place_line(), raises, FIXTURE_WAIT), VPT_OK);
    }
    assert_status(status, VPT_OK);
    assert_status(completion.status, VPT_OK);
    assert_that(completion.token == &tokens[stream][n % PERIODS]);
    assert_that(stream == 0 || vpt_sound_captured(&completion) == PERIOD);
}

/* Plays periods from the n-th on, and silence behind them, until the file has them for certain. */
static void play_all(uint32_t n, uint32_t count)
{
    for (uint32_t i = 0; i < PERIODS; i++) {
        play(n + i, false);
    }
    assert_status(vpt_requests_kick(streams[0].requests), VPT_OK);
    assert_status(vpt_sound_start(&streams[0]), VPT_OK);
    for (uint32_t i = 0; i < count + PERIODS; i++) {
        take(0, n + i);
        play(n + i + PERIODS, i + PERIODS >= count);
        assert_status(vpt_requests_kick(streams[0].requests), VPT_OK);
    }
    assert_status(vpt_sound_stop(&streams[0]), VPT_OK);
}

/* Whether the file has these periods from an offset behind its header on. */
static void assert_in_file(size_t offset, uint32_t n, uint32_t count)
{
    uint8_t bytes[PERIOD];
    int file = open(name, O_RDONLY);

    assert_that(file >= 0);
    for (uint32_t i = 0; i < count; i++) {
        assert_that(pread(file, bytes, PERIOD, (off_t)(HEADER + offset + (size_t)i * PERIOD)) == (ssize_t)PERIOD);
        cr_assert(filled(bytes, PERIOD, n + i + 1u), "%s: period %u differs", fixture.what, n + i);
    }
    (void)close(file);
}

static void nothing(void *ctx, const struct vpt_completion *completion)
{
    (void)completion;
    ++*(uint32_t *)ctx;
}

/* ---- Tests ---- */

SOUND_TEST(SND_OUT_1_D_SND_8_D_SND_11_what_is_played)
{
    uint32_t returned = 0;

    if (!start(place, WAV)) {
        return;
    }
    prepare(0);
    play_all(0, PLAYED);
    assert_that(streams[0].pending == PERIODS);
    assert_status(vpt_sound_release(&streams[0], nothing, &returned), VPT_OK);
    assert_that(returned == PERIODS && streams[0].pending == 0);
    assert_in_file(0, 0, PLAYED);
    end();
}

SOUND_TEST(D_SND_2_D_SND_6_what_the_device_says)
{
    struct vpt_sound_event event;
    struct vpt_sound_jack jack;

    if (!start(place, NONE)) {
        return;
    }
    assert_that(sound.stream_count == 2 && sound.jack_count == 0);
    assert_status(vpt_sound_get_jack(&sound, 0, &jack), VPT_CALLER_RANGE);
    for (uint32_t i = 0; i < 2; i++) {
        const struct vpt_sound_info *info = &streams[i].info;

        assert_status(vpt_sound_describe(&streams[i]), VPT_OK);
        assert_that(info->capture == (i == 1));
        assert_that((info->formats >> VPT_SOUND_S16 & 1u) != 0 && (info->rates >> VPT_SOUND_44100 & 1u) != 0);
        assert_that(info->channels_min == 1 && info->channels_max >= 2);
    }
    assert_status(vpt_sound_poll_event(&sound, &event), VPT_EMPTY);
    end();
}

/* Both directions at once. What is captured is silence. */
SOUND_TEST(SND_IN_1_D_SND_13_playback_and_capture_at_once)
{
    if (!start(place, NONE)) {
        return;
    }
    prepare(0);
    prepare(1);
    for (uint32_t n = 0; n < PERIODS; n++) {
        memset(bytes_of(1, n), 0xa5, PERIOD);
        play(n, false);
        submit(1, n);
    }
    for (uint32_t i = 0; i < 2; i++) {
        assert_status(vpt_requests_kick(streams[i].requests), VPT_OK);
        assert_status(vpt_sound_start(&streams[i]), VPT_OK);
    }
    for (uint32_t n = 0; n < PLAYED; n++) {
        take(0, n);
        play(n + PERIODS, false);
        take(1, n);
        for (uint32_t i = 0; i < PERIOD; i++) {
            assert_that(bytes_of(1, n)[i] == 0);
        }
        memset(bytes_of(1, n), 0xa5, PERIOD);
        submit(1, n + PERIODS);
        assert_status(vpt_requests_kick(streams[0].requests), VPT_OK);
        assert_status(vpt_requests_kick(streams[1].requests), VPT_OK);
    }
    for (uint32_t i = 0; i < 2; i++) {
        uint32_t returned = 0;

        assert_status(vpt_sound_stop(&streams[i]), VPT_OK);
        assert_status(vpt_sound_release(&streams[i], nothing, &returned), VPT_OK);
        assert_that(streams[i].pending == 0);
    }
    end();
}

static void restart(void)
{
    struct vpt_completion completion;

    assert_status(vpt_device_reset(placed.device), VPT_OK);
    while (vpt_requests_poll(streams[0].requests, &completion) == VPT_OK) {
    }
    assert_status(vpt_sound_drain(&sound), VPT_OK);
    assert_status(vpt_driver_restart(&sound.driver, NULL), VPT_OK);
    assert_that(streams[0].state == VPT_SOUND_UNKNOWN);
    prepare(0);
}

static void submit_all(void)
{
    for (uint32_t n = 0; n < PERIODS; n++) {
        play(n, false);
    }
    assert_status(vpt_requests_kick(streams[0].requests), VPT_OK);
}

/* Released before it has played anything, and prepared anew, or restarted. */
SOUND_TEST(D_SND_10_CLEANUP_2_a_release_and_a_restart)
{
    if (!start(place, WAV)) {
        return;
    }
    prepare(0);
    for (uint32_t round = 0; round < 6; round++) {
        uint32_t returned = 0;

        assert_status(vpt_sound_stop(&streams[0]), VPT_CALLER_STATE);
        submit_all();
        assert_status(vpt_sound_release(&streams[0], nothing, &returned), VPT_OK);
        assert_that(returned == PERIODS);
        if (round % 2u == 0) {
            restart();
        } else {
            prepare(0);
        }
    }
    play_all(0, PERIODS);
    assert_in_file(0, 0, PERIODS);
    end();
}

/*
 * QEMU's device remembers periods over a reset, and gives them back with those that are submitted later: the library
 * finds that out, and the device works after another reset.
 */
SOUND_TEST(CLEANUP_2_a_reset_while_periods_are_pending)
{
    uint32_t returned = 0;
    enum vpt_status status;

    if (!start(place, WAV)) {
        return;
    }
    prepare(0);
    submit_all();
    restart();
    submit_all();
    status = vpt_sound_release(&streams[0], nothing, &returned);
    assert_that(status == VPT_OK || status == VPT_DEVICE_USED_INDEX || status == VPT_DEVICE_USED_ID);
    restart();
    play_all(0, PERIODS);
    assert_in_file(0, 0, PERIODS);
    end();
}
