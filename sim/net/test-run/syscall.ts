/**
 * Runs of syscall programs: the context is the caller's buffer, read and written in place.
 *
 * @source net/bpf/test_run.c bpf_prog_test_run_syscall
 */
import { SYSCALL_CTX_MAX } from "../../bpf/prog-types/syscall.ts";
import type { Program } from "../../bpf/program.ts";
import { releaseClosed } from "../bpf-syscall/release.ts";
import type { Host } from "../host.ts";
import { ERRNO } from "../netlink-error.ts";
import { Skb } from "../skb.ts";
import { enter, LOOPBACK_IFINDEX } from "./surroundings.ts";
import type { TestRun, TestRunDef, TestRunRequest } from "./test-run.ts";

/** The record of syscall programs' runs. */
export const syscallTestRun: TestRunDef = { kinds: ["syscall"], begin };

function begin(host: Host, program: Program, request: TestRunRequest): TestRun | number {
  const given = request.ctx ?? new Uint8Array(0);
  if (request.data.length > 0 || (request.repeat ?? 0) !== 0 || (request.flags ?? 0) !== 0) return ERRNO.EINVAL;
  if ((request.batchSize ?? 0) !== 0 || request.wantsData || request.wantsCtx) return ERRNO.EINVAL;
  if (given.length < program.ctxBytes || given.length > SYSCALL_CTX_MAX) return ERRNO.EINVAL;
  const { arena } = host.kernel;
  // of full size, whatever was given: an access at an offset that was not known at load stays within
  const ctx = arena.alloc(SYSCALL_CTX_MAX);
  if (ctx === 0) return ERRNO.ENOMEM;
  arena.u8.set(given, ctx);
  const entered = enter(host, program, request, new Skb(), host.devices[LOOPBACK_IFINDEX]!, ctx);
  let retval = 0;
  return {
    run: (times) => {
      retval = entered.run(times);
    },
    end: () => {
      const out = arena.u8.slice(ctx, ctx + given.length);
      entered.leave();
      releaseClosed(host);
      arena.free(ctx, SYSCALL_CTX_MAX);
      return { retval, data: new Uint8Array(0), ctx: out };
    },
  };
}
