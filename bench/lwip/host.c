/* The same server on Linux: board and card are a process and its tap device, tap0. */
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "board.h"
#include "card.h"
#include "lwip/pbuf.h"

#define FRAME_LEN 1514

static int tap = -1;

void board_print(const char *text) {
  fputs(text, stdout);
  fflush(stdout);
}

void board_fail(const char *why) {
  fprintf(stderr, "%s\n", why);
  exit(1);
}

static uint64_t passed_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t board_ticks(void) { return passed_us() * 10; }

uint32_t board_ms(void) { return (uint32_t)(passed_us() / 1000); }

uint32_t board_random(void) { return (uint32_t)random(); }

void board_enable(uint32_t source) { (void)source; }

void board_wait(uint32_t ms_max, bool (*ready)(void)) {
  struct pollfd waited = {.fd = tap, .events = POLLIN};
  if (!ready()) poll(&waited, 1, (int)ms_max);
}

bool card_start(uint8_t mac[6]) {
  struct ifreq request = {.ifr_name = "tap0", .ifr_flags = IFF_TAP | IFF_NO_PI};
  tap = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
  memcpy(mac, "\x02\x00\x00\x00\x00\x0f", 6);
  return tap >= 0 && ioctl(tap, TUNSETIFF, &request) == 0;
}

/* The loop reads until there is no more, so a frame that waits makes itself known to poll. */
bool card_has_frame(void) { return false; }

struct pbuf *card_receive(void) {
  uint8_t frame[FRAME_LEN];
  ssize_t len = read(tap, frame, sizeof frame);
  if (len <= 0) return NULL;
  struct pbuf *received = pbuf_alloc(PBUF_RAW, (u16_t)len, PBUF_RAM);
  if (received != NULL) pbuf_take(received, frame, (u16_t)len);
  return received;
}

bool card_send(const struct pbuf *frame) {
  uint8_t bytes[FRAME_LEN];
  u16_t len = pbuf_copy_partial(frame, bytes, sizeof bytes, 0);
  return write(tap, bytes, len) == len;
}

void card_acknowledge(void) {}
