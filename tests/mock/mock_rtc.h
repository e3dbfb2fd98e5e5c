/* SPDX-License-Identifier: MIT */
/* The simulated clock device (VirtIO 1.4, chapter 5, "RTC Device"). Clocks stand still unless the test moves them. */
#ifndef VPT_TESTS_MOCK_RTC_H
#define VPT_TESTS_MOCK_RTC_H

#include "mock_device.h"

#define MOCK_RTC_CLOCKS 4u

enum mock_rtc_queue { MOCK_RTC_REQUESTS, MOCK_RTC_ALARMS };

struct mock_rtc_clock {
    uint8_t type;
    uint8_t smearing;
    bool has_alarm;
    uint8_t counter; /* that it can be read together with; 0xff: none */
    uint64_t time;
    uint64_t alarm; /* this and the next one outlast a reset */
    bool enabled;
    bool expired; /* the driver is to be told */
};

struct mock_rtc {
    struct mock_device *device;
    bool alarms; /* it offers ALARM; set before the machine is made */
    struct mock_rtc_clock clocks[MOCK_RTC_CLOCKS];
    uint16_t clock_count;
    uint64_t counter;  /* of the CPU */
    uint8_t status;    /* not 0: the answer to each request */
    bool silent;       /* answers nothing */
    uint16_t tells;    /* the type of its notifications; 0: as in the text */
    uint32_t most;     /* bytes of a notification that are written; 0: all */
    uint32_t requests; /* since the device was made */
};

/* The backend, for mock_device_init(); its context is a struct mock_rtc. */
extern const struct mock_backend mock_rtc_backend;

/* ---- For tests ---- */

/* A clock goes on, or jumps. */
void mock_rtc_set(struct mock_rtc *rtc, uint16_t id, uint64_t time);

#endif
