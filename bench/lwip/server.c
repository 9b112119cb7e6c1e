/* The server that Sockeye is compared with: the exchanges of firmware/qemu-virt/src/exchange.rs on lwIP's raw API,
 * without an operating system. It serves from lwIP's own call-backs, in one loop that waits for the card. */
#include <string.h>

#include "board.h"
#include "card.h"
#include "lwip/etharp.h"
#include "lwip/init.h"
#include "lwip/netif.h"
#include "lwip/tcp.h"
#include "lwip/timeouts.h"
#include "netif/ethernet.h"

#define PORT 3000
#define CLIENTS (SLOTS + 1)
/* In units of tcp_poll, half a second each. */
#define IDLE_MAX 20
#define WAIT_MS_MAX 1000u

struct exchange {
  uint16_t request_len;
  uint16_t reply_len;
  const char *reply;
  bool closes;
};

struct client {
  struct exchange exchange;
  /* Bytes of the request that have not come yet; 0 between requests. */
  uint16_t left;
  uint8_t idle;
  bool is_used;
};

static struct client clients[CLIENTS];
static char block[1000];
static struct netif interface;

static struct exchange begun_by(char first) {
  static const char reply[] = "Hello, world\n", hello[] = "Hello World";
  switch (first) {
  case 'I': return (struct exchange){sizeof block, 13, reply, false};
  case 'O': return (struct exchange){16, sizeof block, block, false};
  case 'H': return (struct exchange){16, 11, hello, true};
  default: return (struct exchange){16, 13, reply, false};
  }
}

static struct client *take_client(void) {
  for (struct client *client = clients; client < clients + CLIENTS; client++) {
    if (!client->is_used) {
      *client = (struct client){.is_used = true};
      return client;
    }
  }
  return NULL;
}

/* Closes in order: FIN after what was written. */
static err_t leave(struct client *client, struct tcp_pcb *pcb) {
  client->is_used = false;
  tcp_arg(pcb, NULL);
  tcp_recv(pcb, NULL);
  tcp_err(pcb, NULL);
  tcp_poll(pcb, NULL, 0);
  if (tcp_close(pcb) == ERR_OK) return ERR_OK;
  tcp_abort(pcb);
  return ERR_ABRT;
}

static void on_error(void *client, err_t error) {
  (void)error;
  ((struct client *)client)->is_used = false;
}

static err_t on_poll(void *context, struct tcp_pcb *pcb) {
  struct client *client = context;
  return ++client->idle > IDLE_MAX ? leave(client, pcb) : ERR_OK;
}

/* Answers the requests in these bytes; false when the connection is to be closed. */
static bool answer(struct client *client, struct tcp_pcb *pcb, const char *bytes, uint16_t len) {
  while (len > 0) {
    if (client->left == 0) {
      client->exchange = begun_by(*bytes);
      client->left = client->exchange.request_len;
    }
    uint16_t taken = client->left < len ? client->left : len;
    client->left -= taken;
    bytes += taken;
    len -= taken;
    if (client->left > 0) continue;
    if (tcp_write(pcb, client->exchange.reply, client->exchange.reply_len, TCP_WRITE_FLAG_COPY) != ERR_OK) return false;
    if (client->exchange.closes) return false;
  }
  return true;
}

static err_t on_receive(void *context, struct tcp_pcb *pcb, struct pbuf *received, err_t error) {
  struct client *client = context;
  (void)error;
  if (received == NULL) return leave(client, pcb);
  bool goes_on = true;
  client->idle = 0;
  tcp_recved(pcb, received->tot_len);
  for (struct pbuf *part = received; part != NULL && goes_on; part = part->next) {
    goes_on = answer(client, pcb, part->payload, part->len);
  }
  pbuf_free(received);
  return goes_on ? ERR_OK : leave(client, pcb);
}

static err_t on_accept(void *context, struct tcp_pcb *pcb, err_t error) {
  (void)context;
  struct client *client = error == ERR_OK ? take_client() : NULL;
  if (client == NULL) return ERR_MEM;
  tcp_nagle_disable(pcb);
  tcp_arg(pcb, client);
  tcp_recv(pcb, on_receive);
  tcp_err(pcb, on_error);
  tcp_poll(pcb, on_poll, 1);
  return ERR_OK;
}

static err_t send_frame(struct netif *to, struct pbuf *frame) {
  (void)to;
  return card_send(frame) ? ERR_OK : ERR_IF;
}

static err_t start_interface(struct netif *started) {
  if (!card_start(started->hwaddr)) board_fail("no network card");
  started->hwaddr_len = ETH_HWADDR_LEN;
  started->mtu = 1500;
  started->name[0] = 'e';
  started->name[1] = 'n';
  started->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_LINK_UP;
  started->output = etharp_output;
  started->linkoutput = send_frame;
  return ERR_OK;
}

static void listen_on(uint16_t port) {
  struct tcp_pcb *pcb = tcp_new();
  if (pcb == NULL || tcp_bind(pcb, IP_ADDR_ANY, port) != ERR_OK) board_fail("can't bind");
  pcb = tcp_listen_with_backlog(pcb, SLOTS);
  if (pcb == NULL) board_fail("can't listen");
  tcp_accept(pcb, on_accept);
}

/* lwIP's clock. */
u32_t sys_now(void) { return board_ms(); }

int main(void) {
  ip4_addr_t address, mask, none;
  memset(block, 'x', sizeof block);
  lwip_init();
  IP4_ADDR(&address, 10, 0, 2, 15);
  IP4_ADDR(&mask, 255, 255, 255, 0);
  ip4_addr_set_zero(&none);
  netif_add(&interface, &address, &mask, &none, NULL, start_interface, ethernet_input);
  netif_set_default(&interface);
  netif_set_up(&interface);
  listen_on(PORT);
  board_print("listening on port 3000\n");
  for (;;) {
    struct pbuf *frame;
    while ((frame = card_receive()) != NULL) {
      if (interface.input(frame, &interface) != ERR_OK) pbuf_free(frame);
    }
    sys_check_timeouts();
    uint32_t next_ms = sys_timeouts_sleeptime();
    board_wait(next_ms < WAIT_MS_MAX ? next_ms : WAIT_MS_MAX, card_has_frame);
  }
}
