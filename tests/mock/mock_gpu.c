/* SPDX-License-Identifier: MIT */
#include "mock_gpu.h"

#include "mock_backend.h"

#define F_VIRGL 0u
#define F_EDID  1u

#define CONTROL 0u /* the queue */

#define HEADER      24u
#define ANSWER_MAX  (HEADER + 8u + MOCK_GPU_EDID)
#define COMMAND_MAX 56u
#define PIECE       16u
#define PIXEL       4u

#define FLAG_FENCE 1u

/* Commands. */
#define GET_DISPLAY_INFO 0x100u
#define CREATE_2D        0x101u
#define UNREF            0x102u
#define SET_SCANOUT      0x103u
#define FLUSH            0x104u
#define TRANSFER         0x105u
#define ATTACH           0x106u
#define DETACH           0x107u
#define GET_EDID         0x10au
#define UPDATE_CURSOR    0x300u
#define MOVE_CURSOR      0x301u

/* Answers. */
#define OK_NO_DATA      0x1100u
#define OK_DISPLAY_INFO 0x1101u
#define OK_EDID         0x1104u
#define UNSPECIFIED     0x1200u
#define OUT_OF_MEMORY   0x1201u
#define NO_SCANOUT      0x1202u
#define NO_RESOURCE     0x1203u
#define BAD_PARAMETER   0x1205u

static const struct mock_config_field fields[] = {
    { "events_read", MOCK_GPU_EVENTS_READ, 4, MOCK_CONFIG_ALWAYS, false },
    { "events_clear", MOCK_GPU_EVENTS_CLEAR, 4, MOCK_CONFIG_ALWAYS, true },
    { "num_scanouts", MOCK_GPU_NUM_SCANOUTS, 4, MOCK_CONFIG_ALWAYS, false },
    { "num_capsets", MOCK_GPU_NUM_CAPSETS, 4, MOCK_CONFIG_ALWAYS, false },
};

/* Each command's bytes (of one with a list: without it), and those of its answer. */
static const struct rule {
    uint32_t type;
    uint32_t size;
    uint32_t answer;
    bool fenced;
} rules[] = {
    { GET_DISPLAY_INFO, HEADER, HEADER + MOCK_GPU_SCANOUTS * 24u, false },
    { CREATE_2D, 40, HEADER, true },
    { UNREF, 32, HEADER, true },
    { SET_SCANOUT, 48, HEADER, true },
    { FLUSH, 48, HEADER, true },
    { TRANSFER, 56, HEADER, true },
    { ATTACH, 32, HEADER, true },
    { DETACH, 32, HEADER, true },
    { GET_EDID, 32, ANSWER_MAX, false },
};

/* A command that is carried out. */
struct command {
    struct mock_gpu *gpu;
    const struct mock_element *element;
    uint8_t bytes[COMMAND_MAX];
    uint8_t answer[ANSWER_MAX]; /* behind its header */
    uint32_t answer_type;       /* unless it is an error */
};

static uint32_t word(const struct command *command, unsigned offset)
{
    return (uint32_t)mock_load(command->bytes + offset, 4, false);
}

static struct mock_gpu_rectangle rectangle_of(const struct command *command)
{
    return (struct mock_gpu_rectangle){ word(command, 24), word(command, 28), word(command, 32), word(command, 36) };
}

struct mock_gpu_resource *mock_gpu_find(struct mock_gpu *gpu, uint32_t id)
{
    for (unsigned i = 0; i < MOCK_GPU_RESOURCES && id != 0; i++) {
        if (gpu->resources[i].id == id) {
            return &gpu->resources[i];
        }
    }
    return NULL;
}

static bool within(const struct mock_gpu_rectangle *rectangle, uint32_t width, uint32_t height)
{
    return rectangle->width != 0 && rectangle->height != 0 && (uint64_t)rectangle->x + rectangle->width <= width &&
           (uint64_t)rectangle->y + rectangle->height <= height;
}

/* ---- Resources ---- */

