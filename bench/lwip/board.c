/* Clock, console and waiting. Interrupts stay off: a pending one ends WFI, and the loop asks what it was. */
#include "board.h"

#include "card.h"

enum {
  TEST = 0x00100000,
  TIMER_COMPARE = 0x02004000,
  TIMER = 0x0200bff8,
  PLIC_PRIORITY = 0x0c000000,
  PLIC_ENABLE = 0x0c002000,
  PLIC_CLAIM = 0x0c200004,
  UART_DATA = 0x10000000,
  UART_ENABLE = UART_DATA + 1,
  UART_STATUS = UART_DATA + 5,
  UART_SOURCE = 10,
};
#define MACHINE_TIMER_BIT (1u << 7)
#define MACHINE_EXTERNAL_BIT (1u << 11)
#define TICKS_PER_MS 10000u
#define STACK_COLOUR 0x5afe57acu

extern uint32_t stack_end[], stack_start[];

/* Instructions executed while waiting, and while telling figures: not counted. */
static uint64_t left_out;
static bool is_console_on;

static volatile uint8_t *byte_register(uintptr_t address) { return (volatile uint8_t *)address; }

static uint64_t instructions(void) {
  uint32_t high, low, again;
  do {
    __asm__ volatile("csrr %0, minstreth" : "=r"(high));
    __asm__ volatile("csrr %0, minstret" : "=r"(low));
    __asm__ volatile("csrr %0, minstreth" : "=r"(again));
  } while (high != again);
  return (uint64_t)high << 32 | low;
}

void board_print(const char *text) {
  while (*text) *byte_register(UART_DATA) = (uint8_t)*text++;
}

void board_fail(const char *why) {
  board_print(why);
  board_print("\n");
  register_write(TEST, 0x13333);
  for (;;) __asm__ volatile("wfi");
}

uint64_t board_ticks(void) {
  uint32_t high, low;
  do {
    high = register_read(TIMER + 4);
    low = register_read(TIMER);
  } while (high != register_read(TIMER + 4));
  return (uint64_t)high << 32 | low;
}

/* By adding up, because dividing 64 bits takes a few hundred instructions. */
uint32_t board_ms(void) {
  static uint32_t counted_ticks, ms;
  uint32_t passed = (register_read(TIMER) - counted_ticks) / TICKS_PER_MS;
  counted_ticks += passed * TICKS_PER_MS;
  ms += passed;
  return ms;
}

uint32_t board_random(void) {
  static uint32_t state;
  if (state == 0) state = register_read(TIMER) | 1;
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state;
}

void board_enable(uint32_t source) {
  register_write(PLIC_PRIORITY + 4 * source, 1);
  register_write(PLIC_ENABLE, register_read(PLIC_ENABLE) | 1u << source);
}

static void start_console(void) {
  *byte_register(UART_ENABLE) = 1;
  board_enable(UART_SOURCE);
  __asm__ volatile("csrs mie, %0" ::"r"(MACHINE_TIMER_BIT | MACHINE_EXTERNAL_BIT));
  is_console_on = true;
}

static void print_number(const char *name, uint64_t value) {
  char text[21] = {0};
  int at = 20;
  do {
    text[--at] = (char)('0' + value % 10);
    value /= 10;
  } while (value != 0);
  board_print(name);
  board_print(text + at);
}

/* Answers a question mark with what was used so far. */
static void tell_figures(void) {
  uint64_t before = instructions();
  while (*byte_register(UART_STATUS) & 1) {
    if (*byte_register(UART_DATA) != '?') continue;
    const uint32_t *unused = stack_end;
    while (*unused == STACK_COLOUR) unused++;
    print_number("figures: instructions ", before - left_out);
    print_number(" stack ", (uintptr_t)stack_start - (uintptr_t)unused);
    print_number(" ticks ", board_ticks());
    board_print("\n");
  }
  left_out += instructions() - before;
}

static void set_deadline(uint32_t ms) {
  uint64_t at = board_ticks() + (uint64_t)ms * TICKS_PER_MS;
  register_write(TIMER_COMPARE + 4, UINT32_MAX);
  register_write(TIMER_COMPARE, (uint32_t)at);
  register_write(TIMER_COMPARE + 4, (uint32_t)(at >> 32));
}

void board_wait(uint32_t ms_max, bool (*ready)(void)) {
  if (!is_console_on) start_console();
  set_deadline(ms_max);
  if (!ready()) {
    uint64_t before = instructions();
    __asm__ volatile("wfi" ::: "memory");
    left_out += instructions() - before;
  }
  uint32_t pending;
  __asm__ volatile("csrr %0, mip" : "=r"(pending));
  if (!(pending & MACHINE_EXTERNAL_BIT)) return;
  uint32_t source = register_read(PLIC_CLAIM);
  if (source == UART_SOURCE) {
    tell_figures();
  } else {
    card_acknowledge();
  }
  register_write(PLIC_CLAIM, source);
}
