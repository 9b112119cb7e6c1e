/* What lwIP asks of a compiler and a board. */
#ifndef ARCH_CC_H
#define ARCH_CC_H

#include "board.h"

#define LWIP_NO_CTYPE_H 1
#ifndef __linux__
#define LWIP_NO_UNISTD_H 1
#endif
#define LWIP_PLATFORM_DIAG(message) ((void)0)
#define LWIP_PLATFORM_ASSERT(message) board_fail(message)
#define LWIP_RAND() board_random()

#endif
