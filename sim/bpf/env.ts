/**
 * What the eBPF machine needs of its surroundings. The network implements it; tests and `prog run` use a bare one.
 * The network's own helpers see a richer type that extends this one.
 */
import type { Machine } from "./machine.ts";
import type { BpfMap } from "./map.ts";
import type { BpfTimer } from "./timers.ts";

/** What the machine and its helpers ask of their surroundings; the network implements it. */
export interface BpfEnv {
  readonly machine: Machine;
  /** CPU the current program runs on. */
  cpu(): number;
  /** bpf_ktime_get_ns: ns since boot, an integer below 2^53. */
  ktimeNs(): number;
  /** bpf_jiffies64. */
  jiffies(): number;
  /** bpf_get_prandom_u32. */
  prandomU32(): number;
  /** The same as a function for compiled programs, which answers an i32. Absent: they call `prandomU32`. */
  prandomCode?(): () => number;
  /** One line of bpf_trace_printk, formatted, without its newline. */
  tracePrintk(line: string): void;
  /** A record for user space: perf event array slot `cpu`, or a ring buffer (cpu is then -1). `data` is a copy. */
  userRecord(map: BpfMap, cpu: number, data: Uint8Array): void;
  /**
   * The bytes that bpf_perf_event_output appends from the packet of the current context (flags bits 32..51).
   * @returns fewer than asked for when the packet is shorter, or null when the context has no packet
   */
  packetBytes(ctx: number, lengthBytes: number): Uint8Array | null;
  /** LD_ABS/LD_IND beyond the linear data or at negative offsets. @returns address of `size` contiguous bytes, or 0 */
  legacyLoad(ctx: number, offset: number, sizeBytes: number): number;
  /**
   * Bytes of the packet of a context, or of the metadata in front of it, where they lie together.
   * @returns their address, 0 when they do not lie together or not in the packet
   */
  packetSlice(ctx: number, offset: number, lengthBytes: number, meta: boolean): number;
  /** bpf_skb_load_bytes or bpf_xdp_load_bytes on the packet of a context. @returns 0 or -errno */
  packetLoad(ctx: number, offset: number, to: number, lengthBytes: number): number;
  /** bpf_skb_store_bytes or bpf_xdp_store_bytes, which takes no flags. @returns 0 or -errno */
  packetStore(ctx: number, offset: number, from: number, lengthBytes: number, flags: number): number;
  /**
   * A timer was started by the program that runs: `machine.timers.fire(timer, timer.seq)` is to be called on this CPU then, with
   * the `seq` that it has now. Arming again does not take the former arming back.
   * @param dueNs ns since boot, not in the past
   */
  armTimer(timer: BpfTimer, dueNs: number): void;
}
