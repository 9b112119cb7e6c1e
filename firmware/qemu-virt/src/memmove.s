# memmove beside memcpy.s: where the destination is behind the source and overlaps it, words from the end on. A copy to
# a lower address is memcpy's, which reads each block before it writes it, and goes upwards.
    .option push
    .option rvc
    .section .text.memmove, "ax", @progbits
    .globl memmove
    .type memmove, @function
memmove:
    sub  a3, a0, a1
    bltu a3, a2, 1f
    tail memcpy
1:  add  a4, a0, a2
    add  a5, a1, a2
    li   a6, 4
    bltu a2, a6, 3f
2:  addi a5, a5, -4
    addi a4, a4, -4
    lw   a3, 0(a5)
    addi a2, a2, -4
    sw   a3, 0(a4)
    bgeu a2, a6, 2b
3:  beqz a2, 5f
4:  addi a5, a5, -1
    addi a4, a4, -1
    lbu  a3, 0(a5)
    addi a2, a2, -1
    sb   a3, 0(a4)
    bnez a2, 4b
5:  ret
    .size memmove, . - memmove
    .option pop
