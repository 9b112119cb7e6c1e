//! A word-wise `memcpy` and `memmove`, as the ESP32's ROM has them. The compiler's own `memcpy` copies byte by byte whenever
//! source and destination differ in alignment. Each frame does, behind its 14-byte Ethernet header. The compiler's
//! own `memmove` is 800 bytes long.

use core::arch::global_asm;

global_asm!(include_str!("memcpy.s"));
global_asm!(include_str!("memmove.s"));
