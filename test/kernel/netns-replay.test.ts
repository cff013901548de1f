/**
 * What real networks of namespaces counted, counter for counter: hosts with veth pairs, programs at XDP, tc, tcx and on sockets, the
 * same frames sent by a packet socket.
 */
import { describe, expect, it } from "vitest";
import { netnsTable, replayNetwork, replaySocketFilters, type SocketFilterCase } from "./netns-replay-kit.ts";

const TABLES = ["xdp-actions", "bypass", "tc-return-codes", "tcx-return-codes", "metadata"];

for (const name of TABLES) {
  const table = netnsTable(name);
  describe(`${name}: netsim's networks count as those of Linux ${table.kernel}`, () => {
    const rows = table.cases.map((one) => ({ name: one.name, one }));
    it.each(rows)("$name", async ({ one }) => {
      expect(await replayNetwork(one, true)).toEqual(one.result);
    });
    it.each(rows)("$name, by CPUs that take time for it", async ({ one }) => {
      expect(await replayNetwork(one, false)).toEqual(one.result);
    });
  });
}

const sockets = netnsTable<SocketFilterCase>("socket-filter");
describe(`socket-filter: netsim's packet sockets see what those of Linux ${sockets.kernel} do`, () => {
  it.each(sockets.cases.map((one) => ({ name: one.name, one })))("$name", async ({ one }) => {
    const { ipOnlyOnVb, protoBytesOnVa } = await replaySocketFilters(one);
    for (const [i, run] of one.result.ipOnlyOnVb.entries()) expect(ipOnlyOnVb[i]).toEqual(run);
    expect(ipOnlyOnVb).toHaveLength(one.result.ipOnlyOnVb.length);
    expect(protoBytesOnVa).toEqual(one.result.protoBytesOnVa);
  });
});
