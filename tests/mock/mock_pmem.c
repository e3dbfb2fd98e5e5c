/* SPDX-License-Identifier: MIT */
#include "mock_pmem.h"

#include "mock_backend.h"

static const struct mock_config_field fields[] = {
    { "start", MOCK_PMEM_START, 8, MOCK_CONFIG_ALWAYS, false },
    { "size", MOCK_PMEM_SIZE, 8, MOCK_CONFIG_ALWAYS, false },
};

static uint32_t handle(void *backend, struct mock_queue *queue, const struct mock_element *element)
{
    struct mock_pmem *pmem = backend;
    struct mock_violations *violations = pmem->device->violations;
    uint8_t bytes[4];

    (void)queue;
    mock_require(violations, element->readable_bytes == 4 && element->writable_bytes == 4,
                 "pmem: not a request with its answer (D-PMEM-2)");
    if (mock_element_read(pmem->device, element, 0, bytes, 4) == 4) {
        mock_require(violations, mock_load(bytes, 4, false) == 0, "pmem: a request of an unknown type (D-PMEM-2)");
        pmem->flushes++;
    }
    mock_store(bytes, 4, pmem->answer, false);
    return pmem->silent ? 0 : (uint32_t)mock_element_write(pmem->device, element, 0, bytes, 4);
}

void mock_pmem_place(struct mock_pmem *pmem, uint64_t start, uint64_t size)
{
    struct mock_config *config = &pmem->device->config;

    pmem->device->regions[0] = (struct mock_shared_region){ !pmem->options.shared_memory_lost, start, size };
    mock_config_set(config, MOCK_PMEM_START, 8, pmem->options.shared_memory ? 0xbad1 : start);
    mock_config_set(config, MOCK_PMEM_SIZE, 8, pmem->options.shared_memory ? 0xbad2 : size);
}

static void init(void *backend, struct mock_device *device)
{
    struct mock_pmem *pmem = backend;
    pmem->device = device;
    device->offered.word[0] |= pmem->options.shared_memory ? 1u : 0u;
    mock_config_init(&device->config, MOCK_FIELDS(fields), device->legacy);
    mock_pmem_place(pmem, pmem->options.start, pmem->options.size);
}

const struct mock_backend mock_pmem_backend = {
    .name = "pmem",
    .type = VPT_DEVICE_TYPE_PMEM,
    .init = init,
    .known = { { 1u } },
    .handle = handle,
    .changes = { { MOCK_PMEM_START, 8, 0, UINT64_C(0x100000001), 0 } }, /* a place whose halves are equal */
};
