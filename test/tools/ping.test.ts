/** `ping` where the round trip is known: two hosts on a cable that takes 10 ms in each direction. */
import { run } from "effection";
import { beforeEach, describe, expect, it } from "vitest";
import { setUp } from "../../sim/net/devices/device.ts";
import { connectNics, createNic } from "../../sim/net/devices/nic.ts";
import type { Kernel } from "../../sim/net/kernel.ts";
import { addHost, createKernel } from "../../sim/net/stack.ts";
import { rttText } from "../../sim/tools/ping/statistics.ts";
import { runCommand } from "../../sim/tools/run-command.ts";
import type { ToolResult } from "../../sim/tools/tool.ts";

let kernel: Kernel;

beforeEach(async () => {
  kernel = createKernel({ seed: 1, idealCpu: true });
  const a = addHost(kernel, "a");
  const b = addHost(kernel, "b");
  const link = connectNics(createNic(a, { name: "eth0" }), createNic(b, { name: "eth0" }));
  for (const w of link.wires) w.configure({ delayNs: 10e6 });
  setUp(link.a);
  setUp(link.b);
  await exec("a", "ip addr add 10.0.0.1/24 dev eth0");
  await exec("b", "ip addr add 10.0.0.2/24 dev eth0");
  await exec("a", "ip addr add 2001:db8::1/64 dev eth0");
  await exec("b", "ip addr add 2001:db8::2/64 dev eth0");
  for (const [host, ip, dev] of [
    ["a", "10.0.0.2", link.b],
    ["b", "10.0.0.1", link.a],
  ] as const) {
    const mac = Array.from(dev.mac, (x) => x.toString(16).padStart(2, "0")).join(":");
    await exec(host, `ip neigh add ${ip} lladdr ${mac} dev eth0`);
  }
});

async function exec(host: string, line: string): Promise<ToolResult> {
  const session = {
    host: kernel.hostByName.get(host)!,
    readFile: (): Uint8Array => {
      throw new Error("no files");
    },
  };
  const done: ToolResult[] = [];
  run(() => runCommand(session, line)).then((r) => done.push(r));
  await new Promise((next) => setImmediate(next));
  while (done.length === 0) {
    kernel.engine.run(kernel.engine.nowNs + 1e6, 1e6);
    await new Promise((next) => setImmediate(next));
  }
  return done[0]!;
}

