/* SPDX-License-Identifier: MIT */
/* lwIP's options. All memory is static: what a peer can make lwIP keep is bounded by the numbers below. */
#ifndef UNIKERNEL_LWIPOPTS_H
#define UNIKERNEL_LWIPOPTS_H

/* One context calls lwIP, from one loop. */
#define NO_SYS               1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_NETCONN         0
#define LWIP_SOCKET          0

/* IPv4, with an address from DHCP. */
#define LWIP_IPV4           1
#define LWIP_IPV6           0
#define LWIP_DHCP           1
#define DHCP_DOES_ARP_CHECK 0 /* it would cost seconds at each start */
#define LWIP_RAW            0
#define LWIP_NETIF_HOSTNAME 0
#define LWIP_SINGLE_NETIF   1
#define LWIP_STATS          0
#define LWIP_TCP_KEEPALIVE  0
#define IP_REASSEMBLY       0
#define IP_FRAG             0

#define MEM_ALIGNMENT 8
#define MEM_SIZE      (4 * 1024 * 1024) /* data to send */

/* More PCBs than http_server.c has connections: those in TIME_WAIT keep one too. */
#define MEMP_NUM_TCP_PCB        128
#define MEMP_NUM_TCP_PCB_LISTEN 1
#define MEMP_NUM_TCP_SEG        2048

/* A received frame lies in one buffer. */
#define PBUF_POOL_SIZE    1024
#define PBUF_POOL_BUFSIZE 1536

/*
 * A connection that is over keeps its PCB for twice so many milliseconds. During this time lwIP refuses a new one from
 * the same port of the same peer, as an emulator's network may make soon.
 */
#define TCP_MSL 1000

#define TCP_MSS          1460
#define TCP_WND          (8 * TCP_MSS)
#define TCP_SND_BUF      (16 * TCP_MSS)
#define TCP_SND_QUEUELEN 64

#endif
