/* memmove and memset by words. Debian's picolibc for this target works byte by byte; the compiler's library that the
 * Rust programs use doesn't. memcpy is the Rust programs' own, firmware/qemu-virt/src/memcpy.s. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Otherwise the compiler makes these loops calls of the functions that they are. */
#define AS_WRITTEN __attribute__((optimize("no-tree-loop-distribute-patterns")))

typedef uint32_t __attribute__((may_alias)) word;

AS_WRITTEN void *memset(void *to, int value, size_t len) {
  uint8_t *at = to, *end = at + len;
  const word pattern = (uint8_t)value * 0x01010101u;
  while (at < end && (uintptr_t)at % 4 != 0) *at++ = (uint8_t)value;
  for (; end - at >= 4; at += 4) *(word *)at = pattern;
  while (at < end) *at++ = (uint8_t)value;
  return to;
}

AS_WRITTEN void *memmove(void *to, const void *from, size_t len) {
  if ((uintptr_t)to - (uintptr_t)from >= len) return memcpy(to, from, len);
  uint8_t *at = (uint8_t *)to + len;
  const uint8_t *source = (const uint8_t *)from + len;
  while (at > (uint8_t *)to) *--at = *--source;
  return to;
}
