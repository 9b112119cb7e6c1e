/* lwIP as ESP-IDF configures it by default where that decides what a request costs, without an operating system, IPv4
 * and TCP only. Pools instead of a heap: the cheaper of the two. */
#ifndef LWIPOPTS_H
#define LWIPOPTS_H

/* One loop, and nothing that interrupts it. */
#define NO_SYS 1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_NETCONN 0
#define LWIP_SOCKET 0

/* ESP-IDF's numbers. */
#define TCP_MSS 1440
#define TCP_WND (4 * TCP_MSS)
#define TCP_SND_BUF (4 * TCP_MSS)
#define TCP_OVERSIZE TCP_MSS
#define TCP_MSL 60000
#define TCP_LISTEN_BACKLOG 1
#define TCP_QUEUE_OOSEQ 1
#define LWIP_NETIF_TX_SINGLE_PBUF 1
#define CHECKSUM_CHECK_IP 0

/* As many connections as the others serve, and the one more that they accept. */
#define MEMP_NUM_TCP_PCB (SLOTS + 1)
#define MEMP_NUM_TCP_PCB_LISTEN 1
#define MEMP_NUM_TCP_SEG (4 * SLOTS)
#define MEMP_NUM_PBUF 16
#define MEM_ALIGNMENT __SIZEOF_POINTER__
/* Replies under way, each in a buffer of TCP_MSS. */
#define MEM_SIZE (2048 * SLOTS)

/* Frames are received in the card's own buffers, which the queue of early segments must not use up. */
#define LWIP_SUPPORT_CUSTOM_PBUF 1
#define PBUF_POOL_SIZE 2
#define TCP_OOSEQ_MAX_PBUFS 4
/* It compares the window with the pool that nothing is received in. */
#define LWIP_DISABLE_TCP_SANITY_CHECKS 1

#define LWIP_ARP 1
#define ARP_QUEUEING 0
#define LWIP_ICMP 1
#define LWIP_RAW 0
#define LWIP_UDP 0
#define IP_REASSEMBLY 0
#define IP_FRAG 0
#define LWIP_STATS 0

#endif
