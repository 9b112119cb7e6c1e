/* The board: qemu-system-riscv32 -machine virt. The same as firmware/qemu-virt has it, as far as a server needs it. */
#ifndef BOARD_H
#define BOARD_H

#include <stdbool.h>
#include <stdint.h>

/* Prints a string on the console. */
void board_print(const char *text);
/* Prints why, and ends the machine with an error. */
_Noreturn void board_fail(const char *why);
/* Time since start: ticks of 10 MHz, and milliseconds. */
uint64_t board_ticks(void);
uint32_t board_ms(void);
/* A number that can be guessed, which is good enough for tests. */
uint32_t board_random(void);
/* Lets an interrupt source wake the machine. */
void board_enable(uint32_t source);
/* Waits until an enabled source or the deadline wants attention, unless `ready` says that there is work already.
 * Deals with what the console wants to know. Interrupts wake the machine and are never taken. */
void board_wait(uint32_t ms_max, bool (*ready)(void));

static inline uint32_t register_read(uintptr_t address) { return *(volatile uint32_t *)address; }
static inline void register_write(uintptr_t address, uint32_t value) { *(volatile uint32_t *)address = value; }

#endif
