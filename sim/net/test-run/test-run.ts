/**
 * What a test run is: what a caller gives and gets, and what the record of one kind of run says. The kinds stand in files of their
 * own, one line each in the index of this folder.
 */
import type { ProgKind } from "../../bpf/prog-type.ts";
import type { Program } from "../../bpf/program.ts";
import type { Host } from "../host.ts";
import { ERRNO } from "../netlink-error.ts";
import type { BpfSocket } from "../sockets/bpf-sock.ts";

/** Flags of a test run. @source include/uapi/linux/bpf.h */
export const BPF_F_TEST_RUN_ON_CPU = 1;
export const BPF_F_TEST_XDP_LIVE_FRAMES = 2;
export const BPF_F_TEST_SKB_CHECKSUM_COMPLETE = 4;

/** What to run a program on. */
export interface TestRunRequest {
  /** Metadata and packet (XDP), or the frame; empty for types that have no packet. */
  readonly data: Uint8Array;
  /** The context's struct; may be cut after its last byte that is not zero. Absent: Linux's defaults. */
  readonly ctx?: Uint8Array;
  /** Runs on one buffer, without restoring it in between; 0 and absent mean 1. */
  readonly repeat?: number;
  /** BPF_F_TEST_*. */
  readonly flags?: number;
  readonly cpu?: number;
  /** Of live frames. */
  readonly batchSize?: number;
  /** The caller hands a buffer for data or context, which some runs refuse. The answer holds both in any case. */
  readonly wantsData?: boolean;
  readonly wantsCtx?: boolean;
  /**
   * Also types for which Linux has no test run (sock_ops, cgroup_sock_addr, sk_reuseport, lwt_seg6local): the program gets the context as
   * given. Without it they are refused with 524, as on Linux.
   */
  readonly anyType?: boolean;
  /** The socket that a sock_ops or cgroup_sock_addr program works for; absent: none, and its pointer is null. */
  readonly sock?: BpfSocket;
  /** Bytes of TCP options that a sock_ops program may still reserve or write; 0 when absent. */
  readonly optionRoom?: number;
  /** Runs the program once, instead of `program.run`: the interpreter, a stepper. @returns r0's low 32 bits, unsigned */
  readonly execute?: (program: Program, ctx: number) => number;
}

/** What a program left. */
export interface TestRunAnswer {
  /** r0 of the last run, 32 bits, unsigned. */
  readonly retval: number;
  /** XDP: from data_meta to the packet's end; flow_dissector: struct bpf_flow_keys; types without a packet: empty; else the frame. */
  readonly data: Uint8Array;
  /** The whole context as Linux hands it to user space. */
  readonly ctx: Uint8Array;
}

/** A packet and a context, ready to be run on. It holds the machine's environment: call `end` before anything else runs. */
export interface TestRun {
  /** Runs the program so many times. @throws VerifierError when an access check fails; `end` must still be called */
  run(times: number): void;
  /** Gives memory and environment back. @returns the answer, or the positive errno with which Linux refuses what came of the run */
  end(): TestRunAnswer | number;
}

/** One kind of test run. */
export interface TestRunDef {
  readonly kinds: readonly ProgKind[];
  /** Linux has no test run for these types; see TestRunRequest.anyType. */
  readonly beyondLinux?: boolean;
  /** @returns the run, or the positive errno with which Linux refuses the request */
  begin(host: Host, program: Program, request: TestRunRequest): TestRun | number;
}

/**
 * The context with zeros at its end, all zeros when none was given.
 * @returns E2BIG when it has bytes that the kernel does not know
 * @source net/bpf/test_run.c bpf_ctx_init; kernel/bpf/syscall.c bpf_check_uarg_tail_zero
 */
export function wholeContext(given: Uint8Array | undefined, bytes: number): Uint8Array | number {
  const whole = new Uint8Array(bytes);
  if (given === undefined) return whole;
  if (given.subarray(bytes).some((b) => b !== 0)) return ERRNO.E2BIG;
  whole.set(given.subarray(0, bytes));
  return whole;
}

/** Whether only these ranges, as [offset, bytes], hold anything but zeros. */
export function onlyGiven(ctx: Uint8Array, ranges: readonly (readonly [number, number])[]): boolean {
  const rest = ctx.slice();
  for (const [offset, bytes] of ranges) rest.fill(0, offset, offset + bytes);
  return rest.every((b) => b === 0);
}

/** Whether flags, CPU or batch size are given where a kind of run takes none. */
export function asksForMore(request: TestRunRequest): boolean {
  return (request.flags ?? 0) !== 0 || (request.cpu ?? 0) !== 0 || (request.batchSize ?? 0) !== 0;
}
