/* SPDX-License-Identifier: MIT */
/*
 * What a call returns. The numbers are stable: they do not change between releases. The group of a status, which is its
 * number divided by 0x100, says whose fault it is.
 */
#ifndef VPT_STATUS_H
#define VPT_STATUS_H

#include <vpt/types.h>

VPT_BEGIN_DECLARATIONS

enum vpt_status {
    /* Ordinary outcomes. */
    VPT_OK = 0,
    VPT_EMPTY = 0x001,      /* nothing has completed */
    VPT_EMPTY_SLOT = 0x002, /* a virtio-mmio slot with DeviceID 0, or no PCI function */
    VPT_CANCELLED = 0x003,  /* a reset ended the request; whether the device carried it out is unknown */
    VPT_REFUSED = 0x004,    /* the hypervisor does not give the device this address of the guest */

    /* The caller's mistakes; nothing was changed. */
    VPT_CALLER_ARGUMENT = 0x101,  /* NULL, zero or malformed where that is not allowed */
    VPT_CALLER_STATE = 0x102,     /* the object is not in the state that this call needs */
    VPT_CALLER_BUSY = 0x103,      /* requests are in flight where none may be */
    VPT_CALLER_RANGE = 0x104,     /* outside the device's capacity or its configuration space */
    VPT_CALLER_READ_ONLY = 0x105, /* a write to a read-only device */
    VPT_CALLER_TOO_LONG = 0x106,  /* more segments or bytes than the queue or the device takes */
    VPT_CALLER_ALIGNMENT = 0x107, /* not a multiple of the unit that the call works in */
    VPT_CALLER_MEMORY = 0x108,    /* memory handed over is too small or misaligned */
    VPT_CALLER_BAR = 0x109,       /* a BAR that is needed has no address or no size, or impossible ones */
    VPT_CALLER_OWNED = 0x10a,     /* the device has an owner */
    VPT_CALLER_IMAGE = 0x10b,     /* a snapshot that is damaged, or of another device */

    /* The device's misbehaviour or failure. */
    VPT_DEVICE_GONE = 0x201,                 /* registers read all-ones: the device has been removed */
    VPT_DEVICE_STUCK = 0x202,                /* a reset did not finish: the device may still access its memory */
    VPT_DEVICE_NEEDS_RESET = 0x203,          /* the device says that it has failed (DEVICE_NEEDS_RESET) */
    VPT_DEVICE_TIMEOUT = 0x204,              /* no answer within the bounded wait; see also vpt_device_reset() */
    VPT_DEVICE_MAGIC = 0x205,                /* the magic value is wrong: this is no virtio-mmio device */
    VPT_DEVICE_FEATURES = 0x206,             /* the offered features contradict the transport */
    VPT_DEVICE_FEATURES_REFUSED = 0x207,     /* FEATURES_OK did not stay set */
    VPT_DEVICE_QUEUE_SIZE = 0x208,           /* a queue size that the specification does not allow */
    VPT_DEVICE_QUEUE_STATE = 0x209,          /* a queue is enabled when it must not be, or the reverse */
    VPT_DEVICE_CONFIG = 0x20a,               /* a configuration field holds an impossible value */
    VPT_DEVICE_CONFIG_UNSTABLE = 0x20b,      /* the configuration kept changing while it was read */
    VPT_DEVICE_USED_INDEX = 0x20c,           /* the used index is ahead of what is in flight */
    VPT_DEVICE_USED_ID = 0x20d,              /* a used element names no request in flight */
    VPT_DEVICE_USED_LENGTH = 0x20e,          /* no call returns this any more: such a length is clamped */
    VPT_DEVICE_IO_ERROR = 0x20f,             /* the device reports that the request failed */
    VPT_DEVICE_REQUEST_STATUS = 0x210,       /* a request's status byte was not written, or is unknown */
    VPT_DEVICE_PCI_COMMAND = 0x211,          /* the PCI command register did not take what was written */
    VPT_DEVICE_PCI_CAPABILITIES = 0x212,     /* the PCI capability list loops, or leaves its space */
    VPT_DEVICE_PCI_BAR = 0x213,              /* a BAR is unimplemented, malformed, or of the wrong kind */
    VPT_DEVICE_PCI_MSIX = 0x214,             /* MSI-X or MSI contradicts the BARs, or does not take a change */
    VPT_DEVICE_NO_COMMON = 0x215,            /* no virtio capability for the common configuration */
    VPT_DEVICE_NO_NOTIFY = 0x216,            /* no virtio capability for notifications */
    VPT_DEVICE_NO_ISR = 0x217,               /* no virtio capability for the ISR status */
    VPT_DEVICE_CAPABILITY_LENGTH = 0x218,    /* a virtio capability is too short for what it is */
    VPT_DEVICE_CAPABILITY_BAR = 0x219,       /* a virtio capability names a BAR above 5 */
    VPT_DEVICE_CAPABILITY_RANGE = 0x21a,     /* a virtio structure does not lie within its BAR, or is too small */
    VPT_DEVICE_CAPABILITY_ALIGNMENT = 0x21b, /* a virtio structure is misaligned */
    VPT_DEVICE_NOTIFY_MULTIPLIER = 0x21c,    /* an odd notify_off_multiplier */
    VPT_DEVICE_NOTIFY_OFFSET = 0x21d,        /* a queue's notification address is misaligned or outside its structure */
    VPT_DEVICE_ASSIGN_DEGRADED = 0x21e, /* a change of mappings failed and could not be undone: release the device */
    VPT_DEVICE_PCI_BRIDGE = 0x21f,      /* a bridge's bus numbers or windows do not hold what was written */

