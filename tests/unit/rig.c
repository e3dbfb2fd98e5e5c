/* SPDX-License-Identifier: MIT */
#include "rig.h"

#include <string.h>

struct rig rig;

static struct rig_variant variants[] = {
    { RIG_MMIO_LEGACY }, { RIG_MMIO_MODERN }, { RIG_PCI_LEGACY }, { RIG_PCI_MODERN }
};

struct criterion_test_params rig_variants(void)
{
    return cr_make_param_array(struct rig_variant, variants, COUNT_OF(variants));
}

bool rig_is_pci(void)
{
    return rig.kind == RIG_PCI_LEGACY || rig.kind == RIG_PCI_MODERN;
}

enum vpt_status rig_stuck_status(void)
{
    return rig_is_pci() ? VPT_DEVICE_TIMEOUT : VPT_DEVICE_STUCK;
}

static void offer_in(struct vpt_features *features, unsigned feature, bool offered)
{
    if (offered) {
        vpt_features_add(features, feature);
    } else {
        vpt_features_remove(features, feature);
    }
}

void rig_offer(unsigned feature, bool offered)
{
    offer_in(&rig.model->offered, feature, offered);
    if (rig_is_pci()) {
        unsigned interface = rig.kind == RIG_PCI_LEGACY ? MOCK_PCI_LEGACY : MOCK_PCI_MODERN;

        /* What the device takes over when a driver resets it by an interface. */
        offer_in(&rig.pci_machine.front.interface[interface].offered, feature, offered);
    }
}

void rig_pull_out(void)
{
    mock_device_vanish(rig.model);
}

void rig_plug_in(void)
{
    mock_device_return(rig.model);
}

/* ---- Bring-up and its end ---- */

static void make_machine(const struct mock_machine_options *options)
{
    if (rig_is_pci()) {
        struct mock_pci_machine_options pci = { .machine = *options, .legacy = rig.kind == RIG_PCI_LEGACY };

        cr_assert(mock_pci_machine_init(&rig.pci_machine, &pci));
        rig.hal = &rig.pci_machine.hal;
        rig.model = &rig.pci_machine.device;
        rig.port = rig.pci_machine.port;
        rig.device = &rig.pci.device;
    } else {
        struct mock_machine_options mmio = *options;

        mmio.version = rig.kind == RIG_MMIO_LEGACY ? 1 : 2;
        cr_assert(mock_machine_init(&rig.mmio_machine, &mmio));
        rig.hal = &rig.mmio_machine.hal;
        rig.model = &rig.mmio_machine.device;
        rig.port = rig.mmio_machine.port;
        rig.device = &rig.mmio.device;
    }
}

static void make_rig(enum rig_kind kind, const struct mock_machine_options *wishes)
{
    static uint8_t data[RIG_DATA_SIZE];
    struct mock_machine_options options = *wishes;

    options.queues = RIG_QUEUES;
    options.blk.capacity = 64;
    options.blk.flush = true;
    options.blk.multi_queue = true;
    memset(&rig, 0, sizeof(rig));
    rig.kind = kind;
    make_machine(&options);
    rig.data = mock_hal_register_anywhere(rig.hal, data, sizeof(data), true);
    cr_assert(rig.data.address != NULL);
}

void rig_machine(enum rig_kind kind, const struct vpt_features *offer)
{
    struct mock_machine_options options = { 0 };

    if (offer != NULL) {
        options.offer = *offer;
    }
    make_rig(kind, &options);
}

void rig_machine_like(enum rig_kind kind, const struct mock_profile *profile)
{
    make_rig(kind, &(struct mock_machine_options){ .profile = profile, .blk = { .seg_max = 16 } });
}

static enum vpt_status probe(void)
{
    return rig_is_pci()
               ? vpt_virtio_pci_probe(&rig.pci, &rig.pci_machine.address, &rig.pci_machine.bars, VPT_VIRTIO_PCI_ANY)
               : vpt_mmio_probe(&rig.mmio, rig.port, rig.mmio_machine.mapping, rig.mmio_machine.size);
}

enum vpt_status rig_bring_up(void)
{
    enum vpt_status status = probe();

    if (status == VPT_OK) {
        status = vpt_blk_init(&rig.blk, rig.device, NULL);
    }
    for (uint16_t i = 0; i < RIG_QUEUES && status == VPT_OK; i++) {
        status = vpt_blk_queue_init(&rig.queue[i], &rig.blk, i, NULL);
    }
    return status == VPT_OK ? vpt_driver_start(&rig.blk.driver) : status;
}

void rig_start(enum rig_kind kind, const struct vpt_features *offer)
{
    rig_machine(kind, offer);
    assert_status(rig_bring_up(), VPT_OK);
}

enum vpt_status rig_restart(void)
{
    return vpt_driver_restart(&rig.blk.driver, NULL);
}

void rig_release(void)
{
    for (unsigned i = 0; i < RIG_QUEUES; i++) {
        assert_status(vpt_requests_release(&rig.queue[i].requests), VPT_OK);
    }
    if (rig_is_pci()) {
        enum vpt_status status = vpt_virtio_pci_close(&rig.pci);

        cr_assert(status == VPT_OK || status == VPT_DEVICE_GONE, "%s", vpt_status_str(status));
    }
}

