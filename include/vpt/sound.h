/* SPDX-License-Identifier: MIT */
/*
 * The sound device driver (VirtIO 1.4, section 5.14): streams of samples to and from the host, moved period by period.
 *
 *     vpt_sound_open(&sound, streams, 2, &device);                     streams[n] is the device's stream n
 *     vpt_sound_describe(&streams[0]);                                 what the device can do with it
 *     vpt_sound_set_params(&streams[0], &params);
 *     vpt_sound_prepare(&streams[0]);
 *     vpt_sound_submit(&streams[0], &period, 1, token);                several periods, then a kick
 *     vpt_requests_kick(streams[0].requests);
 *     vpt_sound_start(&streams[0]);
 *     vpt_requests_poll(streams[0].requests, &completion);             a period has been played: submit the next one
 *     vpt_sound_stop(&streams[0]);
 *     vpt_sound_release(&streams[0], done, ctx);                       what was not played comes back
 *
 * A stream that captures gets empty periods in the same way. Streams that play share a queue, and so do streams that
 * capture; tokens say whose a period is. The period that comes back is the clock.
 *
 * The calls of request.h on `sound.driver` and `sound.queue` do the rest. After a reset the device has forgotten the
 * streams: poll the queues with periods, call vpt_sound_drain(), then vpt_driver_restart() or vpt_driver_release(). A
 * restart begins again with vpt_sound_describe(). Release streams before a reset where that is possible: QEMU's device
 * (10.0) remembers their periods over a reset, writes to them later, and gives them back a second time, which stops the
 * queue (VPT_DEVICE_USED_INDEX, VPT_DEVICE_USED_ID).
 *
 * Devices answer commands in a wrong order with success, and keep periods for ever that a stream cannot use. So the
 * driver keeps the state of each stream, and refuses such calls. Nobody submits to a stream, or gives it another
 * command, while a command for it is under way. Blocking calls need an idle control queue. Each waits for at most
 * VPT_WAIT_REQUEST, then the device is reset, as vpt_requests_wait() says.
 *
 * There is no legacy form of this device: it is refused behind a legacy interface.
 */
#ifndef VPT_SOUND_H
#define VPT_SOUND_H

#include <vpt/request.h>

VPT_BEGIN_DECLARATIONS

/* Bytes of a slot of the control queue, for memory.slots of its config; those of the other queues have 16. */
#define VPT_SOUND_SLOT_SIZE 80u

/* What a stream can do beside its samples: bits of `features`. */
#define VPT_SOUND_XRUNS (1u << 4) /* it tells when the host had no samples to play, or no room for captured ones */

/* Numbers of formats, which are bits of `formats` too. A name has the bits of a sample. */
enum vpt_sound_format {
    VPT_SOUND_IMA_ADPCM = 0,
    VPT_SOUND_MU_LAW = 1,
    VPT_SOUND_A_LAW = 2,
    VPT_SOUND_S8 = 3,
    VPT_SOUND_U8 = 4,
    VPT_SOUND_S16 = 5,
    VPT_SOUND_U16 = 6,
    VPT_SOUND_S18_3 = 7, /* _3: in three bytes */
    VPT_SOUND_U18_3 = 8,
    VPT_SOUND_S20_3 = 9,
    VPT_SOUND_U20_3 = 10,
    VPT_SOUND_S24_3 = 11,
    VPT_SOUND_U24_3 = 12,
    VPT_SOUND_S20 = 13,
    VPT_SOUND_U20 = 14,
    VPT_SOUND_S24 = 15,
    VPT_SOUND_U24 = 16,
    VPT_SOUND_S32 = 17,
    VPT_SOUND_U32 = 18,
    VPT_SOUND_FLOAT = 19,
    VPT_SOUND_FLOAT64 = 20,
    VPT_SOUND_DSD_U8 = 21,
    VPT_SOUND_DSD_U16 = 22,
    VPT_SOUND_DSD_U32 = 23,
    VPT_SOUND_IEC958_SUBFRAME = 24
};

