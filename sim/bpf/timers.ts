/**
 * `struct bpf_timer` and `struct bpf_wq` fields of live map values. The state is kept beside the map; the field itself only says that there is some.
 *
 *     struct bpf_timer: +0 u64 1 when it was initialised | +8 u64 0
 *
 * @source kernel/bpf/helpers.c bpf_timer_init, bpf_timer_start, bpf_timer_cancel, bpf_timer_cb
 */
import { VerifierError } from "../engine/errors.ts";
import type { BpfEnv } from "./env.ts";
import type { BpfMap } from "./map.ts";
import { BaseMap } from "./maps/base-map.ts";
import { EBUSY, EDEADLK, EINVAL, ENOMEM } from "./maps/errno.ts";

const CLOCK_REALTIME = 0;
const CLOCK_MONOTONIC = 1;
const CLOCK_BOOTTIME = 7;
const BPF_F_TIMER_ABS = 1;
const BPF_F_TIMER_CPU_PIN = 2;
const TWO32 = 4294967296;

/** One timer. */
export class BpfTimer {
  readonly map: BaseMap;
  /** Address of the value that it lies in. */
  readonly value: number;
  /** Callback, as Machine.callback takes it; -1: none, it cannot be started. */
  func: number = -1;
  /** Number of the arming that counts; an older one that comes due is passed over. */
  seq: number = 0;
  armed: boolean = false;
  /** Where it runs; the surroundings keep there what they like. */
  place: unknown = null;

  constructor(map: BaseMap, value: number) {
    this.map = map;
    this.value = value;
  }
}

/** All timers of a machine. */
export class BpfTimers {
  private readonly env: () => BpfEnv;
  /** By address of the field. */
  private readonly live: Map<number, BpfTimer> = new Map();
  /** Memory for the keys that callbacks get, by size. */
  private readonly keys: Map<number, number> = new Map();
  private running: BpfTimer | null = null;

  /** @param env the machine's surroundings, asked for at each use */
  constructor(env: () => BpfEnv) {
    this.env = env;
  }

  /** bpf_timer_init. @throws VerifierError TIMER_INVALID when no timer of the map lies at the address */
  init(at: number, map: BpfMap | undefined, flags: number, flagsHi: number): number {
    if (flagsHi !== 0) return -EINVAL;
    if (flags !== CLOCK_REALTIME && flags !== CLOCK_MONOTONIC && flags !== CLOCK_BOOTTIME) return -EINVAL;
    return this.create(at, map, "timer");
  }

  /** bpf_wq_init: a work queue is a timer that is always started for the present. @throws VerifierError TIMER_INVALID */
  initWork(at: number, map: BpfMap | undefined, flags: number): number {
    return flags !== 0 ? -EINVAL : this.create(at, map, "wq");
  }

  private create(at: number, map: BpfMap | undefined, kind: "timer" | "wq"): number {
    const { arena } = this.env().machine;
    const offset = map instanceof BaseMap ? map.offsetInValue(at) : -1;
    if (!(map instanceof BaseMap) || !map.fields.some((f) => f.kind === kind && f.offset === offset)) {
      throw invalid(
        `${kind} pointer doesn't match map pointer: no bpf_${kind} of map "${map?.spec.name ?? ""}" lies there`,
      );
    }
    if (this.live.has(at)) return -EBUSY;
    this.live.set(at, new BpfTimer(map, at - offset));
    arena.dv.setUint32(at, 1, true);
    return 0;
  }

  /** bpf_timer_set_callback. */
  setCallback(at: number, func: number): number {
    const timer = this.timerAt(at);
    if (timer === null) return -EINVAL;
    timer.func = func;
    return 0;
  }

  /** bpf_timer_start. All clocks of a simulated host show the same. */
  start(at: number, ns: number, nsHi: number, flags: number, flagsHi: number): number {
    if ((flags & ~(BPF_F_TIMER_ABS | BPF_F_TIMER_CPU_PIN)) !== 0 || flagsHi !== 0) return -EINVAL;
    const timer = this.timerAt(at);
    if (timer === null || timer.func < 0) return -EINVAL;
    const env = this.env();
    const now = env.ktimeNs();
    const given = (nsHi >>> 0) * TWO32 + (ns >>> 0);
    const dueNs = (flags & BPF_F_TIMER_ABS) !== 0 ? Math.max(now, given) : now + given;
    timer.armed = true;
    timer.seq = (timer.seq + 1) | 0;
    env.armTimer(timer, dueNs);
    return 0;
  }

  /** bpf_timer_cancel: forgets the callback, too. @returns 1 when it was armed, 0 when not, -errno */
  cancel(at: number): number {
    const timer = this.timerAt(at);
    if (timer === null) return -EINVAL;
    if (timer === this.running) return -EDEADLK;
    const was = timer.armed ? 1 : 0;
    timer.func = -1;
    timer.armed = false;
    return was;
  }

  /** The value is gone or overwritten: its timer ends, also one whose callback runs. @source bpf_timer_cancel_and_free */
  drop(at: number): void {
    const timer = this.live.get(at);
    if (timer === undefined) return;
    timer.armed = false;
    timer.func = -1;
    this.live.delete(at);
    this.env().machine.arena.u8.fill(0, at, at + 16);
  }

  /** After a VerifierError was thrown out of a callback: none runs any more. */
  reset(): void {
    this.running = null;
  }

  /**
   * Called by the surroundings, outside of any run, when an arming has come due.
   * @throws VerifierError when an access check fails
   */
  fire(timer: BpfTimer, seq: number): void {
    if (!timer.armed || timer.seq !== seq) return;
    timer.armed = false;
    const { machine } = this.env();
    const key = this.keyMemory(timer.map.spec.keySize);
    if (key === 0) throw new VerifierError({ code: "TIMER_NOMEM", message: `no memory is left (errno ${ENOMEM})` });
    timer.map.writeKey(timer.value, key);
    this.running = timer;
    machine.asyncCallback(timer.func, timer.map.handle, key, timer.value);
    this.running = null;
  }

  private timerAt(at: number): BpfTimer | null {
    return this.live.get(at) ?? null;
  }

  private keyMemory(bytes: number): number {
    const known = this.keys.get(bytes);
    if (known !== undefined) return known;
    const sizeBytes = Math.max(8, bytes);
    const { arena } = this.env().machine;
    const label = "key of a map's element";
    const at = arena.allocRegion({ sizeBytes, strideBytes: sizeBytes, valueBytes: bytes, writable: false, label });
    if (at !== 0) this.keys.set(bytes, at);
    return at;
  }
}

function invalid(message: string): VerifierError {
  return new VerifierError({ code: "TIMER_INVALID", message });
}
