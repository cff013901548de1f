/**
 * Runs of programs for which Linux has no test run: the program gets the context as the caller gives it, and a sk_reuseport program the
 * packet that the caller gives. The pointer to the socket is that of TestRunRequest.sock.
 *
 * @differs Linux answers every one of them with 524 (ENOTSUPP); so does netsim, unless TestRunRequest.anyType is set
 */
import { progTypeOf } from "../../bpf/prog-types/index.ts";
import type { Program } from "../../bpf/program.ts";
import type { Host } from "../host.ts";
import { ERRNO } from "../netlink-error.ts";
import { discard, enter, freshSkb, LOOPBACK_IFINDEX } from "./surroundings.ts";
import { asksForMore, type TestRun, type TestRunDef, type TestRunRequest, wholeContext } from "./test-run.ts";

/** The record of these runs. */
export const givenContextRun: TestRunDef = {
  kinds: ["sock_ops", "cgroup_sock_addr", "sk_reuseport"],
  beyondLinux: true,
  begin,
};

function begin(host: Host, program: Program, request: TestRunRequest): TestRun | number {
  if (asksForMore(request)) return ERRNO.EINVAL;
  const def = progTypeOf(program.kind);
  const given = wholeContext(request.ctx, def.ctxSize);
  if (typeof given === "number") return given;
  const hidden = def.fields.filter((f) => f.pointer !== undefined || f.name.endsWith("sk"));
  for (const f of hidden) given.fill(0, f.offset, f.offset + f.size);
  const { arena } = host.kernel;
  const dev = host.devices[LOOPBACK_IFINDEX]!;
  const ctx = arena.alloc(def.ctxSize);
  const skb = ctx === 0 ? null : freshSkb(host, request.data.length);
  if (skb === null) return ERRNO.ENOMEM;
  skb.dev = dev;
  arena.u8.set(request.data, skb.data);
  arena.u8.set(given, ctx);
  const sk = def.fields.find((f) => f.name === "sk");
  if (request.sock !== undefined && sk !== undefined) {
    arena.u32[(ctx + sk.offset) >>> 2] = host.kernel.env.sockets.addressOf(request.sock);
  }
  if (def.dataOffset >= 0) {
    arena.u32[(ctx + def.dataOffset) >>> 2] = skb.data;
    arena.u32[(ctx + def.dataEndOffset) >>> 2] = skb.data + skb.len;
  }
  const entered = enter(host, program, request, skb, dev, ctx);
  let retval = 0;
  return {
    run: (times) => {
      retval = entered.run(times);
    },
    end: () => {
      const out = arena.u8.slice(ctx, ctx + def.ctxSize);
      for (const f of hidden) out.fill(0, f.offset, f.offset + f.size);
      const bytes = arena.u8.slice(skb.data, skb.data + skb.len);
      entered.leave();
      discard(host, skb);
      arena.free(ctx, def.ctxSize);
      return { retval, data: bytes, ctx: out };
    },
  };
}
