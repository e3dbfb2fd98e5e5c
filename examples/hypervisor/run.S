/* SPDX-License-Identifier: MIT */
/*
 * svm_enter(block, registers, host): enters a guest, and returns after its exit. Interrupts of the machine are off
 * before and after; in between they end the guest's run. `host` is a control block for the host's own registers.
 * SVM_RAX and SVM_RSP are left alone.
 */
    .section .text, "ax"
    .global svm_enter
svm_enter:
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    push %rdx
    push %rsi
    mov %rdi, %rax
    mov 0x08(%rsi), %rcx
    mov 0x10(%rsi), %rdx
    mov 0x18(%rsi), %rbx
    mov 0x28(%rsi), %rbp
    mov 0x38(%rsi), %rdi
    mov 0x40(%rsi), %r8
    mov 0x48(%rsi), %r9
    mov 0x50(%rsi), %r10
    mov 0x58(%rsi), %r11
    mov 0x60(%rsi), %r12
    mov 0x68(%rsi), %r13
    mov 0x70(%rsi), %r14
    mov 0x78(%rsi), %r15
    mov 0x30(%rsi), %rsi
    clgi
    sti
    vmload %rax
    vmrun %rax
    vmsave %rax
    cli
    push %rsi
    mov 8(%rsp), %rsi
    mov %rcx, 0x08(%rsi)
    mov %rdx, 0x10(%rsi)
    mov %rbx, 0x18(%rsi)
    mov %rbp, 0x28(%rsi)
    mov %rdi, 0x38(%rsi)
    mov %r8, 0x40(%rsi)
    mov %r9, 0x48(%rsi)
    mov %r10, 0x50(%rsi)
    mov %r11, 0x58(%rsi)
    mov %r12, 0x60(%rsi)
    mov %r13, 0x68(%rsi)
    mov %r14, 0x70(%rsi)
    mov %r15, 0x78(%rsi)
    pop 0x30(%rsi)
    mov 8(%rsp), %rax
    vmload %rax
    stgi
    add $16, %rsp
    cld
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    ret
