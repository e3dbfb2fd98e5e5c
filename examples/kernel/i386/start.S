/* SPDX-License-Identifier: MIT */
/* Entered by the PVH protocol: protected mode, flat segments, paging off. This kernel needs no more. */
    .section .note.pvh, "a", @note
    .balign 4
    .long 4
    .long 4
    .long 18 /* XEN_ELFNOTE_PHYS32_ENTRY */
    .asciz "Xen"
    .long _start

    .section .text.start, "ax"
    .global _start
_start:
    cli
    cld
    mov $kernel_bss_start, %edi
    mov $kernel_bss_end, %ecx
    sub %edi, %ecx
    xor %eax, %eax
    rep stosb

    /* An interrupt reloads the code segment, so load our own table. */
    lgdt descriptor_table_pointer
    ljmp $8, $own_segments
own_segments:
    mov $16, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov $kernel_stack_top, %esp
    xor %ebp, %ebp
    call kernel_main
1:
    hlt
    jmp 1b

    .section .rodata
    .balign 8
descriptor_table:
    .quad 0
    .quad 0x00cf9a000000ffff /* code */
    .quad 0x00cf92000000ffff /* data */
descriptor_table_pointer:
    .word . - descriptor_table - 1
    .long descriptor_table
