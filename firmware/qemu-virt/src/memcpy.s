# A word-wise memcpy. Unrolled for the sizes that a request is made of: 6 to 60 bytes. a0 must be returned unchanged,
# so a5 walks. Assembled into the Rust programs, and into the C programs that they are compared with.
# Assembled into a Rust program, only this line makes its instructions compressed ones.
    .option push
    .option rvc
    .section .text.memcpy, "ax", @progbits
    .globl memcpy
    .type memcpy, @function
memcpy:
    mv   a5, a0
    or   a3, a0, a1
    andi a4, a3, 3
    beqz a4, 2f
    andi a4, a3, 1
    beqz a4, 4f
    xor  a3, a0, a1
    andi a3, a3, 1
    bnez a3, 6f
    # Both odd: one byte makes both even.
    beqz a2, 9f
    lbu  a3, 0(a1)
    sb   a3, 0(a5)
    addi a1, a1, 1
    addi a5, a5, 1
    addi a2, a2, -1
    j    4f
    # Words: eight at a time, then four, two and one.
2:  li   a6, 32
    bltu a2, a6, 3f
1:  lw   a3, 0(a1)
    lw   a4, 4(a1)
    lw   a7, 8(a1)
    lw   t0, 12(a1)
    lw   t1, 16(a1)
    lw   t2, 20(a1)
    lw   t3, 24(a1)
    lw   t4, 28(a1)
    sw   a3, 0(a5)
    sw   a4, 4(a5)
    sw   a7, 8(a5)
    sw   t0, 12(a5)
    sw   t1, 16(a5)
    sw   t2, 20(a5)
    sw   t3, 24(a5)
    sw   t4, 28(a5)
    addi a1, a1, 32
    addi a5, a5, 32
    addi a2, a2, -32
    bgeu a2, a6, 1b
3:  andi a3, a2, 16
    beqz a3, 1f
    lw   a3, 0(a1)
    lw   a4, 4(a1)
    lw   a7, 8(a1)
    lw   t0, 12(a1)
    sw   a3, 0(a5)
    sw   a4, 4(a5)
    sw   a7, 8(a5)
    sw   t0, 12(a5)
    addi a1, a1, 16
    addi a5, a5, 16
1:  andi a3, a2, 8
    beqz a3, 1f
    lw   a3, 0(a1)
    lw   a4, 4(a1)
    sw   a3, 0(a5)
    sw   a4, 4(a5)
    addi a1, a1, 8
    addi a5, a5, 8
1:  andi a3, a2, 4
    beqz a3, 1f
    lw   a3, 0(a1)
    addi a1, a1, 4
    sw   a3, 0(a5)
    addi a5, a5, 4
1:  andi a2, a2, 3
    bnez a2, 7f
    ret
    # Both even: words if they agree, else halves, four at a time.
4:  xor  a3, a5, a1
    andi a3, a3, 2
    bnez a3, 5f
    andi a3, a5, 2
    beqz a3, 2b
    li   a6, 2
    bltu a2, a6, 6f
    lhu  a3, 0(a1)
    addi a1, a1, 2
    sh   a3, 0(a5)
    addi a5, a5, 2
    addi a2, a2, -2
    j    2b
5:  li   a6, 8
    bltu a2, a6, 8f
1:  lhu  a3, 0(a1)
    lhu  a4, 2(a1)
    lhu  a7, 4(a1)
    lhu  t0, 6(a1)
    sh   a3, 0(a5)
    sh   a4, 2(a5)
    sh   a7, 4(a5)
    sh   t0, 6(a5)
    addi a1, a1, 8
    addi a5, a5, 8
    addi a2, a2, -8
    bgeu a2, a6, 1b
8:  li   a6, 2
    bltu a2, a6, 6f
1:  lhu  a3, 0(a1)
    addi a1, a1, 2
    addi a2, a2, -2
    sh   a3, 0(a5)
    addi a5, a5, 2
    bgeu a2, a6, 1b
    # Bytes, four at a time, then what is left.
6:  li   a6, 4
    bltu a2, a6, 7f
1:  lbu  a3, 0(a1)
    lbu  a4, 1(a1)
    lbu  a7, 2(a1)
    lbu  t0, 3(a1)
    sb   a3, 0(a5)
    sb   a4, 1(a5)
    sb   a7, 2(a5)
    sb   t0, 3(a5)
    addi a1, a1, 4
    addi a5, a5, 4
    addi a2, a2, -4
    bgeu a2, a6, 1b
7:  beqz a2, 9f
1:  lbu  a3, 0(a1)
    addi a1, a1, 1
    addi a2, a2, -1
    sb   a3, 0(a5)
    addi a5, a5, 1
    bnez a2, 1b
9:  ret
    .size memcpy, . - memcpy
    .option pop
