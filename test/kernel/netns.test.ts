/** Shows that the tables recorded in namespaces belong to the committed objects and are consistent in themselves. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

interface Counters {
  readonly packets: number;
  readonly bytes: number;
}

interface Device {
  readonly rx: Counters;
  readonly tx: Counters;
  readonly ethtool: Readonly<Record<string, number>>;
}

interface NetnsCase {
  readonly name: string;
  readonly send: {
    readonly from: string;
    readonly frames: readonly { readonly hex: string; readonly count: number }[];
  };
  readonly result: {
    readonly sent: { readonly sent: number; readonly errors: Readonly<Record<string, number>> };
    readonly taps: Readonly<Record<string, { readonly in: number; readonly out: number }>>;
    readonly ipInReceives: Readonly<Record<string, number>>;
    readonly devices: Readonly<Record<string, Device>>;
    readonly maps: Readonly<Record<string, Readonly<Record<string, readonly (readonly string[])[]>>>>;
  };
}

interface Table {
  readonly table: string;
  readonly objects: Readonly<Record<string, string>>;
  readonly cases: readonly NetnsCase[];
}

const folder = new URL("vectors/netns/", import.meta.url);
const files = readdirSync(folder).sort();
/** lab.json is a lab's run, not a list of cases: netns-lab.test.ts reads it. */
const tables = files
  .filter((file) => file !== "lab.json")
  .map((file) => JSON.parse(readFileSync(new URL(file, folder), "utf8")) as Table);
const byName = (name: string): Table => tables.find((table) => table.table === name)!;
const find = (table: string, name: string): NetnsCase => byName(table).cases.find((one) => one.name === name)!;
const withTraffic = tables.filter((table) => table.table !== "socket-filter");

describe("tables recorded in network namespaces", () => {
  it("all seven are there", () => {
    expect(files).toEqual([
      "bypass.json",
      "lab.json",
      "metadata.json",
      "socket-filter.json",
      "tc-return-codes.json",
      "tcx-return-codes.json",
      "xdp-actions.json",
    ]);
    expect(tables.map((table) => `${table.table}.json`)).toEqual(files.filter((file) => file !== "lab.json"));
  });

  it.each(tables.map((table) => [table.table, table] as const))(
    "%s: the objects are those that are there now",
    (_n, table) => {
      for (const [object, hash] of Object.entries(table.objects)) {
        const bytes = readFileSync(new URL(`../../programs/${object}`, import.meta.url));
        expect(createHash("sha256").update(bytes).digest("hex"), object).toBe(hash);
      }
    },
  );

  it.each(withTraffic.map((table) => [table.table, table] as const))(
    "%s: each frame was sent or refused",
    (_n, table) => {
      for (const { name, send, result } of table.cases) {
        const asked = send.frames.reduce((sum, frame) => sum + frame.count, 0);
        const refused = Object.values(result.sent.errors).reduce((sum, count) => sum + count, 0);
        expect(result.sent.sent + refused, name).toBe(asked);
      }
    },
  );

  it.each(withTraffic.map((table) => [table.table, table] as const))(
    "%s: no device tells of more than came",
    (_n, table) => {
      for (const { name, result } of table.cases)
        for (const [device, counters] of Object.entries(result.devices)) {
          expect(counters.rx.packets, `${name}, ${device}`).toBeLessThanOrEqual(result.sent.sent);
          expect(result.taps[device]!.in, `${name}, ${device}`).toBeLessThanOrEqual(
            counters.rx.packets || result.sent.sent,
          );
        }
    },
  );

  it.each([
    [
      "xdp-actions",
      "native DROP",
      "b:vb",
      { rx_queue_0_xdp_packets: 10, rx_queue_0_xdp_bytes: 460, rx_queue_0_xdp_drops: 10 },
    ],
    ["xdp-actions", "generic DROP", "b:vb", {}],
    [
      "xdp-actions",
      "native TX, peer has GRO on, 310 frames",
      "b:vb",
      {
        rx_queue_0_xdp_packets: 310,
        rx_queue_0_xdp_bytes: 14260,
        rx_queue_0_xdp_tx: 256,
        rx_queue_0_xdp_tx_errors: 54,
      },
    ],
  ] as const)("%s: %s has the counters that netsim's facts name", (table, name, device, ethtool) => {
    expect(find(table, name).result.devices[device]?.ethtool).toEqual(ethtool);
  });
});