static uint32_t create(struct command *command)
{
    struct mock_gpu *gpu = command->gpu;
    uint32_t id = word(command, 24);

    if (!require(gpu, id != 0 && mock_gpu_find(gpu, id) == NULL, "a resource id that is 0 or in use (D-GPU-7)")) {
        return NO_RESOURCE;
    }
    for (unsigned i = 0; i < MOCK_GPU_RESOURCES; i++) {
        struct mock_gpu_resource *resource = &gpu->resources[i];

        if (resource->id == 0) {
            memset(resource, 0, sizeof(*resource));
            resource->id = id;
            resource->format = word(command, 28);
            resource->width = word(command, 32);
            resource->height = word(command, 36);
            require(gpu, resource->width != 0 && resource->height != 0, "a resource without pixels");
            return OK_NO_DATA;
        }
    }
    return OUT_OF_MEMORY;
}

static uint32_t unref(struct mock_gpu *gpu, struct mock_gpu_resource *resource)
{
    for (unsigned i = 0; i < MOCK_GPU_SCANOUTS; i++) {
        if (gpu->scanouts[i].resource == resource->id) {
            gpu->scanouts[i].resource = 0;
        }
    }
    resource->id = 0;
    return OK_NO_DATA;
}

static uint32_t attach(struct command *command, struct mock_gpu_resource *resource)
{
    struct mock_gpu *gpu = command->gpu;
    uint32_t count = word(command, 28);
    uint64_t size = 32u + (uint64_t)count * PIECE;

    if (!require(gpu, command->element->readable_bytes == size, "a list that is not as long as it says (D-GPU-11)") ||
        resource->backed || count > MOCK_GPU_PIECES) {
        return UNSPECIFIED;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint8_t piece[PIECE];

        if (mock_element_read(gpu->device, command->element, 32u + (uint64_t)i * PIECE, piece, PIECE) != PIECE) {
            return UNSPECIFIED;
        }
        resource->pieces[i].address = mock_load(piece, 8, false);
        resource->pieces[i].length = (uint32_t)mock_load(piece + 8, 4, false);
        require(gpu, mock_load(piece + 12, 4, false) == 0, "padding in a list");
        require(gpu, resource->pieces[i].length != 0, "an empty piece of memory");
    }
    resource->piece_count = count;
    resource->backed = true;
    return OK_NO_DATA;
}

/* Copies bytes out of the backing; false: it does not reach so far. */
static bool read_backing(const struct mock_gpu *gpu, const struct mock_gpu_resource *resource, uint64_t offset,
                         uint8_t *bytes, uint32_t size)
{
    uint32_t i = 0;

    while (size != 0) {
        const uint8_t *at;
        uint32_t part;

        while (i < resource->piece_count && offset >= resource->pieces[i].length) {
            offset -= resource->pieces[i].length;
            i++;
        }
        if (i == resource->piece_count) {
            return false;
        }
        part = resource->pieces[i].length - (uint32_t)offset;
        part = part < size ? part : size;
        at = mock_memory_reach(gpu->device->memory, resource->pieces[i].address + offset, part, false, "pixels");
        if (at == NULL) {
            return false;
        }
        memcpy(bytes, at, part);
        bytes += part;
        offset += part;
        size -= part;
    }
    return true;
}

static bool has_pixels(const struct mock_gpu_resource *resource)
{
    return (uint64_t)resource->width * resource->height <= MOCK_GPU_PIXELS;
}

static uint32_t transfer(struct command *command, struct mock_gpu_resource *resource)
{
    struct mock_gpu *gpu = command->gpu;
    struct mock_gpu_rectangle from = rectangle_of(command);
    uint64_t offset = mock_load(command->bytes + 40, 8, false);
    uint64_t stride = (uint64_t)resource->width * PIXEL;

    require(gpu, within(&from, resource->width, resource->height), "a transfer outside its resource");
    require(gpu, offset == from.y * stride + from.x * (uint64_t)PIXEL, "a transfer from elsewhere (D-GPU-10)");
    if (!require(gpu, resource->backed, "a transfer without memory") ||
        !within(&from, resource->width, resource->height)) {
        return BAD_PARAMETER;
    }
    for (uint32_t row = 0; row < from.height && has_pixels(resource); row++) {
        if (!require(gpu,
                     read_backing(gpu, resource, offset + row * stride,
                                  (uint8_t *)&resource->pixels[(from.y + row) * resource->width + from.x],
                                  from.width * PIXEL),
                     "a transfer from memory that is too small")) {
            return BAD_PARAMETER;
        }
    }
    return OK_NO_DATA;
}

/* ---- Displays ---- */

