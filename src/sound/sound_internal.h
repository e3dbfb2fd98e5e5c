/* SPDX-License-Identifier: MIT */
#ifndef VPT_SRC_SOUND_INTERNAL_H
#define VPT_SRC_SOUND_INTERNAL_H

#include <vpt/sound.h>

#include "../access.h"
#include "../request/slots.h"

/* Commands. */
#define SOUND_JACK_INFO  1u
#define SOUND_PCM_INFO   0x100u
#define SOUND_SET_PARAMS 0x101u
#define SOUND_PREPARE    0x102u
#define SOUND_RELEASE    0x103u
#define SOUND_START      0x104u
#define SOUND_STOP       0x105u
#define SOUND_WORDS_MOST 6u /* of 32 bits, in a command */

/* Bytes that the device says of a jack, and of a stream (D-SND-6). */
#define SOUND_JACK_RECORD 24u
#define SOUND_PCM_RECORD  32u

/* In a slot of the queues for periods, which begins with the stream's id (D-SND-11). */
#define SOUND_PERIOD_STATUS  4u
#define SOUND_PERIOD_LATENCY 8u

/* Submits a command of `count` words to an idle control queue, and waits for its answer of `answer` bytes. */
enum vpt_status vpt_sound_carry_out(struct vpt_sound *sound, const uint32_t *words, uint32_t count, uint32_t answer);

/* Asks about one item. `*record` is where the device has said it, in a slot: read each word once. */
enum vpt_status vpt_sound_query(struct vpt_sound *sound, uint32_t code, uint32_t id, uint32_t size,
                                const uint8_t **record);

#endif
