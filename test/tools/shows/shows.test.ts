/** What bpftool shows of programs, maps and types, as recorded on a real kernel: answers.json, made by record.mjs. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { LabError } from "../../../sim/engine/errors.ts";
import type { Host } from "../../../sim/net/host.ts";
import { addHost, createKernel } from "../../../sim/net/stack.ts";
import { runCommand } from "../../../sim/tools/run-command.ts";
import { ToolNetwork } from "../kit.ts";

interface Answer {
  readonly what: string;
  readonly loads: readonly string[];
  readonly shows: readonly { readonly command: string; readonly output: string }[];
}
const ROOT = new URL("../../../", import.meta.url);
const { plain } = (await import(new URL("plain.mjs", import.meta.url).href)) as {
  plain(output: string, ids: object): string;
};
const recorded = JSON.parse(readFileSync(new URL("answers.json", import.meta.url), "utf8")) as {
  readonly kernel: string;
  readonly bpftool: string;
  readonly cpus: number;
  readonly answers: readonly Answer[];
};

/** Runs a command that takes no time. */
function run(host: Host, line: string): string {
  const readFile = (path: string): Uint8Array => {
    try {
      return readFileSync(new URL(path, ROOT));
    } catch {
      throw new LabError([{ code: "FILE", message: `${path}: no such file` }]);
    }
  };
  const step = runCommand({ host, readFile }, line)[Symbol.iterator]().next();
  if (step.done !== true) throw new Error(`${line}: takes time`);
  return step.value.stdout + step.value.stderr;
}

/** Id of the last program's types. */
function typesOf(host: Host): string {
  const prog = [...host.bpf.programs.values()].at(-1)!;
  const shown = JSON.parse(run(host, `bpftool -j prog show id ${prog.id}`)) as { btf_id: number };
  return String(shown.btf_id);
}

describe(`bpftool ${recorded.bpftool} on Linux ${recorded.kernel}`, () => {
  describe.each(recorded.answers.map((a) => [a.what, a] as const))("%s", (_what, a) => {
    const host = addHost(createKernel({ seed: 1, idealCpu: true }), "h", { cpus: recorded.cpus });
    for (const load of a.loads) run(host, load);
    const ids = {};
    it.each(a.shows.map((s) => [s.command, s.output] as const))("%s", (command, output) => {
      expect(
        plain(
          run(
            host,
            command.replace("BTF", () => typesOf(host)),
          ),
          ids,
        ),
      ).toBe(output);
    });
  });
});

describe("kernel.bpf_stats_enabled", () => {
  const COUNTED = / run_time_ns (\d+) run_cnt (\d+)$/m;

  it("programs count their runs and what these cost while it is 1, those that are loaded later too", async () => {
    const net = new ToolNetwork("pair");
    net.do("b", "ip link set dev vb xdp obj xdp_drop.o sec xdp");
    net.send("a", "va", "ffffffffffff02000000000188b5", 3);
    net.wait(1e6);
    expect(net.do("b", "bpftool prog show")).not.toMatch(COUNTED);
    expect(net.do("b", "sysctl -w kernel.bpf_stats_enabled=1")).toBe("kernel.bpf_stats_enabled = 1\n");
    net.send("a", "va", "ffffffffffff02000000000188b5", 5);
    net.wait(1e6);
    const [, time, count] = COUNTED.exec(net.do("b", "bpftool prog show"))!;
    expect(Number(count)).toBe(5);
    expect(Number(time)).toBeGreaterThan(0);
    const shown = JSON.parse(net.do("b", "bpftool -j prog show")) as object[];
    expect(shown[0]).toMatchObject({ run_time_ns: Number(time), run_cnt: 5 });
    net.do("b", "ip link set dev vb xdp off");
    net.do("b", "ip link set dev vb xdp obj xdp_pass.o sec xdp");
    net.send("a", "va", "ffffffffffff02000000000188b5", 2);
    net.wait(1e6);
    expect(COUNTED.exec(net.do("b", "bpftool prog show"))?.[2]).toBe("2");
    net.do("b", "sysctl -w kernel.bpf_stats_enabled=0");
    net.send("a", "va", "ffffffffffff02000000000188b5", 2);
    net.wait(1e6);
    expect(COUNTED.exec(net.do("b", "bpftool prog show"))?.[2]).toBe("2");
  });

  it("is 0 or 1, and known by its name", async () => {
    const net = new ToolNetwork("pair");
    expect(net.do("b", "sysctl kernel.bpf_stats_enabled")).toBe("kernel.bpf_stats_enabled = 0\n");
    const refused = await net.exec("b", "sysctl -w kernel.bpf_stats_enabled=2");
    expect(refused.stderr).toBe('sysctl: setting key "kernel.bpf_stats_enabled": Invalid argument\n');
    expect(net.do("b", "sysctl -aN")).toContain("kernel.bpf_stats_enabled\n");
  });
});

describe("bpftool link", () => {
  it("has nothing to show, as no command makes a link", async () => {
    const net = new ToolNetwork("pair");
    net.do("b", "ip link set dev vb xdp obj xdp_drop.o sec xdp");
    expect(net.do("b", "bpftool link show")).toBe("");
    expect(net.do("b", "bpftool -j link list")).toBe("[]\n");
    const refused = await net.exec("b", "bpftool link show id 7");
    expect([refused.stderr, refused.status]).toEqual([
      "Error: failed to get link with ID 7: No such file or directory\n",
      254,
    ]);
  });
});
