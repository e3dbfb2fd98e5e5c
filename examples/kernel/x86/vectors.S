/* SPDX-License-Identifier: MIT */
/*
 * Exception and interrupt vectors: 16 bytes of code for each, from x86_vectors on. They save the registers that a C
 * function may change; no others are in use.
 */
    .section .text, "ax"
    .global x86_vectors
    .balign 16
x86_vectors:
    .set vector, 0
    .rept 256
    .balign 16
    .if vector != 8 && (vector < 10 || vector > 14) && vector != 17 && vector != 21 && vector != 29 && vector != 30
    push $0 /* in place of the error code that some exceptions have */
    .endif
    push $vector
    jmp common
    .set vector, vector + 1
    .endr

common:
    cld
#if defined(__x86_64__)
    push %rax
    push %rcx
    push %rdx
    push %rsi
    push %rdi
    push %r8
    push %r9
    push %r10
    push %r11
    mov 72(%rsp), %rdi /* the vector */
    mov 88(%rsp), %rsi /* the interrupted address */
    call x86_vector
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rdi
    pop %rsi
    pop %rdx
    pop %rcx
    pop %rax
    add $16, %rsp
    iretq
#else
    push %eax
    push %ecx
    push %edx
    mov 12(%esp), %eax
    mov 20(%esp), %edx
    push %edx
    push %eax
    call x86_vector
    add $8, %esp
    pop %edx
    pop %ecx
    pop %eax
    add $8, %esp
    iret
#endif
