import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readCapture } from "../../sim/apps/capture-file.ts";
import { netsim, ROOT } from "./kit.ts";

const packets = JSON.parse(readFileSync(new URL("../kernel/packets.json", import.meta.url), "utf8")) as {
  name: string;
  hex: string;
}[];
const bytesOf = (name: string): Buffer => Buffer.from(packets.find((p) => p.name === name)!.hex, "hex");

const dir = mkdtempSync(join(tmpdir(), "netsim-prog-run-"));
afterAll(() => rmSync(dir, { recursive: true }));
const file = (name: string, bytes: Uint8Array | string): string => {
  writeFileSync(join(dir, name), bytes);
  return join(dir, name);
};
const syn = file("syn", bytesOf("ipv4_tcp_syn"));

const COUNT = "programs/xdp_proto_count.o";

/** As `bpftool prog run` of Linux 6.18 printed it for the same packet, but for the duration. */
const BPFTOOL_DUMP =
  "0000000\t0200 0000 0002 0200 0000 0001 0800 4500 | ........ ......E.\n" +
  "0000010\t0028 1234 4000 4006 3c65 c000 0201 c633 | .(.4@.@. <e.....3\n" +
  "0000020\t6402 9c40 0050 0102 0304 0000 0000 5002 | d..@.P.. ......P.\n" +
  "0000030\tfaf0 2824 0000                          | ..($..\n";

