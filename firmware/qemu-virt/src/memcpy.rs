//! A word-wise `memcpy`, as the ESP32's ROM has one. The compiler's own copies byte by byte whenever source and
//! destination differ in alignment, which they do for each frame behind its 14-byte Ethernet header.

use core::arch::global_asm;

global_asm!(include_str!("memcpy.s"));
