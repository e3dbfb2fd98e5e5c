/* SPDX-License-Identifier: MIT */
/* What the driver's side uses of the device. */
#ifndef VPT_TESTS_EXPLORER_EXPLORED_DEVICE_H
#define VPT_TESTS_EXPLORER_EXPLORED_DEVICE_H

#include <vpt/vpt.h>

#define TOKENS_MAX 12u

/* The data of request `token`: its address and its length say which one it is. */
extern uint8_t data[TOKENS_MAX][64];

#define DATA_LENGTH(token, segment) (16u + 2u * (token) + (segment))

extern const struct vpt_port device_ports[2];
extern uint8_t device_registers[];

/* Whether the device has used this request. The tokens begin anew with the exploration. */
bool device_has_used(unsigned token);
void device_forget(void);

/* Returns how many requests the device has used since its last reset. */
uint32_t device_returned(void);

#endif
