/** Packets ordered by time to send (skb.queueNs), first come first served among equals: netem's tfifo. */
import type { Skb } from "../skb.ts";

/** Packets in the order of the times at which they are due. */
export class TimeFifo {
  private items: (Skb | null)[] = [];
  private head: number = 0;

  push(skb: Skb): void {
    let i = this.items.length;
    this.items.push(skb);
    while (i > this.head && this.items[i - 1]!.queueNs > skb.queueNs) {
      this.items[i] = this.items[i - 1]!;
      i--;
    }
    this.items[i] = skb;
  }

  peek(): Skb | null {
    return this.items[this.head] ?? null;
  }

  last(): Skb | null {
    return this.head < this.items.length ? this.items[this.items.length - 1]! : null;
  }

  shift(): Skb | null {
    if (this.head >= this.items.length) return null;
    const skb = this.items[this.head]!;
    this.items[this.head++] = null;
    if (this.head === this.items.length) {
      this.items.length = 0;
      this.head = 0;
    } else if (this.head >= 1024 && this.head * 2 >= this.items.length) {
      this.items = this.items.slice(this.head);
      this.head = 0;
    }
    return skb;
  }
}
