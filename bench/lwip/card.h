/* The network card: virtio-net over virtio-mmio (Virtual I/O Device specification 1.2, sections 4.2 and 5.1). */
#ifndef CARD_H
#define CARD_H

#include <stdbool.h>
#include <stdint.h>

struct pbuf;

/* Finds the card, makes it ready and tells its address; false where there is none. */
bool card_start(uint8_t mac[6]);
/* Whether a frame waits. */
bool card_has_frame(void);
/* The oldest frame that waits, without a copy; its buffer goes back to the card when it is freed. */
struct pbuf *card_receive(void);
/* Copies a frame to where the card sends it from; false where all buffers are under way. */
bool card_send(const struct pbuf *frame);
/* Tells the card that its interrupt was seen. */
void card_acknowledge(void);

#endif
