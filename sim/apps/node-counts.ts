/** How many packets each node got. */
import type { Host } from "../net/host.ts";
import type { TrafficResult } from "./traffic.ts";

export class NodeCounts {
  /** By Host.index. */
  private counts: number[] = [];
  private readonly hosts: Host[] = [];

  /** The node appears in results even if it gets nothing. */
  add(host: Host): void {
    if (this.counts[host.index] !== undefined) return;
    this.counts[host.index] = 0;
    this.hosts.push(host);
  }

  count(host: Host): void {
    if (this.counts[host.index] === undefined) this.add(host);
    this.counts[host.index]!++;
  }

  /** In order of name. */
  rows(): TrafficResult["receivers"] {
    return this.hosts
      .map((host) => ({ node: host.name, packets: this.counts[host.index]! }))
      .sort((a, b) => (a.node < b.node ? -1 : a.node > b.node ? 1 : 0));
  }
}
