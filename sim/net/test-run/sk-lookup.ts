/**
 * Test runs of sk_lookup programs: the caller's struct bpf_sk_lookup says what is looked up; in the answer its first field holds the
 * cookie of the socket that the program chose, 0 when none.
 *
 * @source net/bpf/test_run.c bpf_prog_test_run_sk_lookup; net/core/filter.c sk_lookup_convert_ctx_access
 */
import { SK_LOOKUP_BYTES } from "../../bpf/prog-types/sk-lookup.ts";
import type { Program } from "../../bpf/program.ts";
import type { Host } from "../host.ts";
import { AF_INET, AF_INET6 } from "../ip/address.ts";
import { ERRNO } from "../netlink-error.ts";
import { Skb } from "../skb.ts";
import { enter, LOOPBACK_IFINDEX } from "./surroundings.ts";
import { asksForMore, type TestRun, type TestRunDef, type TestRunRequest, wholeContext } from "./test-run.ts";

const OFF_FAMILY = 8;
const OFF_REMOTE_IP4 = 16;
const OFF_REMOTE_IP6 = 20;
const OFF_REMOTE_PORT = 36;
const OFF_LOCAL_IP4 = 40;
const OFF_LOCAL_IP6 = 44;
const OFF_LOCAL_PORT = 60;
const OFF_INGRESS_IFINDEX = 64;
const U16_MAX = 0xffff;
const SK_PASS = 1;

/** The record of sk_lookup programs' test runs. */
export const skLookupTestRun: TestRunDef = { kinds: ["sk_lookup"], begin };

function begin(host: Host, program: Program, request: TestRunRequest): TestRun | number {
  if (asksForMore(request) || request.data.length > 0 || request.wantsData || request.ctx === undefined)
    return ERRNO.EINVAL;
  const given = wholeContext(request.ctx, SK_LOOKUP_BYTES);
  if (typeof given === "number") return given;
  const fields = new DataView(given.buffer);
  if (fields.getBigUint64(0, true) !== 0n) return ERRNO.EINVAL;
  if (given.subarray(OFF_INGRESS_IFINDEX).some((b) => b !== 0)) return ERRNO.EINVAL;
  if (fields.getUint32(OFF_LOCAL_PORT, true) > U16_MAX) return ERRNO.ERANGE;
  const family = fields.getUint16(OFF_FAMILY, true);
  if (family !== AF_INET && family !== AF_INET6) return ERRNO.EAFNOSUPPORT;

  const { arena } = host.kernel;
  const ctx = arena.alloc(SK_LOOKUP_BYTES);
  if (ctx === 0) return ERRNO.ENOMEM;
  const entered = enter(host, program, request, new Skb(), host.devices[LOOPBACK_IFINDEX]!, ctx);
  let retval = 0;
  return {
    run: (times) => {
      for (let i = 0; i < times; i++) {
        arena.u8.set(asSeen(given, family), ctx);
        retval = entered.run(1);
        // the array of one program passes when the program does
        retval = retval === SK_PASS ? SK_PASS : 0;
      }
    },
    end: () => {
      const out = given.slice();
      const chosen = arena.u32[ctx >>> 2]!;
      const { sockets } = host.kernel.env;
      if (chosen !== 0) new DataView(out.buffer).setUint32(0, sockets.at(chosen).cookie, true);
      entered.leave();
      arena.free(ctx, SK_LOOKUP_BYTES);
      return { retval, data: new Uint8Array(0), ctx: out };
    },
  };
}

/** The context that the program gets: numbers of 16 bits are cut, the other family's addresses are 0. */
function asSeen(given: Uint8Array, family: number): Uint8Array {
  const out = given.slice();
  const halves = [OFF_FAMILY, OFF_FAMILY + 4, OFF_REMOTE_PORT];
  for (const offset of halves) out.fill(0, offset + 2, offset + 4);
  const zero = family === AF_INET ? [OFF_REMOTE_IP6, OFF_LOCAL_IP6] : [OFF_REMOTE_IP4, OFF_LOCAL_IP4];
  for (const offset of zero) out.fill(0, offset, offset + (family === AF_INET ? 16 : 4));
  return out;
}
