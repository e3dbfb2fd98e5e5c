/* SPDX-License-Identifier: MIT */
#include "lies_support.h"

#include <string.h>

struct subject subject;

#define DATA    0x2000u
#define VECTORS 4u

/* What the life does to the disk. */
#define READ_SECTOR   3u
#define WRITE_SECTOR  20u
#define SECTORS       2u
#define ERRAND_SECTOR 40u
#define ZERO_SECTOR   56u
#define OLD           1u /* seeds of what is in a sector before ... */
#define NEW           2u /* ... and after a write */

/* How long a life may be, in accesses and ticks. */
#define EFFORT_MAX 20000u

static struct subject_variant variants[SUBJECT_KINDS] = {
    { SUBJECT_MMIO_1 }, { SUBJECT_MMIO_2 }, { SUBJECT_PCI_MODERN }, { SUBJECT_PCI_LEGACY }
};

struct criterion_test_params subject_variants(void)
{
    return cr_make_param_array(struct subject_variant, variants, COUNT_OF(variants));
}

static bool on_pci(void)
{
    return subject.kind >= SUBJECT_PCI_MODERN;
}

/* ---- The machine ---- */

static void make_machine(const struct mock_machine_options *options)
{
    struct mock_pci_machine_options pci = { .machine = *options };

    if (on_pci()) {
        pci.legacy = subject.kind == SUBJECT_PCI_LEGACY;
        pci.vectors = subject.kind == SUBJECT_PCI_MODERN ? VECTORS : 0;
        cr_assert(mock_pci_machine_init(&subject.pci_machine, &pci));
        subject.hal = &subject.pci_machine.hal;
        subject.mock = &subject.pci_machine.device;
        subject.disk = &subject.pci_machine.blk;
    } else {
        cr_assert(mock_machine_init(&subject.mmio_machine, options));
        subject.hal = &subject.mmio_machine.hal;
        subject.mock = &subject.mmio_machine.device;
        subject.disk = &subject.mmio_machine.blk;
    }
}

void subject_machine(enum subject_kind kind, const struct mock_completion *completion)
{
    static uint8_t data[DATA];
    struct mock_machine_options options = {
        .version = kind == SUBJECT_MMIO_1 ? 1 : 2,
        .queues = SUBJECT_QUEUES,
        .queue_maximum = 64,
        .blk = { .capacity = SUBJECT_CAPACITY,
                 .flush = true,
                 .block_size = 512,
                 .topology = true,
                 .size_max = 4096,
                 .seg_max = 8,
                 .multi_queue = true,
                 .cache_switch = true,
                 .write_back = true,
                 .write_zeroes = { .sectors = 32, .ranges = 1 } },
    };

    if (completion != NULL) {
        options.completion = *completion;
    }
    subject.kind = kind;
    make_machine(&options);
    subject.hal->wait_budget[VPT_WAIT_RESET] = 6;
    subject.hal->wait_budget[VPT_WAIT_CONFIGURATION] = 6;
    subject.hal->wait_budget[VPT_WAIT_REQUEST] = 25;
    subject.data = mock_hal_register_anywhere(subject.hal, data, sizeof(data), true);
    cr_assert(subject.data.address != NULL);
    memset(subject.queues, 0, sizeof(subject.queues));
    memset(&subject.msix, 0, sizeof(subject.msix));
    subject.device = NULL;
    subject.clean = false;
    subject.doubtful = false;
    subject.left_behind = false;
}

static uint64_t clock_now(void)
{
    return subject.hal->register_reads + subject.hal->register_writes + subject.mock->ticks +
           (on_pci() ? subject.pci_machine.bus.sequence : 0);
}

/* ---- What has to hold of each status ---- */

/* Memory is there, so that what runs out is the ring, or the pieces of a request where the device takes few. */
static bool sensible(enum vpt_status status)
{
    switch (vpt_status_group(status)) {
    case VPT_GROUP_ORDINARY:
    case VPT_GROUP_DEVICE:
    case VPT_GROUP_UNSUPPORTED: return true;
    case VPT_GROUP_RESOURCE: return status == VPT_RESOURCE_FULL || status == VPT_RESOURCE_SEGMENTS;
    default: return false;
    }
}

