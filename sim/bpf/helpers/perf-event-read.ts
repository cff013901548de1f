/**
 * Reading counters out of perf event arrays. The events of a simulated host are readers of records (PERF_COUNT_SW_BPF_OUTPUT), which
 * count nothing.
 * @source kernel/trace/bpf_trace.c bpf_perf_event_read, bpf_perf_event_read_value, get_map_perf_counter; kernel/events/core.c
 *         perf_event_read_local. Costs: estimates
 * @differs the times that an event was enabled and running are 0
 */
import type { BpfEnv } from "../env.ts";
import type { HelperDef } from "../helper.ts";
import { EINVAL } from "../maps/errno.ts";
import { PerfEventArrayMap } from "../maps/perf-event-array.ts";

/** BPF_F_CURRENT_CPU. */
const CURRENT_CPU = 0xffffffff;
/** sizeof(struct bpf_perf_event_value). */
const VALUE_BYTES = 24;

const plain = {
  gplOnly: true,
  progKinds: null,
  mapKinds: ["perf_event_array"],
  changesPacket: false,
  ret: "int",
  costNs: 30,
} as const;

function counterError(env: BpfEnv, handle: number, flags: number, hi: number): number {
  const map = env.machine.mapOfHandle(handle);
  if (!(map instanceof PerfEventArrayMap) || hi !== 0) return -EINVAL;
  const cpu = env.cpu();
  const index = flags >>> 0 === CURRENT_CPU ? cpu : flags >>> 0;
  const err = map.slotError(index);
  if (err !== 0) return err;
  return index === cpu ? 0 : -EINVAL;
}

/** `bpf_perf_event_read`. */
export const perfEventRead: HelperDef = {
  ...plain,
  id: 22,
  name: "perf_event_read",
  since: "4.3",
  args: ["map", "u64"],
  call: (env: BpfEnv, map: number, flags: number, hi: number): number => counterError(env, map, flags, hi),
};

/** `bpf_perf_event_read_value`: zeros where there is nothing to read. */
export const perfEventReadValue: HelperDef = {
  ...plain,
  id: 55,
  name: "perf_event_read_value",
  since: "4.15",
  args: ["map", "u64", "mem_out", "size"],
  call(env: BpfEnv, map: number, flags: number, hi: number, buf: number, size: number): number {
    env.machine.arena.u8.fill(0, buf, buf + (size >>> 0));
    return size === VALUE_BYTES ? counterError(env, map, flags, hi) : -EINVAL;
  },
};