describe("netsim prog run", () => {
  it("prints verdict and packet as bpftool does", async () => {
    const one = await netsim(["prog", "run", COUNT, "--data-in", syn, "--repeat", "5", "--data-out", "-"]);
    expect(one.stderr).toBe("");
    expect(one.status).toBe(0);
    expect(one.stdout.replace(/\d+ns/, "Nns")).toBe(`${BPFTOOL_DUMP}Return value: 2, duration (average): Nns\n`);
  });

  it("prints bpftool's JSON, in one line or laid out", async () => {
    const args = ["prog", "run", "programs/xdp_pass.o", "--data-in", syn];
    expect((await netsim([...args, "-j"])).stdout).toMatch(/^\{"retval":2,"duration":\d+\}\n$/);
    expect((await netsim([...args, "-p"])).stdout).toMatch(/^\{\n {4}"retval": 2,\n {4}"duration": \d+\n\}\n$/);
    const out = JSON.parse((await netsim([...args, "-j", "--data-out", "-"])).stdout) as { data_out: number[] };
    expect(Buffer.from(out.data_out)).toEqual(bytesOf("ipv4_tcp_syn"));
  });

  it("takes the same time on every machine: the model's", async () => {
    const args = ["prog", "run", COUNT, "--data-in", syn];
    expect(await netsim(args)).toEqual(await netsim(args));
  });

  it("runs types for which Linux has no test run on the context that is given", async () => {
    // struct bpf_sock_addr, its user_family AF_INET
    const ctx = file("ctx", Buffer.concat([Buffer.from([2, 0, 0, 0]), Buffer.alloc(68)]));
    const run = await netsim(["prog", "run", "test/net/helpers/oracle/objects/connect4.o", "--ctx-in", ctx]);
    expect(run.stderr).toBe("");
    expect(run.stdout).toMatch(/^Return value: 1, duration: \d+ns\n$/);
  });

  it("gives variables values before it loads, written as in a lab", async () => {
    const fold = (...globals: string[]): ReturnType<typeof netsim> =>
      netsim([
        ...["prog", "run", "test/fixtures/objects/globals.o", "--prog", "fold", "--data-in", syn],
        ...globals.flatMap((g) => ["--global", g]),
      ]);
    const plain = /^Return value: 1829251411,/;
    expect((await fold()).stdout).toMatch(plain);
    // what Linux 6.18 answers with these values
    const all = ["enabled=false", "ports=[53, 80, 0, 65531]", "trusted=10.0.0.1", "trusted6 = 2001:db8::1", "burst=3"];
    const more = ["policy={verdict: 2, low: 0x16, high: 80, strict: 1, level: 127}", "label=a\u00e9b", "burst=2"];
    const rest = ["offset_ns=-36028797018963968", "key='hex:0504030201'", "custom=0xffffffff", "dropped=7"];
    expect((await fold(...all, ...more, ...rest)).stdout).toMatch(/^Return value: 3023080526,/);
    expect((await fold("label=")).stdout).not.toMatch(plain);
  });

  it.each([
    ["burst", "--global burst: expected NAME=VALUE [GLOBAL_SYNTAX]"],
    ["burst=[1", "--global burst=[1: the value is no YAML: "],
    ["burst=*a", "--global burst=*a: the value is no YAML: "],
    [`burst=${"[".repeat(20000)}`, "the value is no YAML: "],
    ["bursts=1", 'globals.o has no global variable "bursts" [GLOBAL_UNKNOWN]\n  fix: did you mean burst?'],
    ["burst=many", "__u32 burst of test/fixtures/objects/globals.o: expected an integer"],
  ])("a variable that cannot be set is refused: %#", async (global, text) => {
    const run = await netsim([
      ...["prog", "run", "test/fixtures/objects/globals.o", "--prog", "fold"],
      ...["--data-in", syn, "--global", global],
    ]);
    expect(run.status).toBe(2);
    expect(run.stderr).toContain(text);
  });

  it("fills maps before and dumps them afterwards, both in bpftool's JSON", async () => {
    const given = file(
      "maps.json",
      '{"proto_count":[{"key":6,"values":[{"cpu":0,"value":{"packets":40,"bytes":2}}]}]}',
    );
    const out = join(dir, "after.json");
    const run = await netsim(["prog", "run", COUNT, "--data-in", syn, "--maps", given, "--maps-out", out]);
    expect(run.stderr).toBe("");
    const after = JSON.parse(readFileSync(out, "utf8")) as { proto_count: { formatted: { key: number } }[] };
    const tcp = after.proto_count.find((e) => e.formatted.key === 6)!;
    expect(tcp.formatted).toEqual({ key: 6, values: [{ cpu: 0, value: { packets: 41, bytes: 56 } }] });
    // what was dumped can be given again
    const again = await netsim(["prog", "run", COUNT, "--data-in", syn, "--maps", out, "--maps-out", "-"]);
    expect(again.stdout).toContain('"formatted":{"key":6,"values":[{"cpu":0,"value":{"packets":42,"bytes":110}}]}');
  });

  it("runs every packet of a capture and sums up the verdicts; --profile and --coverage count lines", async () => {
    const out = join(dir, "run");
    const lab = ["run", "topologies/xdp_proto_count.yaml", "--pcap", "h2:eth0", "--out", out, "--quiet"];
    expect((await netsim(lab)).status).toBe(0);
    const capture = join(out, "h2-eth0.pcapng");
    const info = join(dir, "cov.info");
    const run = await netsim(["prog", "run", COUNT, "--data-in", capture, "--profile", "--coverage", info]);
    expect(run.stderr).toBe("");
    const [, total] = /^XDP_PASS +(\d+) +100%/m.exec(run.stdout)!;
    expect(Number(total)).toBeGreaterThan(500);
    expect(run.stdout).toContain(`${String(total).padStart(10)} calls of bpf_map_lookup_elem\n`);
    expect(run.stdout).toMatch(new RegExp(`^ +${total} +\\d+ +\\d+% #? +\\| +\\d+ .*count->bytes \\+=`, "m"));
    const lcov = readFileSync(info, "utf8");
    expect(lcov).toContain(`FNDA:${total},xdp_proto_count\n`);
    expect(lcov).toMatch(new RegExp(`^DA:\\d+,${total}$`, "m"));
    expect(lcov).toMatch(/^DA:\d+,0$/m);
  });

  it("writes what the program left: one packet as bytes, a capture as a capture", async () => {
    const out = join(dir, "out");
    const icmp = file("vlan", bytesOf("vlan_ipv4_tcp"));
    await netsim(["prog", "run", "programs/xdp_pass.o", "--data-in", icmp, "--data-out", out]);
    expect(readFileSync(out)).toEqual(bytesOf("vlan_ipv4_tcp"));
    const frames = [bytesOf("vlan_ipv4_tcp"), bytesOf("ipv4_udp")];
    const record = (b: Buffer): Buffer => {
      const head = Buffer.alloc(16);
      head.writeUInt32LE(b.length, 8);
      head.writeUInt32LE(b.length, 12);
      return Buffer.concat([head, b]);
    };
    const header = Buffer.from("d4c3b2a1020004000000000000000000ffff000001000000", "hex");
    const capture = file("two.pcap", Buffer.concat([header, ...frames.map(record)]));
    await netsim(["prog", "run", "programs/xdp_pass.o", "--data-in", capture, "--data-out", out]);
    expect(readCapture(readFileSync(out), "out").map((f) => Buffer.from(f.bytes))).toEqual(frames);
  });

  it.each([
    ["a missing object", ["programs/xdp_no.o", "--data-in", syn], 3, /programs\/xdp_no\.o: no such file/],
    ["a missing packet", [COUNT, "--data-in", "nope.bin"], 2, /nope\.bin: no such file/],
    ["no packet at all", [COUNT], 2, /no packet was given: failed to run program: Invalid argument/],
    ["a packet too short", [COUNT, "--data-in", file("short", "abc")], 2, /failed to run program: Invalid argument/],
    ["an unknown program", [COUNT, "--prog", "xdp_prot_count", "--data-in", syn], 2, /did you mean xdp_proto_count/],
    [
      "no choice among several",
      ["programs/xdp_tailcall.o", "--data-in", syn],
      2,
      /has 8 programs.*\n.*say which: --prog handle_ipv4 /,
    ],
    ["no number of runs", [COUNT, "--data-in", syn, "--repeat", "0"], 2, /--repeat 0: expected a number/],
    ["an unknown type", [COUNT, "--data-in", syn, "--type", "xpd"], 2, /no program type "xpd"/],
    ["maps that are no JSON", [COUNT, "--data-in", syn, "--maps", file("bad.json", "{")], 2, /this is no JSON/],
    [
      "a map that the object does not have",
      [COUNT, "--data-in", syn, "--maps", file("other.json", '{"proto_cuont":[]}')],
      2,
      /proto_cuont: the object has no map of this name[\s\S]*did you mean proto_count/,
    ],
    [
      "an element that does not fit",
      [COUNT, "--data-in", syn, "--maps", file("wide.json", '{"proto_count":[{"key":999,"value":{"packets":1}}]}')],
      2,
      /proto_count\[0\]: the map refuses the element/,
    ],
  ])("refuses %s in words", async (_what, args, status, message) => {
    const run = await netsim(["prog", "run", ...args], ROOT);
    expect(run.stderr).toMatch(message);
    expect(run.stderr).not.toMatch(/\n\s+at /);
    expect(run.status).toBe(status);
    expect(run.stdout).toBe("");
  });
});