static const char *where(void)
{
    static const char *const transports[SUBJECT_KINDS] = { "mmio 1", "mmio 2", "pci modern", "pci legacy" };
    static char text[200];
    const struct mock_access *last = subject.mock->lies.fired != 0 ? &subject.mock->lies.last : &subject.last;

    (void)snprintf(text, sizeof(text), "%s, %s: lie \"%s\" %llu, last at %s 0x%llx of width %u, %s",
                   transports[subject.kind], subject.clean ? "afterwards" : "meanwhile", subject.lie,
                   (unsigned long long)subject.n, mock_space_name(last->space), (unsigned long long)last->offset,
                   last->width, last->write ? "write" : "read");
    return text;
}

static bool went_well(enum vpt_status status, const char *what)
{
    cr_assert(sensible(status) && (status == VPT_OK || !subject.clean), "%s: \"%s\" (%s)", what, vpt_status_str(status),
              where());
    return status == VPT_OK;
}

/* The device may have lied about the data itself, or been told lies about where it goes: nobody can tell. */
static bool data_holds(void)
{
    return !subject.hal->violations.misled && subject.mock->lies.fired_in[MOCK_SPACE_DATA] == 0;
}

#define ASSERT_HOLDS(condition) cr_assert((condition) || !data_holds(), "%s (%s)", #condition, where())

/* Whether a caller that looks at `info`, as it should, may go on to these sectors. */
static bool in_reach(uint64_t sector, uint64_t count)
{
    bool reached = subject.blk.info.capacity >= sector + count;

    cr_assert(reached || !subject.clean);
    return reached;
}

/* Whether there is more to come after a request that ended so: whether it failed by itself. */
static bool goes_on(enum vpt_status status, const char *what)
{
    if (went_well(status, what)) {
        subject.served++;
        return true;
    }
    subject.left_behind = subject.left_behind || status == VPT_DEVICE_STUCK;
    return status == VPT_DEVICE_IO_ERROR || status == VPT_DEVICE_REQUEST_STATUS || status == VPT_UNSUPPORTED_REQUEST ||
           status == VPT_RESOURCE_SEGMENTS;
}

/* ---- Bring-up ---- */

static void prepare_disk(void)
{
    for (unsigned i = 0; i < SUBJECT_CAPACITY; i++) {
        fill(subject.disk->disk + i * SECTOR, SECTOR, OLD + i);
    }
    memset(subject.errands, 0, sizeof(subject.errands));
}

/* MSI-X as a kernel sets it up, where the function has it; before the negotiation. */
static bool vectors_on(void)
{
    enum vpt_status status;

    if (subject.kind != SUBJECT_PCI_MODERN) {
        return true;
    }
    status = vpt_pci_msix_init(&subject.msix, &subject.pci_machine.address, &subject.pci_machine.bars);
    for (uint16_t i = 0; i < subject.msix.entries && i < VECTORS && status == VPT_OK; i++) {
        status = vpt_pci_msix_program(&subject.msix, i, 0xfee00000u, i);
        status = status == VPT_OK ? vpt_pci_msix_mask(&subject.msix, i, false) : status;
    }
    status = status == VPT_OK ? vpt_pci_msix_enable(&subject.msix, true) : status;
    /* A command register that reads as if decoding were off is what a caller's mistake looks like. */
    if (status == VPT_CALLER_STATE && !subject.clean) {
        return false;
    }
    return went_well(status, "MSI-X");
}

