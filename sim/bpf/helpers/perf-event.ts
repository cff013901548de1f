/**
 * bpf_perf_event_output for programs that have a packet.
 * @source kernel/trace/bpf_trace.c __bpf_perf_event_output; net/core/filter.c bpf_xdp_event_output, bpf_skb_event_output
 * @differs the record is data and packet bytes, nothing more; Linux pads a sample so that its length with the u32 before it is a
 *          multiple of 8, and counts the padding
 *
 * Cost: an estimate for a small record.
 */
import type { BpfEnv } from "../env.ts";
import type { HelperDef } from "../helper.ts";
import { EFAULT, EINVAL, EOPNOTSUPP } from "../maps/errno.ts";
import { PerfEventArrayMap } from "../maps/perf-event-array.ts";
import { progKindsBut } from "../prog-kinds.ts";

/** Low word of the flags: the slot, or all ones for the current CPU's. */
const CURRENT_CPU = -1;
/** Bits 32 to 51 of the flags: how many bytes of the packet to append. */
const CTXLEN_MASK = 0xfffff;

/** `bpf_perf_event_output`. */
export const perfEventOutput: HelperDef = {
  id: 25,
  name: "perf_event_output",
  since: "4.4",
  args: ["ctx", "map", "u64", "mem", "size0"],
  ret: "int",
  gplOnly: true,
  progKinds: progKindsBut("sk_reuseport", "flow_dissector"),
  mapKinds: ["perf_event_array"],
  changesPacket: false,
  costNs: 150,
  call(env: BpfEnv, ctx: number, handle: number, slot: number, ctxLen: number, data: number, size: number): number {
    const map = env.machine.mapOfHandle(handle);
    if (!(map instanceof PerfEventArrayMap) || (ctxLen & ~CTXLEN_MASK) !== 0) return -EINVAL;
    const packet = ctxLen === 0 ? null : env.packetBytes(ctx, ctxLen);
    // contexts without a packet have nothing to append (bpf_event_output_data)
    if (ctxLen !== 0 && packet === null) return -EINVAL;
    if (packet !== null && packet.length < ctxLen) return -EFAULT;
    const cpu = env.cpu();
    const index = slot === CURRENT_CPU ? cpu : slot >>> 0;
    const err = map.slotError(index);
    if (err !== 0) return err;
    if (index !== cpu) return -EOPNOTSUPP;
    const own = env.machine.arena.u8.slice(data, data + (size >>> 0));
    if (packet === null) {
      env.userRecord(map, index, own);
      return 0;
    }
    const both = new Uint8Array(own.length + packet.length);
    both.set(own);
    both.set(packet, own.length);
    env.userRecord(map, index, both);
    return 0;
  },
};
