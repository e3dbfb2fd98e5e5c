/* SPDX-License-Identifier: MIT */
/* Persistent memory: where it is, and flushes (VirtIO 1.4, section 5.19). */
#include <vpt/pmem.h>

#include "../access.h"
#include "../request/slots.h"

#define REGION 0u /* its shmid (PMEM-INIT-1) */

/* A flush, which is all zeroes, and its answer (D-PMEM-2). */
#define FLUSH_SIZE    4u
#define ANSWER_SIZE   4u
#define ANSWER_IS_OK  0u
#define ANSWER_ABSENT 0xffffffffu

static enum vpt_status flush_result(const struct vpt_requests *requests, const void *slot, uint32_t length)
{
    (void)requests;
    (void)length;
    return vpt_load32((const uint8_t *)slot + FLUSH_SIZE) == ANSWER_IS_OK ? VPT_OK : VPT_DEVICE_IO_ERROR;
}

static enum vpt_status read_region(struct vpt_device *device, struct vpt_shared_memory_region *region)
{
    static const struct vpt_config_field fields[] = {
        { 0, 8, 0, VPT_OFFSET_OF(struct vpt_shared_memory_region, base) },
        { 8, 8, 0, VPT_OFFSET_OF(struct vpt_shared_memory_region, length) },
    };

    if (!vpt_features_has(&device->features, VPT_PMEM_F_SHMEM_REGION)) {
        return vpt_device_config_fields(device, fields, 2, region); /* PMEM-INIT-2, D-PMEM-1 */
    }
    return vpt_device_shared_memory(device, REGION, region);
}

/* At a restart the kernel has the memory mapped already. */
static enum vpt_status configure_pmem(struct vpt_driver *driver)
{
    struct vpt_pmem *pmem = VPT_CONTAINER_OF(driver, struct vpt_pmem, driver);
    struct vpt_shared_memory_region region = { 0, 0 };
    enum vpt_status status = read_region(driver->device, &region);

    if (status == VPT_UNSUPPORTED_REQUEST ||
        (status == VPT_OK && (region.length == 0 || region.length - 1u > ~(uint64_t)0 - region.base))) {
        return VPT_DEVICE_CONFIG;
    }
    if (status == VPT_OK && pmem->region.length != 0 &&
        (pmem->region.base != region.base || pmem->region.length != region.length)) {
        return VPT_DEVICE_CONFIG;
    }
    if (status == VPT_OK) {
        pmem->region = region;
    }
    return status;
}

/* Without a device there is no memory either: it may have been read before the bring-up failed. */
static enum vpt_status settle_region(struct vpt_pmem *pmem, enum vpt_status status)
{
    if (pmem->driver.device == NULL) {
        vpt_zero(&pmem->region, sizeof(pmem->region));
    }
    return status;
}

enum vpt_status vpt_pmem_init(struct vpt_pmem *pmem, struct vpt_device *device, const struct vpt_feature_choice *choice)
{
    static const struct vpt_driver_kind kind = { .type = VPT_DEVICE_TYPE_PMEM,
                                                 .required = { { 0, 1u << (VPT_F_VERSION_1 - 32u) } },
                                                 .wanted = { { 1u << VPT_PMEM_F_SHMEM_REGION } },
                                                 .configure = configure_pmem };

    if (pmem == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    vpt_zero(pmem, sizeof(*pmem));
    return settle_region(pmem, vpt_driver_init(&pmem->driver, device, &kind, choice));
}

enum vpt_status vpt_pmem_queue_init(struct vpt_pmem *pmem, const struct vpt_requests_config *config)
{
    static const struct vpt_requests_kind kind = {
        .header = FLUSH_SIZE, .reply = ANSWER_SIZE, .requests = 1, .segments = 1, .result = flush_result
    };

    return pmem != NULL ? vpt_requests_init(&pmem->requests, &pmem->driver, 0, &kind, 0, config) : VPT_CALLER_ARGUMENT;
}

enum vpt_status vpt_pmem_open(struct vpt_pmem *pmem, struct vpt_device *device)
{
    enum vpt_status status = vpt_pmem_init(pmem, device, NULL);

    if (status == VPT_OK) {
        status = settle_region(pmem, vpt_driver_open(&pmem->driver, vpt_pmem_queue_init(pmem, NULL)));
    }
    return status;
}

enum vpt_status vpt_pmem_submit_flush(struct vpt_pmem *pmem, void *token)
{
    uint8_t *slot;

    if (pmem == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    slot = (uint8_t *)slot_next(&pmem->requests);
    if (slot != NULL) {
        vpt_store32(slot + FLUSH_SIZE, ANSWER_ABSENT);
    }
    return vpt_requests_submit(&pmem->requests, NULL, 0, 0, token);
}

enum vpt_status vpt_pmem_flush(struct vpt_pmem *pmem)
{
    struct vpt_completion completion;
    enum vpt_status status = pmem != NULL ? vpt_requests_ready(&pmem->requests) : VPT_CALLER_ARGUMENT;

    if (status == VPT_OK) {
        status = vpt_pmem_submit_flush(pmem, NULL);
    }
    if (status == VPT_OK) {
        status = vpt_requests_wait(&pmem->requests, &completion);
    }
    return status == VPT_OK ? completion.status : status;
}
