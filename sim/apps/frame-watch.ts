/**
 * What becomes of frames that traffic puts on a wire as they are. They carry the traffic's number (skb.source) to their end: taken by a
 * host's kernel or a socket there is received, freed for a reason is lost. A packet that is cut into fragments counts as received where
 * it is cut; copies count for nothing.
 */
import type { Host } from "../net/host.ts";
import type { Kernel } from "../net/kernel.ts";
import type { Netdev } from "../net/netdev.ts";
import type { Skb } from "../net/skb.ts";

/** A traffic whose frames are watched. */
export interface FrameOwner {
  onTaken(skb: Skb, host: Host | null): void;
  onLost(skb: Skb): void;
}

class FrameWatch {
  private readonly owners: (FrameOwner | undefined)[] = [];

  constructor(kernel: Kernel) {
    kernel.tp.consumeSkb.subscribe((skb: Skb, dev: Netdev | null) => {
      if (skb.source !== 0) this.owners[skb.source]?.onTaken(skb, dev === null ? null : dev.host);
    });
    kernel.tp.kfreeSkb.subscribe((skb: Skb) => {
      if (skb.source !== 0) this.owners[skb.source]?.onLost(skb);
    });
  }

  add(traffic: number, owner: FrameOwner): void {
    this.owners[traffic] = owner;
  }
}

const watches: WeakMap<Kernel, FrameWatch> = new WeakMap();

/** Tells the owner about the end of every frame whose skb.source is the traffic's number. */
export function watchFrames(kernel: Kernel, traffic: number, owner: FrameOwner): void {
  let watch = watches.get(kernel);
  if (watch === undefined) {
    watch = new FrameWatch(kernel);
    watches.set(kernel, watch);
  }
  watch.add(traffic, owner);
}
