/**
 * bpf_user_ringbuf_drain: a callback gets each sample of user space as a dynptr.
 * @source kernel/bpf/ringbuf.c bpf_user_ringbuf_drain. Cost: the calls of the callback count themselves; the rest is an estimate
 */
import { DYNPTR_LOCAL, initDynptr } from "../dynptr.ts";
import type { BpfEnv } from "../env.ts";
import { DYNPTR_BYTES, type HelperDef } from "../helper.ts";
import { E2BIG, EBUSY, EINVAL, ENOMEM } from "../maps/errno.ts";
import { UserRingbufMap } from "../maps/user-ringbuf.ts";

/** @source BPF_MAX_USER_RINGBUF_SAMPLES */
const MAX_SAMPLES = 128 * 1024;
/** BPF_RB_NO_WAKEUP and BPF_RB_FORCE_WAKEUP: user space needs no waking here. */
const WAKEUP_FLAGS = 3;

/** `bpf_user_ringbuf_drain`: answers the number of samples, those left out that user space had discarded. */
export const userRingbufDrain: HelperDef = {
  id: 209,
  name: "user_ringbuf_drain",
  since: "6.1",
  args: ["map", "func", "any", "u64"],
  ret: "int",
  gplOnly: false,
  progKinds: null,
  mapKinds: ["user_ringbuf"],
  changesPacket: false,
  costNs: 20,
  call(env: BpfEnv, handle: number, func: number, ctx: number, flags: number, flagsHi: number): number {
    const { machine } = env;
    const map = machine.mapOfHandle(handle);
    if (!(map instanceof UserRingbufMap) || (flags & ~WAKEUP_FLAGS) !== 0 || flagsHi !== 0) return -EINVAL;
    if (map.busy) return -EBUSY;
    const p = machine.arena.allocRegion({
      sizeBytes: DYNPTR_BYTES,
      strideBytes: DYNPTR_BYTES,
      valueBytes: DYNPTR_BYTES,
      writable: true,
      label: "dynptr of a sample",
    });
    if (p === 0) return -ENOMEM;
    map.busy = true;
    const answer = drain(env, map, func, ctx, p);
    map.busy = false;
    machine.arena.freeRegion(p);
    return answer;
  },
};

function drain(env: BpfEnv, map: UserRingbufMap, func: number, ctx: number, p: number): number {
  const { machine } = env;
  let seen = 0;
  for (let i = 0, stop = 0; i < MAX_SAMPLES && stop === 0; i++) {
    const sample = map.peek();
    if (sample === 0) break;
    if (sample === -1) continue;
    if (sample < 0) return -E2BIG;
    initDynptr(machine.arena, p, sample, DYNPTR_LOCAL, map.peekedBytes);
    stop = machine.callback(func, p, ctx, 0, 0);
    map.release();
    seen++;
  }
  return seen;
}
