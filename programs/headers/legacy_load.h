/*
 * The loads of classic BPF, which eBPF kept: they take an offset from the start of the packet, answer in host byte
 * order, and end the program with 0 when the packet is too short. No pointer, no bounds to check. Socket filters, which
 * have no direct packet access, read packets by them or by bpf_skb_load_bytes.
 */
#ifndef NETSIM_LEGACY_LOAD_H
#define NETSIM_LEGACY_LOAD_H

unsigned long long load_byte(void *skb, unsigned long long offset) asm("llvm.bpf.load.byte");
unsigned long long load_half(void *skb, unsigned long long offset) asm("llvm.bpf.load.half");
unsigned long long load_word(void *skb, unsigned long long offset) asm("llvm.bpf.load.word");

#endif
