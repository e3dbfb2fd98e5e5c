/* SPDX-License-Identifier: MIT */
/*
 * Entered by the PVH protocol: 32-bit protected mode, flat segments, paging off. Maps the low 4 GiB one to one, the
 * upper 2 GiB, where the registers are, uncached. Then enters long mode.
 */
    .section .note.pvh, "a", @note
    .balign 4
    .long 4
    .long 4
    .long 18 /* XEN_ELFNOTE_PHYS32_ENTRY */
    .asciz "Xen"
    .long _start

#define PAGE_PRESENT  0x01
#define PAGE_WRITABLE 0x02
#define PAGE_UNCACHED 0x18 /* write-through and cache-disable */
#define PAGE_LARGE    0x80

    .section .text.start, "ax"
    .code32
    .global _start
_start:
    cli
    cld
    mov $kernel_bss_start, %edi
    mov $kernel_bss_end, %ecx
    sub %edi, %ecx
    xor %eax, %eax
    rep stosb

    /* 2048 pages of 2 MiB each. */
    mov $directories, %edi
    mov $(PAGE_PRESENT | PAGE_WRITABLE | PAGE_LARGE), %eax
    mov $2048, %ecx
1:
    mov %eax, (%edi)
    cmp $0x80000000, %eax
    jb 2f
    orl $PAGE_UNCACHED, (%edi)
2:
    add $0x200000, %eax
    add $8, %edi
    dec %ecx
    jnz 1b

    mov $directory_pointers, %edi
    mov $(directories + PAGE_PRESENT + PAGE_WRITABLE), %eax
    mov $4, %ecx
3:
    mov %eax, (%edi)
    add $0x1000, %eax
    add $8, %edi
    dec %ecx
    jnz 3b
    movl $(directory_pointers + PAGE_PRESENT + PAGE_WRITABLE), root

    mov $root, %eax
    mov %eax, %cr3
    mov %cr4, %eax
    or $0x20, %eax /* PAE */
    mov %eax, %cr4
    mov $0xc0000080, %ecx /* EFER: LME */
    rdmsr
    or $0x100, %eax
    wrmsr
    mov %cr0, %eax
    or $0x80000000, %eax /* PG */
    mov %eax, %cr0
    lgdt descriptor_table_pointer
    ljmp $8, $long_mode

    .code64
long_mode:
    mov $16, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    lea kernel_stack_top(%rip), %rsp
    xor %ebp, %ebp
    call kernel_main
4:
    hlt
    jmp 4b

    .section .rodata
    .balign 8
descriptor_table:
    .quad 0
    .quad 0x00af9a000000ffff /* 64-bit code */
    .quad 0x00cf92000000ffff /* data */
descriptor_table_pointer:
    .word . - descriptor_table - 1
    .long descriptor_table

    .section .bss
    .balign 4096
root:
    .skip 4096
directory_pointers:
    .skip 4096
directories:
    .skip 4 * 4096
