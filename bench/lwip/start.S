# From reset to main: no data to copy, because the program lies in RAM; zeros, a painted stack, and a trap that ends
# the machine.
    .section .text.start, "ax", @progbits
    .globl start
start:
    .option push
    .option norelax
    la   gp, __global_pointer$
    .option pop
    la   sp, stack_start
    la   t0, trap
    csrw mtvec, t0
    la   t0, bss_start
    la   t1, bss_end
    li   t2, 0
    jal  t3, fill
    la   t0, stack_end
    mv   t1, sp
    li   t2, 0x5afe57ac
    jal  t3, fill
    call main
fill:
    bgeu t0, t1, 1f
    sw   t2, 0(t0)
    addi t0, t0, 4
    j    fill
1:  jr   t3

    .balign 4
trap:
    la   a0, message
    call board_fail

    .section .rodata
message:
    .asciz "a trap"