describe("ping", () => {
  it("measures simulated time", async () => {
    expect(await exec("a", "ping -c 3 10.0.0.2")).toEqual({
      status: 0,
      stderr: "",
      stdout:
        "PING 10.0.0.2 (10.0.0.2) 56(84) bytes of data.\n" +
        "64 bytes from 10.0.0.2: icmp_seq=1 ttl=64 time=20.0 ms\n" +
        "64 bytes from 10.0.0.2: icmp_seq=2 ttl=64 time=20.0 ms\n" +
        "64 bytes from 10.0.0.2: icmp_seq=3 ttl=64 time=20.0 ms\n" +
        "\n--- 10.0.0.2 ping statistics ---\n" +
        "3 packets transmitted, 3 received, 0% packet loss, time 2000ms\n" +
        "rtt min/avg/max/mdev = 20.000/20.000/20.000/0.000 ms\n",
    });
    // it ends with the last answer
    expect(Math.round(kernel.engine.nowNs / 1e6)).toBeGreaterThanOrEqual(2020);
    expect(kernel.engine.nowNs).toBeLessThan(2030e6);
  });
  it("finds nodes by name and names them in answers, IPv4 first", async () => {
    const { stdout } = await exec("a", "ping -c 1 b");
    expect(stdout).toContain(
      "PING b (10.0.0.2) 56(84) bytes of data.\n64 bytes from b (10.0.0.2): icmp_seq=1 ttl=64 time=20.0 ms\n",
    );
    expect((await exec("a", "ping -n -c 1 b")).stdout).toContain("64 bytes from 10.0.0.2: icmp_seq=1");
  });
  it("speaks IPv6", async () => {
    await exec("a", "ping -6 -c 1 b");
    expect((await exec("a", "ping -6 -c 1 b")).stdout).toBe(
      "PING b(b (2001:db8::2)) 56 data bytes\n" +
        "64 bytes from b (2001:db8::2): icmp_seq=1 ttl=64 time=20.0 ms\n" +
        "\n--- b ping statistics ---\n" +
        "1 packets transmitted, 1 received, 0% packet loss, time 0ms\n" +
        "rtt min/avg/max/mdev = 20.000/20.000/20.000/0.000 ms\n",
    );
  });
  it("counts what is under way at once", async () => {
    const { stdout } = await exec("a", "ping -c 4 -i 0.005 -q 10.0.0.2");
    expect(stdout).toContain("4 packets transmitted, 4 received, 0% packet loss, time 15ms\n");
    expect(stdout).toContain("rtt min/avg/max/mdev = 20.000/20.000/20.000/0.000 ms, pipe 4\n");
  });
  it("has no times when the data is too short for them", async () => {
    const { stdout } = await exec("a", "ping -c 1 -s 8 10.0.0.2");
    expect(stdout).toBe(
      "PING 10.0.0.2 (10.0.0.2) 8(36) bytes of data.\n16 bytes from 10.0.0.2: icmp_seq=1 ttl=64\n" +
        "\n--- 10.0.0.2 ping statistics ---\n1 packets transmitted, 1 received, 0% packet loss, time 0ms\n\n",
    );
  });
  it("stamps lines with simulated time on request", async () => {
    expect((await exec("a", "ping -D -c 1 10.0.0.2")).stdout).toMatch(/^\[0\.0\d{5}\] 64 bytes from/m);
  });
  it.each([
    ["-c 2 -i 0.1 -W 0.5 10.0.0.77", 1, "2 packets transmitted, 0 received, 100% packet loss, time 100ms\n\n"],
    ["-c 9 -w 1 -i 0.4 10.0.0.2", 1, "3 packets transmitted, 3 received, 0% packet loss, time 800ms\n"],
    ["-c 3 -w 1 -i 0.2 10.0.0.2", 0, "3 packets transmitted, 3 received, 0% packet loss, time 400ms\n"],
  ])("ping %s", async (words, status, line) => {
    const result = await exec("a", `ping ${words}`);
    expect(result.stdout).toContain(line);
    expect(result.status).toBe(status);
  });
  it("tells when a host is not there", async () => {
    const { stdout, status } = await exec("a", "ping -c 1 10.0.0.77");
    expect(stdout).toContain("From 10.0.0.1 icmp_seq=1 Destination Host Unreachable\n");
    expect(stdout).toContain("1 packets transmitted, 0 received, +1 errors, 100% packet loss, time 0ms\n");
    expect(status).toBe(1);
  });
  it("gives up after twice the longest round trip when it had answers before", async () => {
    const first = exec("a", "ping -c 2 -i 0.5 10.0.0.2");
    const at = kernel.engine.nowNs;
    const wire = kernel.hostByName.get("b")!.devByName.get("eth0")!;
    await new Promise((next) => setImmediate(next));
    kernel.engine.run(at + 300e6, 1e6);
    await exec("b", "ip link set eth0 down");
    expect(wire.up).toBe(false);
    const { stdout } = await first;
    expect(stdout).toContain("2 packets transmitted, 1 received, 50% packet loss, time 500ms\n");
    // the interval is longer than twice 20 ms
    expect((kernel.engine.nowNs - at) / 1e6).toBeLessThan(1010);
  });
  it.each([
    ["ping", 1, "ping: usage error: Destination address required\n"],
    ["ping 10.0.0.2", 2, "ping: nobody is there to stop it in netsim: say -c COUNT or -w SECONDS\n"],
    ["ping -c x 10.0.0.2", 1, "ping: invalid argument: 'x'\n"],
    ["ping -c 1 -t 300 10.0.0.2", 1, "ping: invalid argument: '300': out of range: 0 <= value <= 255\n"],
    ["ping -6 -c 1 10.0.0.2", 2, "ping: 10.0.0.2: Address family for hostname not supported\n"],
    ["ping -c 1 -I 1.2.3.4 10.0.0.2", 2, "ping: bind: Cannot assign requested address\n"],
    [
      "ping -c 1 10.0.0.255",
      2,
      "ping: Do you want to ping broadcast? Then -b. If not, check your local firewall rules\n",
    ],
    ["ping -c 1 -f 10.0.0.2", 2, "netsim has no `ping -f` yet; it has -4 -6 -b -c -D -i -I -M -n -q -Q -s -t -w -W\n"],
    ["ping -c 1 fe80::1", 2, "ping: connect: Invalid argument\n"],
  ])("%s", async (line, status, stderr) => {
    expect(await exec("a", line)).toEqual({ status, stdout: "", stderr });
  });
  it.each([
    [7, " time=0.007 ms"],
    [922, " time=0.922 ms"],
    [1004, " time=1.00 ms"],
    [1005, " time=1.01 ms"],
    [9994, " time=9.99 ms"],
    [9995, " time=10.0 ms"],
    [99949, " time=99.9 ms"],
    [99950, " time=100 ms"],
    [1234567, " time=1235 ms"],
  ])("%d us are shown with three digits", (us, text) => {
    expect(rttText(us)).toBe(text);
  });
});