static bool probe(void)
{
    struct mock_machine *machine = &subject.mmio_machine;
    uint32_t fired = subject.mock->lies.fired;
    enum vpt_status status;

    if (on_pci()) {
        status = vpt_virtio_pci_probe(&subject.pci, &subject.pci_machine.address, &subject.pci_machine.bars,
                                      VPT_VIRTIO_PCI_ANY);
    } else {
        status = vpt_mmio_probe(&subject.mmio, machine->port, machine->mapping, machine->size);
    }
    if (!went_well(status, "probe")) {
        return false;
    }
    subject.device = on_pci() ? &subject.pci.device : &subject.mmio.device;
    subject.doubtful = subject.mock->lies.fired != fired;
    return true;
}

static bool bring_up(void)
{
    struct vpt_interrupts interrupts = { .mode = VPT_INTERRUPTS_LINE, .queues = SUBJECT_QUEUES };
    struct vpt_requests_config config = { .requests = SUBJECT_TOGETHER, .segments = 4 };
    enum vpt_status status;

    if (!vectors_on() || !went_well(vpt_blk_init(&subject.blk, subject.device, NULL), "init") ||
        !went_well(vpt_blk_ranges_init(&subject.blk, 0), "ranges")) {
        return false;
    }
    if (subject.msix.entries >= VECTORS) {
        interrupts.mode = VPT_INTERRUPTS_PER_QUEUE;
        interrupts.vectors = SUBJECT_QUEUES + 1u;
    }
    status = vpt_device_interrupts(subject.device, &interrupts);
    /* A table that has become smaller since its size was read is what a caller's mistake looks like. */
    if ((status == VPT_CALLER_RANGE && !subject.clean) || !went_well(status, "interrupts")) {
        return false;
    }
    for (uint16_t i = 0; i < SUBJECT_QUEUES && i < subject.blk.info.queues; i++) {
        status = vpt_blk_queue_init(&subject.queues[i], &subject.blk, i, &config);
        subject.left_behind = subject.left_behind || status == VPT_DEVICE_STUCK;
        if (!went_well(status, "queue")) {
            return false;
        }
    }
    return went_well(vpt_driver_start(&subject.blk.driver), "start");
}

/* ---- Requests one by one ---- */

static bool read_blocking(struct vpt_blk_queue *queue)
{
    uint8_t bytes[SECTORS * SECTOR] = { 0 };
    enum vpt_status status;

    if (!in_reach(READ_SECTOR, SECTORS)) {
        return true;
    }
    status = vpt_blk_read(queue, READ_SECTOR, bytes, sizeof(bytes));
    if (status == VPT_OK) {
        ASSERT_HOLDS(filled(bytes, SECTOR, OLD + READ_SECTOR) &&
                     filled(bytes + SECTOR, SECTOR, OLD + READ_SECTOR + 1u));
    }
    return goes_on(status, "read");
}

static bool write_blocking(struct vpt_blk_queue *queue)
{
    uint8_t bytes[SECTORS * SECTOR];
    enum vpt_status status;

    if (!in_reach(WRITE_SECTOR, SECTORS) || subject.blk.info.read_only) {
        cr_assert(!subject.clean);
        return true;
    }
    fill(bytes, sizeof(bytes), NEW);
    status = vpt_blk_write(queue, WRITE_SECTOR, bytes, sizeof(bytes));
    if (status == VPT_OK) {
        ASSERT_HOLDS(filled(subject.disk->disk + WRITE_SECTOR * SECTOR, sizeof(bytes), NEW));
    }
    return goes_on(status, "write");
}

static bool id_blocking(struct vpt_blk_queue *queue)
{
    char id[VPT_BLK_ID_SIZE + 1u];
    enum vpt_status status = vpt_blk_get_id(queue, id);

    if (status == VPT_OK) {
        ASSERT_HOLDS(strcmp(id, "mock disk") == 0);
    }
    return goes_on(status, "id");
}

