import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { failures, LABS, type LabRun, labText, OBJECTS, ROOT, runLab, runTopology } from "./kit.ts";

/** Objects that the labs read, filled as they run. */
const used = new Set<string>();

/** Programs at hooks of devices that no packet reached anywhere in the lab. */
function idlePrograms({ summary }: LabRun): readonly string[] {
  const runs = new Map<string, number>();
  const add = (program: string, n: number): void => {
    runs.set(program, (runs.get(program) ?? 0) + n);
  };
  for (const x of summary.xdp) add(x.program, x.pass + x.drop + x.tx + x.redirect + x.aborted + x.invalid);
  for (const t of summary.tc) {
    add(
      `${t.hook} ${t.program}`,
      Object.values(t.verdicts).reduce((sum, n) => sum + n, 0),
    );
  }
  return [...runs].filter(([, n]) => n === 0).map(([program]) => program);
}

describe("the labs of topologies/", () => {
  describe.each(LABS)("%s", (name) => {
    it("begins with a comment that says what it shows", () => {
      expect(labText(name)).toMatch(/^# .{20}/);
    });

    it("holds every expectation, balances to the packet, and gives the same trace a second time", async () => {
      const first = await runTopology(name);
      for (const object of first.objects) used.add(object);
      expect(failures(first.summary)).toEqual([]);
      const b = first.summary.balance;
      expect(b.entered).toBeGreaterThan(0);
      expect(b.delivered + b.handled + b.inFlight + b.dropped).toBe(b.entered);
      const dropped = first.summary.drops.reduce((sum, d) => sum + d.packets, 0);
      expect(dropped).toBe(b.dropped);
      expect(idlePrograms(first)).toEqual([]);
      const second = await runTopology(name);
      expect(second.trace).toBe(first.trace);
      expect(JSON.stringify(second.summary)).toBe(JSON.stringify(first.summary));
    });
  });

  it("use every bundled program", () => {
    expect([...used].sort()).toEqual(OBJECTS);
  });

  it("expect something, all but the plain containerlab file", () => {
    const silent = LABS.filter((name) => !/^expect:/m.test(labText(name)));
    expect(silent).toEqual(["clab.yaml"]);
  });

  it("are listed in the folder's README, and nothing else is", () => {
    const listed = [
      ...readFileSync(join(ROOT, "topologies", "README.md"), "utf8").matchAll(/^\| \[?`?([\w-]+\.yaml)/gm),
    ];
    expect(listed.map((m) => m[1]).sort()).toEqual(LABS);
  });
});

describe("clab.yaml", () => {
  it("runs its exec lists as containerlab would: routes are there, and host1 reaches host2 through both routers", async () => {
    const { summary } = await runTopology("clab.yaml");
    const ping = summary.commands.find((c) => c.command.startsWith("ping"));
    expect(ping?.status).toBe(0);
    expect(ping?.stdout).toContain("3 packets transmitted, 3 received, 0% packet loss");
    expect(ping?.stdout).toContain("ttl=62");
    expect(summary.commands.find((c) => c.command === "ip route show")?.stdout).toContain(
      "192.168.2.0/24 via 10.0.0.2 dev eth2",
    );
  });
});

describe("l4lb.yaml", () => {
  it("carries at least 100,000 packets, and loses them at one place for one reason", async () => {
    const { summary } = await runTopology("l4lb.yaml");
    expect(summary.balance.entered).toBeGreaterThan(200_000);
    expect(summary.drops.map((d) => [d.node, d.interface, d.reason])).toEqual([["router", "b3", "LINK_DOWN"]]);
    expect(summary.traffic[0]!.receivers).toHaveLength(8);
  });

  it("runs otherwise with another seed, and as well", async () => {
    const text = labText("l4lb.yaml");
    const other = await runLab(text.replace(/^name: l4lb$/m, "name: l4lb\nseed: 2"), "l4lb.yaml");
    expect(failures(other.summary)).toEqual([]);
    expect(other.trace).not.toBe((await runTopology("l4lb.yaml")).trace);
  });
});

describe("README.md's labs", () => {
  const readme = readFileSync(join(ROOT, "README.md"), "utf8");
  const labs = [...readme.matchAll(/^```yaml\n(# ([\w-]+\.yaml): [\s\S]*?)^```$/gm)];

  it.each(labs.map((m) => [m[2]!, m[1]!]))("%s is what it says", async (name, text) => {
    const { summary } = await runLab(text, name, ROOT);
    expect(failures(summary)).toEqual([]);
    expect(summary.expect.length).toBeGreaterThan(0);
  });

  it("are all run", () => {
    expect(labs.map((m) => m[2])).toEqual(["first.yaml", "variables.yaml"]);
    expect(readme.match(/^```yaml$/gm)).toHaveLength(labs.length);
  });
});