static void show(const struct mock_gpu_resource *resource, struct mock_gpu_scanout *scanout,
                 const struct mock_gpu_rectangle *changed)
{
    for (uint32_t row = changed->y; row < changed->y + changed->height; row++) {
        for (uint32_t column = changed->x; column < changed->x + changed->width; column++) {
            uint32_t x = column - scanout->rectangle.x;
            uint32_t y = row - scanout->rectangle.y;

            if (x < scanout->rectangle.width && y < scanout->rectangle.height) {
                scanout->shown[y * scanout->rectangle.width + x] = resource->pixels[row * resource->width + column];
            }
        }
    }
    scanout->flushes++;
}

static uint32_t flush(struct command *command, const struct mock_gpu_resource *resource)
{
    struct mock_gpu *gpu = command->gpu;
    struct mock_gpu_rectangle changed = rectangle_of(command);

    if (!require(gpu, within(&changed, resource->width, resource->height), "a flush outside its resource")) {
        return BAD_PARAMETER;
    }
    for (unsigned i = 0; i < MOCK_GPU_SCANOUTS; i++) {
        if (gpu->scanouts[i].resource == resource->id && has_pixels(resource)) {
            show(resource, &gpu->scanouts[i], &changed);
        }
    }
    return OK_NO_DATA;
}

static uint32_t set_scanout(struct command *command)
{
    struct mock_gpu *gpu = command->gpu;
    struct mock_gpu_rectangle part = rectangle_of(command);
    uint32_t index = word(command, 40);
    uint32_t id = word(command, 44);
    const struct mock_gpu_resource *resource = mock_gpu_find(gpu, id);

    if (!require(gpu, index < gpu->options.scanouts && index < MOCK_GPU_SCANOUTS, "a display that does not exist")) {
        return NO_SCANOUT;
    }
    if (id == 0) {
        memset(&gpu->scanouts[index], 0, sizeof(gpu->scanouts[index]));
        return OK_NO_DATA;
    }
    if (!require(gpu, resource != NULL, "an unknown resource is shown")) {
        return NO_RESOURCE;
    }
    if (!require(gpu, within(&part, resource->width, resource->height), "more than a resource is shown (D-GPU-9)")) {
        return BAD_PARAMETER;
    }
    memset(&gpu->scanouts[index], 0, sizeof(gpu->scanouts[index]));
    gpu->scanouts[index].resource = id;
    gpu->scanouts[index].rectangle = part;
    return OK_NO_DATA;
}

static uint32_t get_display_info(struct command *command)
{
    const struct mock_gpu_options *options = &command->gpu->options;

    for (unsigned i = 0; i < MOCK_GPU_SCANOUTS && i < options->scanouts; i++) {
        uint8_t *record = command->answer + 24u * i;

        mock_store(record, 4, options->size[i].x, false);
        mock_store(record + 4, 4, options->size[i].y, false);
        mock_store(record + 8, 4, options->size[i].width, false);
        mock_store(record + 12, 4, options->size[i].height, false);
        mock_store(record + 16, 4, options->enabled[i] ? 1 : 0, false);
    }
    command->answer_type = OK_DISPLAY_INFO;
    return OK_NO_DATA;
}

static uint32_t get_edid(struct command *command)
{
    const struct mock_gpu_options *options = &command->gpu->options;
    uint32_t index = word(command, 24);

    require(command->gpu, vpt_features_has(&command->gpu->device->accepted, F_EDID), "an EDID without the feature");
    if (!require(command->gpu, index < options->scanouts, "the EDID of a display that does not exist")) {
        return NO_SCANOUT;
    }
    mock_store(command->answer, 4, options->edid_size, false);
    memcpy(command->answer + 8, options->edid, MOCK_GPU_EDID);
    command->answer[8] = (uint8_t)(command->answer[8] + index);
    command->answer_type = OK_EDID;
    return OK_NO_DATA;
}

/* ---- Commands ---- */

static uint32_t with_resource(struct command *command, uint32_t id)
{
    struct mock_gpu *gpu = command->gpu;
    struct mock_gpu_resource *resource = mock_gpu_find(gpu, id);

    if (!require(gpu, resource != NULL, "an unknown resource")) {
        return NO_RESOURCE;
    }
    switch (word(command, 0)) {
    case UNREF: return unref(gpu, resource);
    case ATTACH: return attach(command, resource);
    case DETACH:
        require(gpu, resource->backed, "memory is detached that was not attached");
        resource->backed = false;
        resource->piece_count = 0;
        return OK_NO_DATA;
    case FLUSH: return flush(command, resource);
    default: return transfer(command, resource);
    }
}