static bool zero_blocking(struct vpt_blk_queue *queue)
{
    enum vpt_status status;

    if (!in_reach(ZERO_SECTOR, SECTORS) || subject.blk.info.read_only || subject.blk.info.write_zeroes.ranges == 0 ||
        ZERO_SECTOR % subject.blk.info.write_zeroes.alignment != 0 ||
        SECTORS % subject.blk.info.write_zeroes.alignment != 0) {
        cr_assert(!subject.clean);
        return true;
    }
    status = vpt_blk_write_zeroes(queue, ZERO_SECTOR, SECTORS, false);
    if (status == VPT_OK) {
        ASSERT_HOLDS(all_bytes(subject.disk->disk + ZERO_SECTOR * SECTOR, SECTORS * SECTOR, 0));
    }
    return goes_on(status, "write zeroes");
}

static bool work_one_by_one(struct vpt_blk_queue *queue)
{
    enum vpt_status status;

    if (!read_blocking(queue) || !write_blocking(queue) || !goes_on(vpt_blk_flush(queue), "flush") ||
        !id_blocking(queue) || !zero_blocking(queue)) {
        return false;
    }
    if (subject.blk.info.write_back_switch) {
        status = vpt_blk_set_write_back(&subject.blk, false);
        if (!went_well(status, "cache off") && status != VPT_DEVICE_CONFIG) {
            return false;
        }
    }
    return went_well(vpt_blk_refresh(&subject.blk), "refresh");
}

/* ---- Requests together ---- */

static struct vpt_segment errand_segment(size_t i)
{
    return (struct vpt_segment){ subject.data.device_address + i * SECTOR, SECTOR };
}

static uint8_t *errand_bytes(size_t i)
{
    return (uint8_t *)subject.data.address + i * SECTOR;
}

static struct vpt_blk_queue *errand_queue(size_t i)
{
    return &subject.queues[subject.queues[1].requests.driver != NULL ? i % SUBJECT_QUEUES : 0];
}

static void submit(size_t i)
{
    struct errand *errand = &subject.errands[i];
    struct vpt_segment segment = errand_segment(i);
    struct vpt_blk_request request = { .segments = &segment, .segment_count = 1 };
    enum vpt_status status;

    errand->operation = i % 3u == 1u ? VPT_BLK_WRITE : VPT_BLK_READ;
    errand->sector = ERRAND_SECTOR + i;
    request.operation = errand->operation;
    request.sector = errand->sector;
    if (!in_reach(errand->sector, 1) || subject.blk.info.size_max < SECTOR ||
        (errand->operation == VPT_BLK_WRITE && subject.blk.info.read_only)) {
        return;
    }
    memset(errand_bytes(i), 0, SECTOR);
    if (errand->operation == VPT_BLK_WRITE) {
        fill(errand_bytes(i), SECTOR, NEW + (uint32_t)errand->sector);
    }
    status = vpt_blk_submit(errand_queue(i), &request, errand);
    errand->submitted = went_well(status, "submit");
}

static void come_back(const struct vpt_completion *completion)
{
    struct errand *errand = completion->token;
    size_t i = (size_t)(errand - subject.errands);

    cr_assert(i < SUBJECT_TOGETHER && errand == &subject.errands[i]);
    cr_assert(errand->submitted && errand->returned == 0, "request %zu came back twice", i);
    errand->returned++;
    if (!went_well(completion->status, "completion")) {
        return;
    }
    subject.served++;
    if (errand->operation == VPT_BLK_READ) {
        ASSERT_HOLDS(filled(errand_bytes(i), SECTOR, OLD + (uint32_t)errand->sector));
    } else {
        ASSERT_HOLDS(filled(subject.disk->disk + errand->sector * SECTOR, SECTOR, NEW + (uint32_t)errand->sector));
    }
}

static unsigned on_errand(void)
{
    unsigned count = 0;

    for (size_t i = 0; i < SUBJECT_TOGETHER; i++) {
        count += subject.errands[i].submitted && subject.errands[i].returned == 0 ? 1u : 0u;
    }
    return count;
}

/* Takes what has completed; false: a queue is dead. */
static bool take_all(struct vpt_blk_queue *queue)
{
    struct vpt_completion completion;
    enum vpt_status status;

    while (queue->requests.driver != NULL && (status = vpt_requests_poll(&queue->requests, &completion)) != VPT_EMPTY) {
        if (!went_well(status, "poll")) {
            return false;
        }
        come_back(&completion);
    }
    return true;
}