/* Numbers of rates, in frames a second, which are bits of `rates` too. */
enum vpt_sound_rate {
    VPT_SOUND_5512 = 0,
    VPT_SOUND_8000 = 1,
    VPT_SOUND_11025 = 2,
    VPT_SOUND_16000 = 3,
    VPT_SOUND_22050 = 4,
    VPT_SOUND_32000 = 5,
    VPT_SOUND_44100 = 6,
    VPT_SOUND_48000 = 7,
    VPT_SOUND_64000 = 8,
    VPT_SOUND_88200 = 9,
    VPT_SOUND_96000 = 10,
    VPT_SOUND_176400 = 11,
    VPT_SOUND_192000 = 12,
    VPT_SOUND_384000 = 13,
    VPT_SOUND_12000 = 14,
    VPT_SOUND_24000 = 15
};

/* The queues of a device, by their numbers. */
enum vpt_sound_queue { VPT_SOUND_CONTROL, VPT_SOUND_EVENTS, VPT_SOUND_PLAYBACK, VPT_SOUND_CAPTURE, VPT_SOUND_QUEUES };

struct vpt_sound;

/* What the device says of a stream. */
struct vpt_sound_info {
    uint32_t function; /* a number that jacks and streams of one function have in common */
    uint32_t features; /* VPT_SOUND_XRUNS, and bits that are not used here */
    uint32_t formats;  /* bit n: enum vpt_sound_format n */
    uint32_t rates;    /* bit n: enum vpt_sound_rate n */
    bool capture;      /* it brings samples from the host; else it plays */
    uint8_t channels_min;
    uint8_t channels_max; /* whatever the device says, maybe less than channels_min */
};

/* How a stream is to work. */
struct vpt_sound_params {
    uint32_t buffer_bytes; /* what the host may keep of it: several periods, as some devices need at least four */
    uint32_t period_bytes; /* a divisor of buffer_bytes */
    uint32_t features;     /* VPT_SOUND_XRUNS, or 0 */
    uint8_t channels;      /* their samples alternate */
    uint8_t format;        /* enum vpt_sound_format */
    uint8_t rate;          /* enum vpt_sound_rate */
};

enum vpt_sound_state {
    VPT_SOUND_UNKNOWN,
    VPT_SOUND_DESCRIBED,
    VPT_SOUND_SET, /* its parameters are; also after vpt_sound_release() */
    VPT_SOUND_PREPARED,
    VPT_SOUND_RUNNING,
    VPT_SOUND_STOPPED
};

/* A stream, in the caller's memory. Read it; change nothing. */
struct vpt_sound_stream {
    struct vpt_sound *sound; /* NULL: the device does not have this stream */
    uint32_t id;
    enum vpt_sound_state state;
    struct vpt_sound_info info;    /* by vpt_sound_describe() */
    struct vpt_requests *requests; /* the queue that its periods go to and come back from; after vpt_sound_describe() */
    struct vpt_sound_params params; /* by vpt_sound_set_params() */
    uint32_t pending;               /* periods that have not come back */
    uint32_t latency;               /* bytes that the device had still to play, or to give, as it said with a period */
};

/* A sound device, in the caller's memory. Read `stream_count` and `jack_count`; change nothing. */
struct vpt_sound {
    struct vpt_driver driver;
    struct vpt_requests queue[VPT_SOUND_QUEUES];
    struct vpt_sound_stream *streams;
    uint32_t room;         /* how many streams the caller has memory for */
    uint32_t stream_count; /* how many can be used: no more than the device has */
    uint32_t jack_count;   /* whatever the device says */
};

/* What the device says of a jack. */
struct vpt_sound_jack {
    uint32_t function;
    uint32_t features;
    uint32_t defaults;     /* the pin's default configuration, and its capabilities, as the High Definition Audio ... */
    uint32_t capabilities; /* ... specification has them */
    bool connected;
};

/* What has happened. */
enum vpt_sound_event_kind {
    VPT_SOUND_IGNORED = 0, /* an event without a meaning, or about a jack or stream that is not there */
    VPT_SOUND_CONNECTED = 0x1000,
    VPT_SOUND_DISCONNECTED = 0x1001,
    VPT_SOUND_XRUN = 0x1101
};

struct vpt_sound_event {
    enum vpt_sound_event_kind kind;
    uint32_t id; /* of the stream if VPT_SOUND_XRUN, else of the jack, as the device said it */
};

