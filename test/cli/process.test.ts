/** What only a process of its own can show: signals, pipes, bytes that are the same in two runs. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { start } from "./built.ts";
import { ROOT } from "./kit.ts";

let dir = "";
const lab = (duration: string): string => `
duration: ${duration}
topology:
  nodes:
    h1: {interfaces: {eth0: {ip: 10.0.0.1/24}}}
    h2: {interfaces: {eth0: {ip: 10.0.0.2/24, xdp: ${ROOT}programs/xdp_pass.o}}}
  links: [{endpoints: [h1:eth0, h2:eth0], delay: 1ms, jitter: 500us, loss: 1%}]
traffic:
  - {type: udp, name: u, from: h1, to: h2, rate: 20kpps, poisson: true, flows: 4}
expect: [traffic.u.loss < 50%]
`;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "netsim-process-"));
  writeFileSync(join(dir, "short.yaml"), lab("200ms"));
  writeFileSync(join(dir, "long.yaml"), lab("10000s"));
});
afterAll(() => rmSync(dir, { recursive: true }));

/** Walks the blocks of a pcapng file. @returns how many; throws when the last one is cut */
function pcapngBlocks(bytes: Buffer): number {
  let n = 0;
  for (let at = 0; at < bytes.length; n++) {
    const length = bytes.readUInt32LE(at + 4);
    if (length % 4 !== 0 || bytes.readUInt32LE(at + length - 4) !== length)
      throw new Error(`block ${n} at ${at} is broken`);
    at += length;
  }
  return n;
}

describe("netsim as a process", () => {
  it("Ctrl-C ends a run soon, with status 130 and whole files", async () => {
    const out = join(dir, "int");
    const { child, ended } = start(
      ["run", "long.yaml", "--out", out, "--pcap", "h?:eth0", "--trace", join(out, "t")],
      dir,
    );
    const parts = (): string[] => (existsSync(out) ? readdirSync(out).filter((f) => f.endsWith(".part")) : []);
    while (parts().length < 3 && child.exitCode === null) await new Promise((r) => setTimeout(r, 20));
    await new Promise((r) => setTimeout(r, 300));
    child.kill("SIGINT");
    const { status, stdout, stderr } = await ended;
    expect({ status, stdout, stderr }).toEqual({ status: 130, stdout: "", stderr: "" });
    expect(readdirSync(out).sort()).toEqual(["h1-eth0.pcapng", "h2-eth0.pcapng", "t"]);
    expect(pcapngBlocks(readFileSync(join(out, "h1-eth0.pcapng")))).toBeGreaterThan(100);
  });

  it("the bundled command finds the kernel's types beside it", async () => {
    const { status, stdout } = await start(
      ["prog", "dump", join(ROOT, "test/fixtures/objects/core.o"), "k_skb_len"],
      dir,
    ).ended;
    expect(status).toBe(0);
    expect(stdout).toContain("r0 = *(u32 *)(r1 +112)\n");
  });

  it("two runs from two directories give the same bytes", async () => {
    const run = async (cwd: string, file: string, out: string): Promise<Buffer[]> => {
      const r = await start(
        ["run", file, "--out", out, "--pcap", "h2:eth0", "--trace", join(out, "t"), "--seed", "7"],
        cwd,
      ).ended;
      expect(r.stderr).toBe("");
      expect(r.status).toBe(0);
      return ["summary.json", "summary.txt", "h2-eth0.pcapng", "t"].map((f) => readFileSync(join(out, f)));
    };
    const a = await run(dir, "short.yaml", join(dir, "a"));
    const b = await run(ROOT, join(dir, "short.yaml"), join(dir, "b"));
    for (const [i, bytes] of a.entries()) expect([i, bytes.equals(b[i]!)]).toEqual([i, true]);
    expect(a[3]!.length).toBeGreaterThan(10_000);
  });

  it("a slow reader of a pipe gets everything", async () => {
    const { child, ended } = start(["btf", "dump", "format", "c"], dir);
    child.stdout!.pause();
    setTimeout(() => child.stdout!.resume(), 1500);
    const { status, stdout } = await ended;
    expect(status).toBe(0);
    expect(stdout.slice(-40)).toContain("#endif /* __VMLINUX_H__ */\n");
  });

  it("a reader that closes the pipe is no fault", async () => {
    const { child, ended } = start(["run", "short.yaml", "--json"], dir);
    child.stdout!.once("data", () => child.stdout!.destroy());
    const { status, stderr } = await ended;
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  });

  it("what cannot be written is said, and nothing half is left", async () => {
    writeFileSync(join(dir, "file"), "mine");
    const r = await start(["run", "short.yaml", "--out", "file"], dir).ended;
    expect([r.status, r.stderr]).toEqual([
      2,
      "file cannot be written: a part of the path is not a directory [OUTPUT_FAILED]\n",
    ]);
    expect(readFileSync(join(dir, "file"), "utf8")).toBe("mine");
  });

  it("a bad lab is refused with its place and status 2", async () => {
    writeFileSync(join(dir, "bad.yaml"), "topology: {nodes: {h1: {cpus: x}}}\n");
    const r = await start(["run", "bad.yaml"], dir).ended;
    expect(r.status).toBe(2);
    expect(r.stderr).toContain("bad.yaml:1:31: topology.nodes.h1.cpus: expected a whole number");
  });
});