static bool kick(void)
{
    for (size_t i = 0; i < SUBJECT_QUEUES && subject.queues[i].requests.driver != NULL; i++) {
        if (!went_well(vpt_requests_kick(&subject.queues[i].requests), "kick")) {
            return false;
        }
        (void)vpt_requests_notifications_on(&subject.queues[i].requests);
    }
    return true;
}

static bool work_together(void)
{
    /* While the first ones complete, others have been submitted and not yet shown to the device. */
    for (size_t i = 0; i < SUBJECT_TOGETHER; i++) {
        submit(i);
        if (i + 1u == SUBJECT_TOGETHER / 2u && !kick()) {
            return false;
        }
    }
    if (!take_all(&subject.queues[0]) || !kick()) {
        return false;
    }
    for (unsigned i = 0; i < 20u && on_errand() != 0; i++) {
        (void)vpt_device_interrupt(subject.device);
        if (!take_all(&subject.queues[0]) || !take_all(&subject.queues[1])) {
            return false;
        }
        mock_hal_tick(subject.hal);
    }
    vpt_requests_notifications_off(&subject.queues[0].requests);
    cr_assert(!subject.clean || on_errand() == 0);
    return went_well(vpt_device_check(subject.device), "check");
}

/* ---- The end ---- */

/* After a reset: what is still out comes back, then there is no more. */
static void drain(struct vpt_blk_queue *queue)
{
    struct vpt_completion completion;
    enum vpt_status status;

    if (queue->requests.driver == NULL) {
        return;
    }
    for (unsigned i = 0; i <= SUBJECT_TOGETHER; i++) {
        status = vpt_requests_poll(&queue->requests, &completion);
        if (status != VPT_OK) {
            cr_assert(status == VPT_EMPTY, "after the reset: \"%s\" (%s)", vpt_status_str(status), where());
            return;
        }
        come_back(&completion);
    }
    cr_assert_fail("more requests than there were");
}

/* A device that is stuck keeps the queues' memory. */
static void tear_down(void)
{
    enum vpt_status status = vpt_device_reset(subject.device);
    bool stuck = status == VPT_DEVICE_STUCK;

    subject.end = status;
    cr_assert(status == VPT_OK || status == VPT_DEVICE_GONE || stuck || (on_pci() && status == VPT_DEVICE_TIMEOUT),
              "reset: %s (%s)", vpt_status_str(status), where());
    cr_assert(status == VPT_OK || !subject.clean, "reset: %s (%s)", vpt_status_str(status), where());
    for (size_t i = 0; i < SUBJECT_QUEUES; i++) {
        drain(&subject.queues[i]);
        status = vpt_requests_release(&subject.queues[i].requests);
        cr_assert(status == VPT_OK || (stuck && status == VPT_DEVICE_STUCK), "release: %s (%s)", vpt_status_str(status),
                  where());
    }
    cr_assert(on_errand() == 0, "%u requests never came back (%s)", on_errand(), where());
    vpt_pci_msix_release(&subject.msix);
}

void subject_life(void)
{
    uint64_t begin = clock_now();

    prepare_disk();
    if ((subject.device != NULL || probe()) && bring_up()) {
        (void)(work_one_by_one(&subject.queues[0]) && work_together());
    }
    if (subject.device != NULL) {
        tear_down();
    }
    subject.effort = clock_now() - begin;
    cr_assert(subject.effort < EFFORT_MAX, "a life of %llu accesses", (unsigned long long)subject.effort);
}

/* ---- Afterwards ---- */

/* The function is let go of, since it is to be probed anew. */
static void forget_device(void)
{
    if (on_pci()) {
        enum vpt_status status = vpt_virtio_pci_close(&subject.pci);

        cr_assert(sensible(status), "close: %s", vpt_status_str(status));
        cr_assert(all_zero(&subject.pci, sizeof(subject.pci)));
    }
    subject.device = NULL;
}