void rig_finish(void)
{
    unsigned violations;

    mock_hal_unregister(rig.hal, &rig.data);
    violations = rig_is_pci() ? mock_pci_machine_finish(&rig.pci_machine) : mock_machine_finish(&rig.mmio_machine);
    cr_assert(violations == 0, "the first of the violations: %s", rig.hal->violations.message[0]);
}

void rig_end(void)
{
    assert_status(vpt_device_reset(rig.device), VPT_OK);
    assert_status(rig_poll(), VPT_EMPTY);
    rig_release();
    rig_finish();
}

/* ---- Requests ---- */

static struct vpt_segment segment_of(unsigned request)
{
    return (struct vpt_segment){ rig.data.device_address + request * SECTOR, SECTOR };
}

void rig_submit(unsigned first, unsigned count)
{
    for (unsigned i = first; i < first + count; i++) {
        struct vpt_segment segment = segment_of(i);
        struct vpt_blk_request request = { .operation = i % 2 == 0 ? VPT_BLK_WRITE : VPT_BLK_READ,
                                           .sector = i,
                                           .segments = &segment,
                                           .segment_count = 1 };

        /* By halves, so that each queue has writes and reads. */
        assert_status(vpt_blk_submit(&rig.queue[i / 2 % RIG_QUEUES], &request, &rig.back[i]), VPT_OK);
    }
    for (unsigned i = 0; i < RIG_QUEUES; i++) {
        assert_status(vpt_requests_kick(&rig.queue[i].requests), VPT_OK);
    }
}

static enum vpt_status poll_queue(struct vpt_blk_queue *queue)
{
    struct vpt_completion completion;
    enum vpt_status status = vpt_requests_poll(&queue->requests, &completion);

    for (unsigned i = 0; i <= RIG_REQUESTS && status == VPT_OK; i++) {
        ptrdiff_t request = (unsigned *)completion.token - rig.back;

        cr_assert(request >= 0 && request < (ptrdiff_t)RIG_REQUESTS);
        rig.back[request]++;
        rig.status[request] = completion.status;
        status = vpt_requests_poll(&queue->requests, &completion);
    }
    return status;
}

enum vpt_status rig_poll(void)
{
    enum vpt_status result = VPT_EMPTY;

    for (unsigned i = 0; i < RIG_QUEUES; i++) {
        enum vpt_status status = poll_queue(&rig.queue[i]);

        cr_assert(status != VPT_OK);
        result = status != VPT_EMPTY ? status : result;
    }
    return result;
}

void rig_assert_back(unsigned first, unsigned count, enum vpt_status status)
{
    for (unsigned i = first; i < first + count; i++) {
        cr_assert(rig.back[i] == 1, "request %u came back %u times", i, rig.back[i]);
        cr_assert(rig.status[i] == status, "request %u: %s", i, vpt_status_str(rig.status[i]));
    }
}

void rig_forget(void)
{
    memset(rig.back, 0, sizeof(rig.back));
    memset(rig.status, 0, sizeof(rig.status));
}

static uint8_t *content(unsigned sector)
{
    struct mock_blk *blk = rig_is_pci() ? &rig.pci_machine.blk : &rig.mmio_machine.blk;

    return blk->disk + sector * SECTOR;
}

static uint8_t *data_of(unsigned request)
{
    return (uint8_t *)rig.data.address + request * SECTOR;
}

void rig_assert_works(uint32_t seed)
{
    static uint8_t bytes[4 * SECTOR];
    struct mock_completion completion = rig.model->completion;

    rig.model->completion.mode = MOCK_COMPLETE_AT_KICK;
    rig_forget();
    for (unsigned i = 0; i < RIG_REQUESTS; i++) {
        fill(i % 2 == 0 ? data_of(i) : content(i), SECTOR, seed + i);
    }
    for (unsigned i = 0; i < RIG_REQUESTS; i += RIG_TOGETHER) {
        rig_submit(i, RIG_TOGETHER);
        assert_status(rig_poll(), VPT_EMPTY);
    }
    rig_assert_back(0, RIG_REQUESTS, VPT_OK);
    for (unsigned i = 0; i < RIG_REQUESTS; i++) {
        cr_assert(filled(data_of(i), SECTOR, seed + i) && filled(content(i), SECTOR, seed + i), "request %u", i);
    }
    for (unsigned i = 0; i < RIG_QUEUES; i++) {
        fill(bytes, sizeof(bytes), seed + 100 + i);
        assert_status(vpt_blk_write(&rig.queue[i], 40, bytes, sizeof(bytes)), VPT_OK);
        cr_assert(filled(content(40), sizeof(bytes), seed + 100 + i));
        fill(content(44), sizeof(bytes), seed + 200 + i);
        assert_status(vpt_blk_read(&rig.queue[i], 44, bytes, sizeof(bytes)), VPT_OK);
        cr_assert(filled(bytes, sizeof(bytes), seed + 200 + i));
        assert_status(vpt_blk_flush(&rig.queue[i]), VPT_OK);
    }
    rig_forget();
    rig.model->completion = completion;
}
