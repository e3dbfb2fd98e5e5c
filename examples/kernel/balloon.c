/* SPDX-License-Identifier: MIT */
#include "balloon.h"

#include <vpt/balloon.h>

#include "ports.h"
#include "step.h"

#define PAGES 64u

/* Memory that the kernel can do without. */
static _Alignas(VPT_BALLOON_PAGE_SIZE) volatile unsigned char spare[PAGES][VPT_BALLOON_PAGE_SIZE];

static void fill(unsigned char value)
{
    for (uint32_t i = 0; i < PAGES; i++) {
        for (uint32_t n = 0; n < VPT_BALLOON_PAGE_SIZE; n++) {
            spare[i][n] = value;
        }
    }
}

/* Returns how many pages have this byte everywhere. */
static uint32_t count(unsigned char value)
{
    uint32_t same = 0;

    for (uint32_t i = 0; i < PAGES; i++) {
        uint32_t n = 0;

        while (n < VPT_BALLOON_PAGE_SIZE && spare[i][n] == value) {
            n++;
        }
        same += n == VPT_BALLOON_PAGE_SIZE ? 1u : 0u;
    }
    return same;
}

/* A kernel would give as many pages as the host wants; this one has a few to show it. */
static bool give_and_take(struct vpt_balloon *balloon)
{
    uint32_t pages[PAGES];
    uint32_t target = 0;
    uint32_t zero;

    for (uint32_t i = 0; i < PAGES; i++) {
        pages[i] = (uint32_t)(ports_device_address((const void *)(uintptr_t)spare[i]) / VPT_BALLOON_PAGE_SIZE);
    }
    fill(0x77);
    if (!step("read what the host wants", vpt_balloon_get_target(balloon, &target)) ||
        !step("give pages", vpt_balloon_inflate(balloon, pages, PAGES))) {
        return false;
    }
    zero = count(0);
    if (!step("take pages back", vpt_balloon_deflate(balloon, pages, PAGES))) {
        return false;
    }
    fill(0x78);
    print("balloon: the host wants %u pages; gave %u and took them back, %u read as zero meanwhile\n"
          "@balloon %u %u %u\n",
          (unsigned)target, PAGES, (unsigned)zero, (unsigned)target, PAGES, (unsigned)zero);
    return step("use the pages again", count(0x78) == PAGES ? VPT_OK : VPT_DEVICE_IO_ERROR);
}

bool balloon_use(const struct vpt_port *port, const struct device_place *place)
{
    static struct vpt_balloon balloon;
    struct device device;

    if (!step("open the balloon", device_open(&device, port, place)) ||
        !step("bring the balloon up", vpt_balloon_open(&balloon, device.virtio)) || !give_and_take(&balloon) ||
        !step("reset the balloon", vpt_device_reset(device.virtio)) ||
        !step("take its requests back", vpt_balloon_drain(&balloon)) ||
        !step("release the balloon", vpt_driver_release(&balloon.driver))) {
        return false;
    }
    device_close(&device);
    return true;
}
