/** Sequence numbers that fall due in the order in which they were put in, by one pending event: timeouts of one length. */
import type { EventKind } from "../engine/engine.ts";
import type { Kernel } from "../net/kernel.ts";

/** Learns that a number is due. */
export interface DueTarget {
  onDue(seq: number): void;
}

const kinds: WeakMap<Kernel, EventKind<DelayQueue>> = new WeakMap();

function kindOf(kernel: Kernel): EventKind<DelayQueue> {
  let kind = kinds.get(kernel);
  if (kind === undefined) {
    kind = kernel.engine.defineEvent<DelayQueue>("traffic timeout", (q) => q.onEvent());
    kinds.set(kernel, kind);
  }
  return kind;
}

export class DelayQueue {
  private readonly kernel: Kernel;
  private readonly target: DueTarget;
  private readonly kind: EventKind<DelayQueue>;
  // a ring
  private at: Float64Array = new Float64Array(64);
  private seq: Float64Array = new Float64Array(64);
  private head: number = 0;
  private size: number = 0;
  private armed: boolean = false;

  constructor(kernel: Kernel, target: DueTarget) {
    this.kernel = kernel;
    this.target = target;
    this.kind = kindOf(kernel);
  }

  /** @param atNs not before that of the number put in last */
  push(atNs: number, seq: number): void {
    if (this.size === this.at.length) this.grow();
    const i = (this.head + this.size++) & (this.at.length - 1);
    this.at[i] = atNs;
    this.seq[i] = seq;
    if (!this.armed) this.arm();
  }

  /** The handler of its event. */
  onEvent(): void {
    this.armed = false;
    const now = this.kernel.engine.nowNs;
    while (this.size > 0 && this.at[this.head]! <= now) {
      const seq = this.seq[this.head]!;
      this.head = (this.head + 1) & (this.at.length - 1);
      this.size--;
      this.target.onDue(seq);
    }
    if (this.size > 0 && !this.armed) this.arm();
  }

  private arm(): void {
    this.armed = true;
    this.kernel.engine.schedule(this.at[this.head]!, this.kind, this, 0);
  }

  private grow(): void {
    const n = this.at.length;
    const at = new Float64Array(n * 2);
    const seq = new Float64Array(n * 2);
    for (let i = 0; i < n; i++) {
      at[i] = this.at[(this.head + i) & (n - 1)]!;
      seq[i] = this.seq[(this.head + i) & (n - 1)]!;
    }
    this.at = at;
    this.seq = seq;
    this.head = 0;
  }
}