/*
 * Resets the device, negotiates its features, as vpt_driver_init() does, and reads the configuration. `streams` is
 * memory for `room` streams, from stream 0 on. On failure *sound is zeroed.
 *
 * Returns
 * VPT_CALLER_ARGUMENT: a pointer is NULL, or `room` is 0.
 * VPT_UNSUPPORTED_FEATURE: the interface is a legacy one (VERSION_1 is missing), or what vpt_driver_init() says.
 * what vpt_driver_init() returns.
 *
 * Context: init, thread, panic; lock: queues; waits: reset, configuration; calls: registers, configuration, log.
 */
enum vpt_status vpt_sound_init(struct vpt_sound *sound, struct vpt_sound_stream *streams, uint32_t room,
                               struct vpt_device *device, const struct vpt_feature_choice *choice);

/*
 * Sets one queue up, after vpt_sound_init() and before vpt_driver_start(): `index` is an enum vpt_sound_queue. A queue
 * that is not needed can be left out, but for VPT_SOUND_CONTROL. If `config` is NULL, the memory is the port's, and has
 * room for one command, 16 events, and 16 periods in each direction, with 8 segments each.
 *
 * Returns
 * VPT_CALLER_ARGUMENT: `sound` is NULL, or not initialised.
 * VPT_UNSUPPORTED_QUEUE: there is no such queue.
 * what vpt_requests_init() returns.
 *
 * Context: init, thread, panic (handed over); lock: queues; waits: reset; calls: registers, configuration,
 * dma_allocate, dma_free, mmio_map, mmio_unmap, log.
 */
enum vpt_status vpt_sound_queue_init(struct vpt_sound *sound, uint16_t index, const struct vpt_requests_config *config);

/*
 * Calls vpt_sound_init(), vpt_sound_queue_init() for each queue with defaults, and vpt_driver_start(). This is for a
 * kernel that polls, or takes an interrupt line. On failure *sound is zeroed and the port has its memory back, with the
 * exception below.
 *
 * Returns
 * VPT_OK
 * VPT_DEVICE_STUCK: a reset did not finish. If a queue was set up, *sound stays as it is and the device may still
 *     access the memory: reset the device again, then call vpt_driver_release().
 * what the three calls return.
 *
 * Context: init, thread; lock: queues; waits: reset, configuration; calls: registers, configuration, dma_allocate,
 * dma_free, mmio_map, mmio_unmap, log.
 */
enum vpt_status vpt_sound_open(struct vpt_sound *sound, struct vpt_sound_stream *streams, uint32_t room,
                               struct vpt_device *device);

/*
 * Takes back all buffers after a reset, or when the device is gone, so that vpt_driver_restart() and
 * vpt_driver_release() can be called. Events that nobody has taken are lost. Periods are to be polled before, by who
 * needs their tokens.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: `sound` is NULL.
 * VPT_CALLER_STATE: the device is running or suspended; nothing was done.
 *
 * Context: init, thread, panic; lock: queues; calls: mmio_read, io_read, log.
 */
enum vpt_status vpt_sound_drain(struct vpt_sound *sound);

/*
 * Takes the next event. Call this until VPT_EMPTY, because only then the device gets its buffers again. The lock is
 * that of the event queue.
 *
 * Returns
 * VPT_OK: *event is filled.
 * VPT_EMPTY: there is no event, and the next one will interrupt.
 * VPT_CALLER_ARGUMENT: a pointer is NULL.
 * what vpt_receive() returns.
 *
 * Context: any; lock: queue; calls: registers, log.
 */
enum vpt_status vpt_sound_poll_event(struct vpt_sound *sound, struct vpt_sound_event *event);

/*
 * Asks the device about a jack.
 *
 * Returns
 * VPT_OK: *jack is filled.
 * VPT_CALLER_ARGUMENT: a pointer is NULL.
 * VPT_CALLER_RANGE: the device has no such jack.
 * VPT_DEVICE_IO_ERROR: the device says that the command is wrong, or has failed.
 * VPT_DEVICE_REQUEST_STATUS: the device has not answered as it should.
 * VPT_UNSUPPORTED_REQUEST: the device says that it cannot do this.
 * what vpt_requests_ready(), vpt_requests_submit() and vpt_requests_wait() return.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_sound_get_jack(struct vpt_sound *sound, uint32_t index, struct vpt_sound_jack *jack);

/* ---- Commands for a stream, in the order of its life. The lock is that of the control queue. ---- */

