#include "card.h"

#include "board.h"
#include "lwip/pbuf.h"

#define BUFFERS 8u
#define HEADER_LEN 12u
#define FRAME_LEN 1514u
/* Before the header, so that the IP header lies on a word. */
#define SHIFT 2u
#define BUFFER_LEN ((SHIFT + HEADER_LEN + FRAME_LEN + 3u) & ~3u)

/* Registers (section 4.2.2). */
enum {
  MAGIC = 0x000, VERSION = 0x004, DEVICE = 0x008, FEATURES = 0x020, FEATURES_PART = 0x024, QUEUE = 0x030,
  QUEUE_LEN = 0x038, QUEUE_READY = 0x044, QUEUE_NOTIFY = 0x050, INTERRUPT = 0x060, INTERRUPT_SEEN = 0x064,
  STATUS = 0x070, QUEUE_DESCRIPTORS = 0x080, QUEUE_AVAILABLE = 0x090, QUEUE_USED = 0x0a0, CONFIG = 0x100,
};
enum { ACKNOWLEDGE = 1, DRIVER = 2, DRIVER_OK = 4, FEATURES_OK = 8 };
enum { CARD_WRITES = 2, NO_INTERRUPT = 1 };
enum { RECEIVING = 0, SENDING = 1 };

/* A split virtqueue (section 2.7). Descriptor i always stands for buffer i. */
struct queue {
  struct { uint64_t address; uint32_t len; uint16_t flags, next; } descriptors[BUFFERS] __attribute__((aligned(16)));
  struct { uint16_t flags, index, ring[BUFFERS]; } available __attribute__((aligned(4)));
  struct { uint16_t flags, index; struct { uint32_t id, len; } ring[BUFFERS]; } used __attribute__((aligned(4)));
  /* How many of the used ones were seen. */
  uint16_t seen;
};

struct received {
  struct pbuf_custom pbuf;
  uint8_t bytes[BUFFER_LEN] __attribute__((aligned(4)));
};

static struct queue queues[2];
static struct received received[BUFFERS];
static uint8_t sent[BUFFERS][BUFFER_LEN] __attribute__((aligned(4)));
static uint16_t sent_count;
static uintptr_t base;

static void barrier(void) { __asm__ volatile("fence" ::: "memory"); }

static uint16_t used_index(const struct queue *queue) { return *(const volatile uint16_t *)&queue->used.index; }

static void give(uint32_t number, uint16_t buffer) {
  struct queue *queue = &queues[number];
  uint16_t index = queue->available.index;
  queue->available.ring[index % BUFFERS] = buffer;
  barrier();
  *(volatile uint16_t *)&queue->available.index = (uint16_t)(index + 1);
  barrier();
  register_write(base + QUEUE_NOTIFY, number);
}

static void give_back(struct pbuf *pbuf) { give(RECEIVING, (uint16_t)((struct received *)pbuf - received)); }

bool card_has_frame(void) { return used_index(&queues[RECEIVING]) != queues[RECEIVING].seen; }

struct pbuf *card_receive(void) {
  struct queue *queue = &queues[RECEIVING];
  if (!card_has_frame()) return NULL;
  barrier();
  uint32_t id = queue->used.ring[queue->seen % BUFFERS].id;
  uint32_t len = queue->used.ring[queue->seen % BUFFERS].len - HEADER_LEN;
  queue->seen++;
  struct received *buffer = &received[id];
  buffer->pbuf.custom_free_function = give_back;
  void *frame = buffer->bytes + SHIFT + HEADER_LEN;
  return pbuf_alloced_custom(PBUF_RAW, (u16_t)len, PBUF_REF, &buffer->pbuf, frame, FRAME_LEN);
}

bool card_send(const struct pbuf *frame) {
  struct queue *queue = &queues[SENDING];
  if ((uint16_t)(sent_count - used_index(queue)) >= BUFFERS) return false;
  uint16_t id = sent_count % BUFFERS;
  pbuf_copy_partial(frame, sent[id] + SHIFT + HEADER_LEN, frame->tot_len, 0);
  queue->descriptors[id].len = HEADER_LEN + frame->tot_len;
  sent_count++;
  give(SENDING, id);
  return true;
}

void card_acknowledge(void) { register_write(base + INTERRUPT_SEEN, register_read(base + INTERRUPT)); }

static void start_queue(uint32_t number) {
  struct queue *queue = &queues[number];
  register_write(base + QUEUE, number);
  register_write(base + QUEUE_LEN, BUFFERS);
  register_write(base + QUEUE_DESCRIPTORS, (uintptr_t)queue->descriptors);
  register_write(base + QUEUE_AVAILABLE, (uintptr_t)&queue->available);
  register_write(base + QUEUE_USED, (uintptr_t)&queue->used);
  register_write(base + QUEUE_READY, 1);
}

static bool is_card(void) {
  return register_read(base + MAGIC) == 0x74726976 && register_read(base + VERSION) == 2 &&
         register_read(base + DEVICE) == 1;
}

bool card_start(uint8_t mac[6]) {
  uint32_t source = 1;
  for (base = 0x10001000; !is_card(); base += 0x1000) {
    if (++source > 8) return false;
  }
  register_write(base + STATUS, 0);
  register_write(base + STATUS, ACKNOWLEDGE | DRIVER);
  /* The card's address is in its configuration; and bit 32: modern. No offloads. */
  const uint32_t features[2] = {1u << 5, 1};
  for (uint32_t part = 0; part < 2; part++) {
    register_write(base + FEATURES_PART, part);
    register_write(base + FEATURES, features[part]);
  }
  register_write(base + STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK);
  for (uint16_t i = 0; i < BUFFERS; i++) {
    queues[RECEIVING].descriptors[i].address = (uintptr_t)received[i].bytes + SHIFT;
    queues[RECEIVING].descriptors[i].len = HEADER_LEN + FRAME_LEN;
    queues[RECEIVING].descriptors[i].flags = CARD_WRITES;
    queues[SENDING].descriptors[i].address = (uintptr_t)sent[i] + SHIFT;
  }
  queues[SENDING].available.flags = NO_INTERRUPT;
  start_queue(RECEIVING);
  start_queue(SENDING);
  board_enable(source);
  register_write(base + STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK);
  for (uint16_t i = 0; i < BUFFERS; i++) give(RECEIVING, i);
  for (int i = 0; i < 6; i++) mac[i] = *(volatile uint8_t *)(base + CONFIG + i);
  return true;
}