    /* Something ran out. */
    VPT_RESOURCE_FULL = 0x301,       /* no free descriptor or slot: complete something, then try again */
    VPT_RESOURCE_MEMORY = 0x302,     /* the port has no memory left */
    VPT_RESOURCE_ADDRESS = 0x303,    /* memory lies where the device cannot address it */
    VPT_RESOURCE_SEGMENTS = 0x304,   /* a buffer lies in too many pieces for one request */
    VPT_RESOURCE_PCI_WINDOW = 0x305, /* no address space left for a BAR */
    VPT_RESOURCE_PCI_BUSES = 0x306,  /* no bus number left for a bridge, or too many bridges in a row */

    /* Not supported. */
    VPT_UNSUPPORTED_PORT = 0x401,      /* the port lacks a function that the call needs */
    VPT_UNSUPPORTED_VERSION = 0x402,   /* an unknown version of the transport, or of a snapshot */
    VPT_UNSUPPORTED_DEVICE = 0x403,    /* the device is of another type than the driver */
    VPT_UNSUPPORTED_FEATURE = 0x404,   /* the device does not offer a required feature */
    VPT_UNSUPPORTED_QUEUE = 0x405,     /* the device has no such queue */
    VPT_UNSUPPORTED_REQUEST = 0x406,   /* the device or the negotiated features lack this request */
    VPT_UNSUPPORTED_VENDOR = 0x407,    /* a PCI function of another vendor than virtio's */
    VPT_UNSUPPORTED_FUNCTION = 0x408,  /* a PCI function that is no virtio device */
    VPT_UNSUPPORTED_INTERFACE = 0x409, /* the device lacks the wanted interface, legacy or modern */

    /* A port's own errors: any number in this range travels through the library unchanged. */
    VPT_PORT_ERROR_FIRST = 0x10000,
    VPT_PORT_ERROR_LAST = 0x7fffffff
};

enum vpt_status_group {
    VPT_GROUP_ORDINARY,
    VPT_GROUP_CALLER,
    VPT_GROUP_DEVICE,
    VPT_GROUP_RESOURCE,
    VPT_GROUP_UNSUPPORTED,
    VPT_GROUP_PORT,
    VPT_GROUP_UNKNOWN /* no number that this library or a port may return */
};

/*
 * Returns a short English phrase for any value, known or not, in constant storage; never NULL.
 *
 * Context: any; lock: none.
 */
const char *vpt_status_str(enum vpt_status status);

/*
 * Returns whose fault a status is.
 *
 * Context: any; lock: none.
 */
enum vpt_status_group vpt_status_group(enum vpt_status status);

VPT_END_DECLARATIONS

#endif
