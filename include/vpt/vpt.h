/* SPDX-License-Identifier: MIT */
/* Includes all public headers. */
#ifndef VPT_VPT_H
#define VPT_VPT_H

#include <vpt/9p.h>
#include <vpt/assign.h>
#include <vpt/assign_dma.h>
#include <vpt/assign_remap.h>
#include <vpt/assign_snapshot.h>
#include <vpt/balloon.h>
#include <vpt/blk.h>
#include <vpt/console.h>
#include <vpt/entropy.h>
#include <vpt/features.h>
#include <vpt/fs.h>
#include <vpt/gpu.h>
#include <vpt/input.h>
#include <vpt/mmio.h>
#include <vpt/net.h>
#include <vpt/pci.h>
#include <vpt/pmem.h>
#include <vpt/port.h>
#include <vpt/queue.h>
#include <vpt/request.h>
#include <vpt/sound.h>
#include <vpt/scsi.h>
#include <vpt/rtc.h>
#include <vpt/socket.h>
#include <vpt/status.h>
#include <vpt/transport.h>
#include <vpt/types.h>
#include <vpt/virtio_pci.h>

#define VPT_VERSION_MAJOR 0
#define VPT_VERSION_MINOR 1
#define VPT_VERSION_PATCH 0

#endif