static uint32_t carry_out(struct command *command)
{
    uint32_t type = word(command, 0);

    if (mock_fault_fires(&command->gpu->device->faults, MOCK_FAULT_IO_ERROR, NULL)) {
        return UNSPECIFIED;
    }
    switch (type) {
    case GET_DISPLAY_INFO: return get_display_info(command);
    case CREATE_2D: return create(command);
    case SET_SCANOUT: return set_scanout(command);
    case GET_EDID: return get_edid(command);
    case FLUSH: return with_resource(command, word(command, 40));
    case TRANSFER: return with_resource(command, word(command, 48));
    default: return with_resource(command, word(command, 24));
    }
}

static const struct rule *rule_of(uint32_t type)
{
    for (unsigned i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (rules[i].type == type) {
            return &rules[i];
        }
    }
    return NULL;
}

/* Whether a command is framed as it should; the padding is 0. */
static bool check_command(const struct command *command, const struct rule *rule)
{
    const struct mock_gpu *gpu = command->gpu;
    const struct mock_element *element = command->element;

    if (!require(gpu, rule != NULL, "an unknown command") ||
        !require(gpu, element->readable_bytes == rule->size || (rule->type == ATTACH && element->readable_bytes >= 32u),
                 "a command of another size") ||
        !require(gpu, element->writable_bytes == rule->answer, "room for another answer")) {
        return false;
    }
    require(gpu, word(command, 4) == (rule->fenced ? FLAG_FENCE : 0), "flags (GPU-FENCE-1)");
    require(gpu, word(command, 16) == 0 && word(command, 20) == 0, "a header with more than a fence (D-GPU-3)");
    return true;
}

static uint32_t answer(struct command *command, const struct rule *rule, uint32_t type)
{
    const struct mock_gpu_options *options = &command->gpu->options;
    uint8_t bytes[HEADER + sizeof(command->answer)] = { 0 };
    uint32_t size = type == OK_NO_DATA ? rule->answer : HEADER;

    type = type == OK_NO_DATA ? command->answer_type : type;
    if (!mock_backend_status(command->gpu->device, &type, 0x1110)) {
        return 0;
    }
    mock_store(bytes, 4, type, false);
    if ((word(command, 4) & FLAG_FENCE) != 0) {
        mock_store(bytes + 4, 4, FLAG_FENCE & ~options->fence_flags_off, false);
        mock_store(bytes + 8, 8, mock_load(command->bytes + 8, 8, false) ^ options->fence_wrong, false);
    }
    memcpy(bytes + HEADER, command->answer, sizeof(command->answer) - HEADER);
    if (options->answer_most != 0 && options->answer_most < size) {
        size = options->answer_most;
    }
    return (uint32_t)mock_element_write(command->gpu->device, command->element, 0, bytes, size);
}

static uint32_t control(struct mock_gpu *gpu, const struct mock_element *element)
{
    struct command command = { .gpu = gpu, .element = element, .answer_type = OK_NO_DATA };
    const struct rule *rule;

    if (!require(gpu, mock_element_read(gpu->device, element, 0, command.bytes, COMMAND_MAX) >= HEADER,
                 "not even a header")) {
        mock_device_needs_reset(gpu->device);
        return 0;
    }
    rule = rule_of(word(&command, 0));
    if (!check_command(&command, rule)) {
        mock_device_needs_reset(gpu->device);
        return 0;
    }
    if (rule->fenced) {
        uint64_t fence = mock_load(command.bytes + 8, 8, false);

        require(gpu, !gpu->fenced || fence != gpu->last_fence, "a fence that is not new");
        gpu->fenced = true;
        gpu->last_fence = fence;
    }
    gpu->commands++;
    gpu->last_type = rule->type;
    gpu->last_lists = element->readable - 1u;
    return answer(&command, rule, carry_out(&command));
}

/* ---- Cursors ---- */

