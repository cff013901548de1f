/** u32 and classic bpf match what they match on Linux 6.18: answers.json, as record.mjs took it from a kernel. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ToolNetwork } from "../../../tools/kit.ts";

interface Answers {
  readonly commands: readonly string[];
  readonly packets: readonly { readonly name: string; readonly hex: string; readonly hits: readonly number[] }[];
  readonly qdisc: { readonly bytes: number; readonly packets: number; readonly drops: number };
}

// what record.mjs wrote
const answers = JSON.parse(readFileSync(new URL("answers.json", import.meta.url), "utf8")) as Answers;

describe("filters at clsact, packet by packet", () => {
  const net = new ToolNetwork("pair");
  for (const line of ["ip link add d0 type veth peer name d1", "ip link set d0 up", "ip link set d1 up"])
    net.do("b", line);
  net.do("b", "tc qdisc add dev vb clsact");
  for (const command of answers.commands) net.do("b", command);

  const counts = (): Map<number, number> => {
    interface Listed {
      readonly actions?: readonly { readonly index: number; readonly stats: { readonly packets: number } }[];
    }
    const listed = JSON.parse(net.do("b", "tc -s -j actions ls action mirred")) as readonly Listed[];
    return new Map(listed.flatMap((l) => l.actions ?? []).map((a) => [a.index, a.stats.packets]));
  };

  it.each(answers.packets)("$name", ({ hex, hits }) => {
    const before = counts();
    net.send("a", "va", hex, 1);
    net.wait(1e6);
    const now = [...counts()].filter(([i, n]) => n > before.get(i)!).map(([i]) => i);
    expect(now).toEqual(hits);
  });

  it("clsact has counted as on Linux", () => {
    const rows = JSON.parse(net.do("b", "tc -s -j qdisc show dev vb")) as { kind: string }[];
    expect(rows.find((r) => r.kind === "clsact")).toMatchObject(answers.qdisc);
  });
});