/*
 * Asks the device about a stream, unless it was asked since the device was started.
 *
 * Returns
 * VPT_OK: stream->info and stream->requests are filled.
 * VPT_CALLER_ARGUMENT: `stream` is NULL.
 * VPT_CALLER_STATE: the device does not have this stream.
 * what vpt_sound_get_jack() returns.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_sound_describe(struct vpt_sound_stream *stream);

/*
 * Says how the stream is to work, after vpt_sound_describe(), and again whenever it does not run and has no periods.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: a pointer is NULL, or buffer_bytes is not a multiple of period_bytes, or one of them is 0.
 * VPT_CALLER_STATE: the stream was not described, runs or is stopped.
 * VPT_CALLER_BUSY: periods have not come back.
 * VPT_UNSUPPORTED_REQUEST: the device has not announced this format, rate, number of channels or feature.
 * what vpt_sound_get_jack() returns.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_sound_set_params(struct vpt_sound_stream *stream, const struct vpt_sound_params *params);

/*
 * Lets the device prepare the stream. Then periods may be submitted: those of a stream that captures should be
 * submitted before vpt_sound_start().
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: `stream` is NULL.
 * VPT_CALLER_STATE: the stream is neither VPT_SOUND_SET nor VPT_SOUND_PREPARED.
 * what vpt_sound_get_jack() returns.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_sound_prepare(struct vpt_sound_stream *stream);

/*
 * Starts a stream that is prepared or stopped.
 *
 * Returns
 * VPT_CALLER_STATE: the stream is neither.
 * what vpt_sound_prepare() returns.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_sound_start(struct vpt_sound_stream *stream);

/*
 * Stops a stream that runs. Its periods stay with the device until the stream is started again or released. To hear all
 * of them, wait for them before.
 *
 * Returns
 * VPT_CALLER_STATE: the stream does not run.
 * what vpt_sound_prepare() returns.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_sound_stop(struct vpt_sound_stream *stream);

/*
 * Releases a stream that is prepared or stopped, and takes back its periods: each is given to `done` (NULL: to nobody),
 * and so are periods of other streams that come back on the same queue. Nothing is submitted to the queue meanwhile.
 * A period's memory is the kernel's only when that period has come back: a device that overwrites ids can make this
 * call count wrongly. The locks are those of the control queue and of stream->requests.
 *
 * Returns
 * VPT_OK: all periods of the stream are back.
 * VPT_CALLER_STATE: the stream is neither.
 * VPT_DEVICE_TIMEOUT: the device has not answered and was reset; or it has answered, but no period came back within
 *     VPT_WAIT_REQUEST of the one before, and only a reset returns those that are left.
 * what vpt_sound_prepare(), vpt_requests_kick() and vpt_requests_poll() return.
 *
 * Context: init, thread, panic; lock: queues; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_sound_release(struct vpt_sound_stream *stream, vpt_requests_done *done, void *ctx);

/* ---- Periods. The lock is that of stream->requests. ---- */

/*
 * Submits a period to a stream that is prepared or runs: samples to play, or room for captured ones, of period_bytes in
 * all; only the last period of a stream may have less. It comes back by vpt_requests_poll(stream->requests) with
 * `token`, and with one of these statuses; stream->latency is then what the device said with it.
 *   VPT_OK
 *   VPT_DEVICE_IO_ERROR        the device says that it could not play or capture
 *   VPT_DEVICE_REQUEST_STATUS  the device has not answered as it should
 *   VPT_UNSUPPORTED_REQUEST    the device says that it cannot do this
 * The device sees it at the next vpt_requests_kick(stream->requests).
 *
 * Returns
 * VPT_CALLER_ARGUMENT: a pointer is NULL, or there are no bytes.
 * VPT_CALLER_STATE: the stream is neither prepared nor running.
 * VPT_CALLER_TOO_LONG: it is more than a period, or what vpt_requests_submit() says.
 * what vpt_requests_submit() returns.
 *
 * Context: any; lock: queue.
 */
enum vpt_status vpt_sound_submit(struct vpt_sound_stream *stream, const struct vpt_segment *segments, uint16_t count,
                                 void *token);

/*
 * Returns how many bytes the device has captured in a period that has come back.
 *
 * Context: any; lock: none.
 */
static inline uint32_t vpt_sound_captured(const struct vpt_completion *completion)
{
    const uint32_t status = 8; /* bytes behind them, which the device counts too */

    return completion->length > status ? completion->length - status : 0u;
}

VPT_END_DECLARATIONS

#endif
