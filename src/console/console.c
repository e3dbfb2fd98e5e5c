/* SPDX-License-Identifier: MIT */
/* A console device's bring-up and configuration (VirtIO 1.4, sections 5.3.3 to 5.3.5). */
#include "console_internal.h"

/* The most ports whose queues have a number. */
#define PORTS_MAX 0x7ffeu

struct console_config {
    uint32_t ports;
    uint16_t columns;
    uint16_t rows;
};

#define FIELD(offset, width, feature, member)                                                                 \
    {                                                                                                         \
        offset, width, VPT_CONFIG_WITH(VPT_CONSOLE_F_##feature), VPT_OFFSET_OF(struct console_config, member) \
    }

/* The first two change by themselves. */
static const struct vpt_config_field fields[] = { FIELD(0, 2, SIZE, columns), FIELD(2, 2, SIZE, rows),
                                                  FIELD(4, 4, MULTIPORT, ports) };
#define FIELDS_CHANGING 2u
#define FIELDS          (sizeof(fields) / sizeof(fields[0]))

static enum vpt_status configure(struct vpt_driver *driver)
{
    struct vpt_console *console = VPT_CONTAINER_OF(driver, struct vpt_console, driver);
    bool multiport = vpt_features_has(&driver->device->features, VPT_CONSOLE_F_MULTIPORT);
    struct console_config config = { .ports = 1 };
    enum vpt_status status = vpt_device_config_fields(driver->device, fields, FIELDS, &config);
    uint32_t i;

    if (status != VPT_OK) {
        return status;
    }
    if (config.ports == 0) {
        return VPT_DEVICE_CONFIG;
    }
    if (console->port_count == 0) {
        console->port_count = config.ports < console->room ? config.ports : console->room;
        console->queue_count = 2u * (console->port_count + (multiport ? 1u : 0u));
    }
    if (config.ports < console->port_count) {
        return VPT_UNSUPPORTED_QUEUE; /* an earlier bring-up has set more queues up */
    }
    /* A device of several ports reports them after each start. */
    for (i = 0; i < console->port_count; i++) {
        vpt_console_begin(&console->ports[i], !multiport, false);
    }
    console->ports->state.columns = config.columns;
    console->ports->state.rows = config.rows;
    return VPT_OK;
}

enum vpt_status vpt_console_init(struct vpt_console *console, struct vpt_console_port *ports, uint32_t room,
                                 struct vpt_device *device, const struct vpt_feature_choice *choice)
{
    static const struct vpt_driver_kind kind = { .type = VPT_DEVICE_TYPE_CONSOLE,
                                                 .wanted = { { (1u << VPT_CONSOLE_F_SIZE) |
                                                               (1u << VPT_CONSOLE_F_MULTIPORT) |
                                                               (1u << VPT_CONSOLE_F_EMERG_WRITE) } },
                                                 .configure = configure };
    enum vpt_status status;

    if (console == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    vpt_zero(console, sizeof(*console));
    if (ports == NULL || room == 0) {
        return VPT_CALLER_ARGUMENT;
    }
    vpt_zero(ports, room * sizeof(*ports));
    console->ports = ports;
    console->room = room < PORTS_MAX ? room : PORTS_MAX;
    status = vpt_driver_init(&console->driver, device, &kind, choice);
    if (status != VPT_OK) {
        vpt_zero(console, sizeof(*console));
    }
    return status;
}

enum vpt_status vpt_console_queue_init(struct vpt_console *console, uint32_t index,
                                       const struct vpt_requests_config *config)
{
    /* A port's two kinds of queues, then those for control messages, in one descriptor each (LEG-CONFRAME-1). */
    static const struct vpt_requests_kind kinds[4] = {
        { .reply = VPT_CONSOLE_CHUNK, .requests = 16, .started = vpt_receive_start }, /* CON-OP-1 */
        { .requests = 16, .segments = 1 },
        { .reply = sizeof(struct console_message), .requests = 128, .started = vpt_receive_start },
        { .requests = 16, .segments = 1, .started = vpt_console_announce },
    };
    bool control = index >> 1 == 1u;
    struct vpt_console_queues *queues;
    const struct vpt_requests_kind *kind;
    uint32_t size;

    if (console == NULL || console->driver.device == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (index >= console->queue_count) {
        return VPT_UNSUPPORTED_QUEUE;
    }
    queues = control ? &console->control : &console->ports[index < 2u ? 0 : (index >> 1) - 1u].queues;
    kind = &kinds[(index & 1u) + (control ? 2u : 0u)];
    size = control ? (uint32_t)sizeof(struct console_message) : VPT_CONSOLE_CHUNK;
    return vpt_requests_init((index & 1u) == 0 ? &queues->in : &queues->out, &console->driver, (uint16_t)index, kind,
                             size, config);
}

enum vpt_status vpt_console_drain(struct vpt_console *console)
{
    return console != NULL ? vpt_driver_drain(&console->driver) : VPT_CALLER_ARGUMENT;
}

enum vpt_status vpt_console_open(struct vpt_console *console, struct vpt_console_port *ports, uint32_t room,
                                 struct vpt_device *device)
{
    static const struct vpt_feature_choice port_0 = { .refused = { { 1u << VPT_CONSOLE_F_MULTIPORT } } };
    enum vpt_status status = vpt_console_init(console, ports, room, device, room == 1u ? &port_0 : NULL);
    uint32_t i;

    if (status != VPT_OK) {
        return status;
    }
    for (i = 0; i < console->queue_count && status == VPT_OK; i++) {
        status = vpt_console_queue_init(console, i, NULL);
    }
    status = vpt_driver_open(&console->driver, status);
    if (status != VPT_OK && console->driver.device == NULL) {
        vpt_zero(console, sizeof(*console));
    }
    return status;
}

enum vpt_status vpt_console_refresh(struct vpt_console *console)
{
    struct console_config config;
    enum vpt_status status =
        vpt_driver_refresh(console != NULL ? &console->driver : NULL, fields, FIELDS_CHANGING, &config);

    if (status != VPT_OK) {
        return status;
    }
    if (!vpt_features_has(&console->driver.features, VPT_CONSOLE_F_SIZE)) {
        return VPT_UNSUPPORTED_FEATURE;
    }
    console->ports->state.columns = config.columns;
    console->ports->state.rows = config.rows;
    return VPT_OK;
}