/* Whether a lie has turned off what the function answers by. */
static bool deaf(void)
{
    uint16_t decoding = subject.kind == SUBJECT_PCI_LEGACY ? VPT_PCI_COMMAND_IO : VPT_PCI_COMMAND_MEMORY;

    return on_pci() && (mock_pci_command(&subject.pci_machine.function) & decoding) == 0;
}

/* A device that was stuck is not, once it is well again: the next reset says so, and all memory comes back. */
static void check_memory_is_back(void)
{
    struct mock_violations *violations = &subject.hal->violations;

    if (subject.device != NULL && !vpt_device_gone(subject.device)) {
        enum vpt_status status = vpt_device_reset(subject.device);

        /* The function has been told to decode no addresses any more: the kernel starts it anew. */
        subject.doubtful = subject.doubtful || (status == VPT_DEVICE_TIMEOUT && deaf());
        cr_assert(status == VPT_OK || subject.doubtful, "reset: %s (%s)", vpt_status_str(status), where());
        tear_down();
    }
    /* What a call had left to a stuck device is not for anyone to give back. */
    cr_assert(subject.left_behind || mock_hal_live_shares(subject.hal) + mock_hal_live_allocations(subject.hal) == 0,
              "memory is missing (%s)", where());
    mock_hal_abandon(subject.hal);
    cr_assert(violations->count == 0, "%s (%s)", violations->message[0], where());
}

/* What a lie has left in the device's own memory, where no reset would change it, and its own pace. */
static void mend(void)
{
    memset(&subject.mock->completion, 0, sizeof(subject.mock->completion));
    mock_config_set(&subject.mock->config, MOCK_BLK_WRITEBACK, 1, 1);
    mock_blk_resize(subject.disk, SUBJECT_CAPACITY);
    subject.disk->most_sectors = SUBJECT_CAPACITY;
}

static void finish(void)
{
    unsigned count =
        on_pci() ? mock_pci_machine_finish(&subject.pci_machine) : mock_machine_finish(&subject.mmio_machine);

    cr_assert(count == 0, "%s (%s)", subject.hal->violations.message[0], where());
}

void subject_recover(void)
{
    /* What was written to the MSI-X table outlasts a reset: nonsense there ends with the power. */
    bool gone =
        subject.mock->vanished || subject.mock->returns != 0 || subject.mock->lies.fired_in[MOCK_SPACE_MSIX] != 0;

    subject.last = subject.mock->lies.last;
    mock_lies_clear(subject.mock);
    mock_fault_clear(&subject.mock->faults, MOCK_FAULT_RESET_NEVER);
    if (gone || (subject.device != NULL && vpt_device_gone(subject.device))) {
        mock_device_return(subject.mock);
        gone = true;
    }
    check_memory_is_back();
    if ((gone || subject.doubtful) && subject.device != NULL) {
        forget_device();
    }
    mock_violations_clear(&subject.hal->violations);
    mend();
    subject.clean = true;
    subject.served = 0;
    subject_life();
    cr_assert(subject.served == 5u + SUBJECT_TOGETHER);
    forget_device();
    finish();
}

unsigned subject_lie(const struct mock_lie *lie)
{
    memset(&subject.last, 0, sizeof(subject.last));
    subject.lie = mock_lie_name(lie->how);
    subject.n = lie->first;
    return mock_lie_set(&subject.mock->lies, lie);
}

uint32_t subject_count(enum subject_kind kind, const struct mock_completion *completion, const struct mock_lie *lie)
{
    struct mock_lie counter = *lie;
    uint32_t count;

    subject_machine(kind, completion);
    counter.how = MOCK_LIE_TRUTH;
    counter.first = 1;
    counter.times = 0;
    (void)subject_lie(&counter);
    subject.clean = true;
    subject.served = 0;
    subject_life();
    count = mock_lie_fired(&subject.mock->lies, 0);
    cr_assert(count != 0 && subject.mock->lies.fired == 0);
    forget_device();
    finish();
    return count;
}
