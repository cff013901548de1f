/** `netsim` as the start-up benchmark bundles it: says when the first packet is made, in ms since the epoch, and ends the process. */
import { writeSync } from "node:fs";
import { SkbPool } from "../sim/net/skb.ts";

SkbPool.prototype.alloc = (): never => {
  writeSync(1, `${performance.timeOrigin + performance.now()}\n`);
  process.exit(0);
};

await import("../sim/cli/main.ts");