static uint32_t cursor(struct mock_gpu *gpu, const struct mock_element *element)
{
    struct command command = { .gpu = gpu, .element = element };
    uint32_t index;
    uint32_t id;

    if (!require(gpu,
                 element->readable_bytes == COMMAND_MAX &&
                     mock_element_read(gpu->device, element, 0, command.bytes, COMMAND_MAX) == COMMAND_MAX,
                 "not a command for a cursor (D-GPU-13)")) {
        return 0;
    }
    index = word(&command, 24);
    id = word(&command, 40);
    if (!require(gpu, index < gpu->options.scanouts && index < MOCK_GPU_SCANOUTS, "the cursor of no display")) {
        return 0;
    }
    gpu->cursors[index].x = word(&command, 28);
    gpu->cursors[index].y = word(&command, 32);
    if (word(&command, 0) == MOVE_CURSOR) {
        gpu->cursors[index].moves++;
    } else if (require(gpu, word(&command, 0) == UPDATE_CURSOR, "an unknown command for a cursor")) {
        const struct mock_gpu_resource *resource = mock_gpu_find(gpu, id);

        require(gpu, id == 0 || (resource != NULL && resource->width == 64 && resource->height == 64),
                "a cursor without a picture of 64 times 64 (OUT-GPU-3)");
        gpu->cursors[index].resource = id;
        gpu->cursors[index].hot_x = word(&command, 44);
        gpu->cursors[index].hot_y = word(&command, 48);
        gpu->cursors[index].updates++;
    }
    return 0; /* as QEMU's (D-GPU-14) */
}

static uint32_t handle(void *backend, struct mock_queue *queue, const struct mock_element *element)
{
    return queue->index == CONTROL ? control(backend, element) : cursor(backend, element);
}

/* ---- The device ---- */

static void reset(void *backend)
{
    struct mock_gpu *gpu = backend;

    memset(gpu->resources, 0, sizeof(gpu->resources));
    memset(gpu->scanouts, 0, sizeof(gpu->scanouts));
    memset(gpu->cursors, 0, sizeof(gpu->cursors));
    gpu->fenced = false;
}

/* Bits that are written to events_clear go out in events_read. */
static void config_written(void *backend, unsigned offset)
{
    struct mock_gpu *gpu = backend;
    struct mock_config *config = &gpu->device->config;
    uint64_t events = mock_config_get(config, MOCK_GPU_EVENTS_READ, 4);

    if (offset == MOCK_GPU_EVENTS_CLEAR) {
        mock_config_set(config, MOCK_GPU_EVENTS_READ, 4, events & ~mock_config_get(config, MOCK_GPU_EVENTS_CLEAR, 4));
        mock_config_set(config, MOCK_GPU_EVENTS_CLEAR, 4, 0);
    }
}

void mock_gpu_change(struct mock_gpu *gpu, uint32_t scanout, uint32_t width, uint32_t height, bool enabled)
{
    struct mock_config *config = &gpu->device->config;

    gpu->options.size[scanout].width = width;
    gpu->options.size[scanout].height = height;
    gpu->options.enabled[scanout] = enabled;
    mock_config_set(config, MOCK_GPU_EVENTS_READ, 4, mock_config_get(config, MOCK_GPU_EVENTS_READ, 4) | 1u);
    mock_device_configuration_changed(gpu->device);
}

static void init(void *backend, struct mock_device *device)
{
    struct mock_gpu *gpu = backend;
    struct mock_config *config = &device->config;
    const struct mock_gpu_options options = gpu->options;

    memset(gpu, 0, sizeof(*gpu));
    gpu->device = device;
    gpu->options = options;
    mock_config_init(config, MOCK_FIELDS(fields), device->legacy);
    mock_config_set(config, MOCK_GPU_NUM_SCANOUTS, 4, options.scanouts);
    memset(config->changed, 0, sizeof(config->changed));
    vpt_features_add(&device->offered, F_EDID);
    vpt_features_add(&device->offered, F_VIRGL);
}

const struct mock_backend mock_gpu_backend = {
    .name = "gpu",
    .type = VPT_DEVICE_TYPE_GPU,
    .init = init,
    .queues = MOCK_GPU_QUEUES,
    .known = { { 0x3f } },
    .reset = reset,
    .handle = handle,
    .config_written = config_written,
    .changes = { { MOCK_GPU_EVENTS_READ, 4, 1, 2, 0 }, { MOCK_GPU_NUM_SCANOUTS, 4, 2, 1, 2 } },
};
